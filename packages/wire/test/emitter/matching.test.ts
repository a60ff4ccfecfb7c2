import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HandlerTree, matchesChannel } from '../../src/emitter/index.ts'

const CHANNELS = ['a/', 'a/b/', 'a/b/c/', 'a/x/c/', 'b/', 'b/b/']

/** docs/protocols/emitter.md §1.6 */
const TABLE: readonly (readonly [filter: string, emitter: string, mqtt: string])[] = [
  ['a/', 'a/ a/b/ a/b/c/ a/x/c/', 'a/'],
  ['a/b/', 'a/b/ a/b/c/', 'a/b/'],
  ['a/+/', 'a/b/ a/b/c/ a/x/c/', 'a/b/'],
  // Nothing in the original.
  ['a/#/', 'a/ a/b/ a/b/c/ a/x/c/', 'a/b/ a/b/c/ a/x/c/'],
  ['+/', CHANNELS.join(' '), 'a/ b/'],
  ['+/b/', 'a/b/ a/b/c/ b/b/', 'a/b/ b/b/'],
  // Nothing in the original.
  ['#/', CHANNELS.join(' '), CHANNELS.join(' ')],
  ['a/+/c/', 'a/b/c/ a/x/c/', 'a/b/c/ a/x/c/'],
  ['a/*/', '', ''],
  ['a/#/c/', '', ''],
]

describe('which subscription gets what', () => {
  for (const [filter, emitter, mqtt] of TABLE) {
    it(filter, () => {
      const got = (matcher: 'emitter' | 'mqtt'): string =>
        CHANNELS.filter((channel) => matchesChannel(matcher, filter, channel)).join(' ')
      expect(got('emitter')).toBe(emitter)
      expect(got('mqtt')).toBe(mqtt)
    })
  }
  it('compares whole segments', () => {
    expect(matchesChannel('emitter', 'a/', 'ab/')).toBe(false)
    expect(matchesChannel('emitter', 'ab/', 'a/')).toBe(false)
    expect(matchesChannel('mqtt', 'a/+/', 'a/')).toBe(false)
    expect(matchesChannel('emitter', 'a/+/', 'a/')).toBe(false)
  })
})

describe('a tree of handlers', () => {
  const tree = (...channels: string[]): HandlerTree<string> => {
    const made = new HandlerTree<string>()
    for (const channel of channels) made.insert(channel, channel)
    return made
  }
  // V52
  const handlers = ['a/', 'a/b/c/', 'a/+/c/', 'a/b/c/d/', 'a/+/c/+/', 'x/', 'x/y/', 'x/+/z/']
  for (const [channel, found] of [
    ['a/1/2/3/', ['a/']],
    ['a/x/c/', ['a/', 'a/+/c/']],
    ['a/b/c/', ['a/', 'a/b/c/', 'a/+/c/']],
    ['a/b/c/d/', ['a/', 'a/b/c/', 'a/b/c/d/', 'a/+/c/', 'a/+/c/+/']],
    ['a/b/c/e/', ['a/', 'a/b/c/', 'a/+/c/', 'a/+/c/+/']],
    ['x/y/c/e/', ['x/', 'x/y/']],
    ['y/', []],
  ] as const) {
    it(`for ${channel} finds ${found.length}, a named segment before +`, () => {
      expect(tree(...handlers).lookup(channel)).toEqual(found)
    })
  }
  it('has one handler for each channel, and a/#/ is another than a/', () => {
    const some = tree('a/')
    some.insert('a', 'again')
    some.insert('a/#/', 'below')
    expect(some.lookup('a/b/')).toEqual(['again', 'below'])
    expect([some.delete('a/#'), some.delete('a/#')]).toEqual([true, false])
    expect(some.lookup('a/b/')).toEqual(['again'])
    expect([some.get('a/'), some.get('a/b/')]).toEqual(['again', undefined])
    some.insert('#/', 'all')
    expect(some.lookup('z/')).toEqual(['all'])
  })
  it('keeps nothing of what was taken out', () => {
    const some = tree('a/b/c/', 'a/')
    expect([some.delete('a/b/'), some.delete('a/b/c/d/'), some.delete('a/b/c/')]).toEqual([false, false, true])
    expect(some.lookup('a/b/c/')).toEqual(['a/'])
    expect(some.delete('a/')).toBe(true)
    expect(some).toEqual(new HandlerTree())
  })
  it('agrees with the prefix matcher', () => {
    const segment = fc.constantFrom('a', 'b', '+')
    const filters = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
    const named = filters.map(([segments, hash]) => `${segments.join('/')}/${hash ? '#/' : ''}`)
    const channels = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.uniqueArray(named, { maxLength: 12 }), channels, (filters, segments) => {
        const channel = `${segments.join('/')}/`
        const matching = filters.filter((filter) => matchesChannel('emitter', filter, channel))
        expect(
          tree(...filters)
            .lookup(channel)
            .sort(),
        ).toEqual(matching.sort())
      }),
      { numRuns: 1000 },
    )
  })
  it('takes a channel of any depth', () => {
    expect(tree('a/').lookup('a/'.repeat(30_000))).toEqual(['a/'])
  })
})
