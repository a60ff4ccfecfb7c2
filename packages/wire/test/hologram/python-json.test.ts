import { HalyardError } from '@halyard/wire'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeSms, writePythonJson } from '../../src/hologram/index.ts'
import type { JsonValue } from '../../src/hologram/index.ts'

const codeOf = (run: () => unknown): { code: string; message: string } => {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(HalyardError)
    return error as HalyardError
  }
  throw new Error('nothing was thrown')
}

describe('the JSON writer', () => {
  it('writes what JSON.parse reads back', () => {
    const values = fc.jsonValue({ depthSize: 'medium' }) as fc.Arbitrary<JsonValue>
    fc.assert(
      fc.property(values, (value) => {
        expect(JSON.parse(writePythonJson(value))).toEqual(value)
      }),
    )
  })

  it('writes every string, half surrogate pairs too, in printable ASCII', () => {
    const anything = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units))
    fc.assert(
      fc.property(anything, (text) => {
        const written = writePythonJson(text)
        expect(written).toMatch(/^[ -~]*$/)
        expect(JSON.parse(written)).toBe(text)
      }),
    )
  })

  it('writes every float so that it comes back the same', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Object.is(JSON.parse(writePythonJson(value)), value)).toBe(true)
      }),
    )
  })

  it('writes minus zero as Python does', () => expect(writePythonJson(-0)).toBe('-0.0'))

  it('leaves out what is undefined', () => expect(writePythonJson({ a: undefined, b: 1 })).toBe('{"b": 1}'))

  it.each([NaN, Infinity, -Infinity])('refuses %d and says what to send', (value) => {
    const error = codeOf(() => writePythonJson([value]))
    expect(error.code).toBe('ERR_HOLOGRAM_JSON')
    expect(error.message).toBe(`JSON has no ${value}; send null or a string`)
  })

  it('refuses 33 levels, and a value that contains itself', () => {
    const nest = (levels: number): JsonValue => (levels === 0 ? 'x' : [nest(levels - 1)])
    expect(writePythonJson(nest(32))).toBe(`${'['.repeat(32)}"x"${']'.repeat(32)}`)
    expect(codeOf(() => writePythonJson(nest(33))).message).toBe('a JSON value may nest 32 levels; send it flatter')
    const circle: JsonValue[] = []
    circle.push(circle)
    expect(codeOf(() => writePythonJson(circle)).code).toBe('ERR_HOLOGRAM_JSON')
  })
})

describe('an SMS that cannot be framed', () => {
  const auth = { deviceKey: '12345678' }

  it.each(['a\r\rb', 'a\n\nb', 'a\r\n\r\nb', 'a\r'])('has the body %j', (body) => {
    const error = codeOf(() => encodeSms({ auth, destination: '+1', body }))
    expect(error).toMatchObject({ code: 'ERR_HOLOGRAM_SMS', message: expect.stringContaining('blank line') as string })
  })

  it.each(['', '+1 555', '+1\r', '1'.repeat(33), '+ü'])('has the destination %j', (destination) => {
    expect(codeOf(() => encodeSms({ auth, destination, body: 'x' })).message).toContain('+11234567890')
  })
})
