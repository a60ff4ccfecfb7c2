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
