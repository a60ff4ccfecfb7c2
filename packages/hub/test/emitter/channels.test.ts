/** The engine knows MQTT's filters alone: whatever Emitter's say must come out of them. */
import { matchesChannel } from '@halyard/wire/emitter'
import type { Matcher } from '@halyard/wire/emitter'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SubscriptionIndex } from '../../src/domain/topics/subscription-index.ts'
import { channelInIndex, filterInHistory, filterInIndex } from '../../src/emitter/channels.ts'

const segment = fc.constantFrom('a', 'b', '$a', '$share', '-')
const channelOf = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(arbitrary, { minLength: 1, maxLength: 5 }).map((segments) => `${segments.join('/')}/`)
const channel = channelOf(segment)
const filter = channelOf(fc.oneof({ weight: 3, arbitrary: segment }, fc.constantFrom('+', '#', '*')))
const matcher = fc.constantFrom<Matcher>('emitter', 'mqtt')

describe('the index', () => {
  it('finds who the matcher means, whatever the filter', () => {
    fc.assert(
      fc.property(matcher, fc.array(filter, { maxLength: 8 }), channel, (how, filters, published) => {
        const index = new SubscriptionIndex<{ readonly filter: string }>()
        for (const one of filters) index.add(filterInIndex(how, one), { filter: one })
        const found: { readonly filter: string }[] = []
        index.match(channelInIndex(published), found)
        const wanted = filters.filter((one) => matchesChannel(how, one, published))
        expect(found.map((one) => one.filter).toSorted()).toEqual(wanted.toSorted())
      }),
    )
  })

  it('a # in the middle is nobody there, and any one segment in a history', () => {
    expect([filterInIndex('emitter', 'a/#/b/'), filterInHistory('emitter', 'a/#/b/')]).toEqual(['a/&/b/#', 'a/+/b/#'])
    expect([filterInIndex('mqtt', '#/#/'), filterInHistory('mqtt', '#/#/')]).toEqual(['&/+/#', '+/+/#'])
  })
})
