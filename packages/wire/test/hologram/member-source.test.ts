import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRequest } from '../../src/hologram/index.ts'
import { memberSource } from '../../src/hologram/member-source.ts'

const sourceOf = (data: string): unknown => {
  const result = decodeRequest(new TextEncoder().encode(`{"s":"1234","c":"5678","d":${data}}\r\r`))
  return result && 'request' in result && result.request.kind === 'message' && result.request.dataSource
}

describe('data that is no text keeps the text that it had', () => {
  it.each(['12345678901234567890', '-9007199254740993', '1.10', '1e400', '-0', '3.0', '0.1000000000000000055511'])(
    'the number %s',
    (number) => {
      expect(sourceOf(number)).toBe(number)
      expect(sourceOf(`[${number}]`)).toBe(`[${number}]`)
      expect(sourceOf(`{"n": ${number}}`)).toBe(`{"n": ${number}}`)
    },
  )

  it('with the white space inside it, not that around it', () => {
    expect(sourceOf(' \t[ 1 ,\r\n { "a" : "b" } ] ')).toBe('[ 1 ,\r\n { "a" : "b" } ]')
  })

  it('and of a text there is none', () => {
    expect(sourceOf('"text"')).toBeUndefined()
  })
})

describe('the source of a member', () => {
  it('is that of the last one of its name, however that is written, and not that of one inside another', () => {
    expect(memberSource('{"d":1,"\\u0064":22,"x":{"d":3},"y":["d",{"d":4}]}', 'd')).toBe('22')
    expect(memberSource('{"x":"\\"d\\":5","d":6}', 'd')).toBe('6')
    expect(memberSource(' { "a" : "}]," , "d" : "\\\\" } ', 'd')).toBe('"\\\\"')
    expect(memberSource('{}', 'd')).toBeUndefined()
  })

  it('means what JSON.parse makes of it, in any object and any layout', () => {
    const name = fc.oneof(fc.constantFrom('d', '"', '\\', '{', ':', ','), fc.string({ maxLength: 4 }))
    const layout = fc.constantFrom(undefined, 1, '\t', ' \r\n')
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.jsonValue()), { maxLength: 6 }), layout, (members, indent) => {
        const texts = members.map(([key, value]) => `${JSON.stringify(key)} :\n${JSON.stringify(value, null, indent)}`)
        const text = ` {${texts.join('\t,')} }`
        const parsed = new Map(members.map(([key, value]) => [key, JSON.stringify(value, null, indent)]))
        for (const [key, source] of parsed) expect(memberSource(text, key)).toBe(source)
        expect(memberSource(text, 'nobody')).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })
})
