import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { StoredMessage } from '../../src/domain/message.ts'
import type { History, HistoryQuery } from '../../src/domain/ports.ts'
import { casesFor } from './case.ts'
import type { ContractCase, Make } from './case.ts'

const NOON = Date.UTC(2026, 5, 1, 12)

const idOf = (number: number): string => `${String(number).padStart(6, '0')}-test`

/** A message whose number is its place and its second after noon. */
function message(number: number, channel: string, part: Partial<StoredMessage> = {}): StoredMessage {
  return {
    id: idOf(number),
    space: 'mqtt',
    service: 'mqtt',
    account: 'abcd',
    channel,
    direction: 'in',
    payload: new Uint8Array(1),
    receivedAt: new Date(NOON + number * 1000),
    ...part,
  }
}

const on = (...channels: readonly string[]): StoredMessage[] =>
  channels.map((channel, index) => message(index + 1, channel))

async function numbers(history: History, query: HistoryQuery): Promise<number[]> {
  const { messages } = await history.query({ space: 'mqtt', ...query })
  return messages.map(({ id }) => Number(id.slice(0, 6)))
}

/** What every `History` does with topic filters. `make` gives an empty one. */
export function historyFilterContract(make: Make<History>): readonly ContractCase[] {
  const it = casesFor(make)
  return [
    it('finds by topic filter', async (history) => {
      await history.append(on('a', 'a/', 'a/b', 'a/b/c', 'ab', 'a-b', 'b/b', '', '$SYS/b', 'A/b', '/b'))
      const found = (filter: string): Promise<number[]> => numbers(history, { filter })
      assert.deepEqual(await found('a/b'), [3])
      assert.deepEqual(await found('a/#'), [1, 2, 3, 4])
      assert.deepEqual(await found('a/+'), [2, 3])
      assert.deepEqual(await found('a/+/#'), [2, 3, 4])
      assert.deepEqual(await found('+/b'), [3, 7, 10, 11])
      assert.deepEqual(await found('+/b/#'), [3, 4, 7, 10, 11])
      assert.deepEqual(await found('+/+/c'), [4])
      assert.deepEqual(await found('+'), [1, 5, 6, 8])
      assert.deepEqual(await found('#'), [1, 2, 3, 4, 5, 6, 7, 8, 10, 11])
      assert.deepEqual(await found('/#'), [8, 11])
      assert.deepEqual(await found('$SYS/#'), [9])
      assert.deepEqual(await found('none/#'), [])
    }),
    it('takes what is a pattern elsewhere as it is', async (history) => {
      await history.append(on('a*/x', 'ab/x', 'a[b]/x', 'a?/x', 'a_/x', "a'/x", 'a%/x'))
      assert.deepEqual(await numbers(history, { filter: 'a*/+' }), [1])
      assert.deepEqual(await numbers(history, { filter: 'a[b]/#' }), [3])
      assert.deepEqual(await numbers(history, { filter: 'a?/+' }), [4])
      assert.deepEqual(await numbers(history, { filter: "a'/#" }), [6])
      assert.deepEqual(await numbers(history, { filter: 'a%/+' }), [7])
      assert.deepEqual(await numbers(history, { filter: `${'+/'.repeat(5000)}x` }), [])
      assert.deepEqual(await numbers(history, { filter: `${'x*'.repeat(30_000)}/+` }), [])
    }),
    it('finds by any one topic of a list, each message once', async (history) => {
      const hologram = { space: 'hologram', service: 'hologram' } as const
      await history.append([
        message(1, 'a/x,b/x', hologram),
        message(2, 'b/y', hologram),
        message(3, 'c,a/y,a/z', hologram),
        message(4, 'a/x,b/x', { space: 'mqtt' }),
      ])
      const found = (query: HistoryQuery): Promise<number[]> => numbers(history, { space: 'hologram', ...query })
      assert.deepEqual(await found({ filter: 'a/#' }), [1, 3])
      assert.deepEqual(await found({ filter: '+/x' }), [1])
      assert.deepEqual(await found({ filter: 'c' }), [3])
      assert.deepEqual(await found({ filter: 'a/#', last: 1 }), [3])
      assert.deepEqual(await found({ filter: 'a/#', channel: 'b/x' }), [1])
      assert.deepEqual(await found({ filter: 'c', channel: 'a/z' }), [3])
      assert.deepEqual(await numbers(history, { filter: '+/x' }), [])
    }),
    it('refuses a filter that is none', async (history) => {
      for (const filter of ['', 'a/#/b', 'a#', '+a', '$share/g/a', 'a\u0000']) {
        await assert.rejects(history.query({ filter }), { code: 'ERR_HUB_FILTER' }, filter)
      }
    }),
    it('goes back in time page by page', async (history) => {
      await history.append(on('a/1', 'b', 'a/2', 'a/1', 'b', 'a/3'))
      assert.deepEqual(await numbers(history, { filter: 'a/#', last: 2 }), [4, 6])
      assert.deepEqual(await numbers(history, { filter: 'a/#', last: 2, before: idOf(4) }), [1, 3])
      assert.deepEqual(await numbers(history, { filter: 'a/#', last: 2, before: idOf(1) }), [])
      assert.deepEqual(await numbers(history, { last: 2, before: '000004-z' }), [3, 4])
      assert.deepEqual(await numbers(history, { before: idOf(4), after: idOf(1) }), [2, 3])
      assert.deepEqual(await numbers(history, { before: 'zzz', last: 1 }), [6])
      assert.deepEqual(await numbers(history, { before: '' }), [])
    }),
    it('answers as a list would that is searched from end to end', async (history) => {
      const [kept] = fc.sample(fc.array(stored, { minLength: 1300, maxLength: 1300 }), 1)
      const all = (kept ?? []).map((part, index) => message(index + 1, part.channel, part))
      await history.append(all)
      await fc.assert(
        fc.asyncProperty(asked, async (query) => {
          const page = await history.query(query)
          const ids = page.messages.map(({ id }) => id)
          const expected = naive(all, query).map(({ id }) => id)
          const count = query.last ?? query.limit ?? 100
          assert.deepEqual(ids, query.last === undefined ? expected.slice(0, count) : expected.slice(-count))
          if (query.last === undefined) assert.equal(page.cursor !== undefined, expected.length > count)
        }),
        { numRuns: 60 },
      )
    }),
  ]
}

const small = fc.constantFrom('a', 'b', 'x', '', '$s')
/** So many that they are not merged one by one. */
const device = fc.nat(700).map((number) => `d${number}`)
const name = fc.oneof(
  fc.array(small, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/')),
  fc.tuple(device, fc.constantFrom('t', 'h', 'x/y')).map((levels) => levels.join('/')),
  fc.tuple(fc.constantFrom('p', 'q'), device).map((levels) => levels.join('/')),
)
const place = fc.oneof(
  fc.record({
    space: fc.constantFrom('mqtt', 'mqtt', 'mqtt', 'mqtt', 'mqtt:b'),
    service: fc.constant('mqtt' as const),
    channel: name,
  }),
  fc.record({
    space: fc.constant('hologram'),
    service: fc.constant('hologram' as const),
    channel: fc.array(name, { maxLength: 3 }).map((topics) => topics.join(',')),
  }),
)
const time = fc.integer({ min: -2000, max: 4000 }).map((second) => new Date(NOON + second * 1000))
const stored = fc
  .tuple(place, fc.record({ account: fc.constantFrom('a', 'b'), direction: fc.constantFrom('in', 'out') }), time)
  .map(([where, who, receivedAt]) => ({ ...where, ...who, receivedAt }))

const filter = fc
  .tuple(
    fc.array(fc.oneof(fc.constant('+'), small, device, fc.constantFrom('p', 'q', 't', 'y')), { maxLength: 4 }),
    fc.boolean(),
  )
  .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'))
  .filter((text) => text !== '')
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, value)
const asked: fc.Arbitrary<HistoryQuery> = fc.record({
  filter,
  space: fc.oneof(fc.constantFrom('mqtt', 'mqtt:b', 'hologram', undefined)),
  last: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
  limit: fc.integer({ min: 1, max: 30 }),
  from: maybe(time),
  until: maybe(time),
  channel: maybe(name),
  account: maybe(fc.constant('a')),
  direction: maybe(fc.constantFrom('in', 'out')),
  after: maybe(fc.nat(3100).map(idOf)),
  before: maybe(fc.nat(3100).map(idOf)),
  cursor: maybe(fc.nat(3100).map(String)),
})

function naive(all: readonly StoredMessage[], query: HistoryQuery): readonly StoredMessage[] {
  return all.filter((one, index) => {
    const topics = one.service === 'hologram' ? [one.channel, ...one.channel.split(',')] : [one.channel]
    return [
      query.space === undefined || one.space === query.space,
      query.filter === undefined || topics.some((topic) => fits(query.filter ?? '', topic)),
      query.channel === undefined || topics.includes(query.channel),
      query.account === undefined || one.account === query.account,
      query.direction === undefined || one.direction === query.direction,
      query.from === undefined || one.receivedAt >= query.from,
      query.until === undefined || one.receivedAt < query.until,
      query.after === undefined || one.id > query.after,
      query.before === undefined || one.id < query.before,
      query.cursor === undefined || index + 1 > Number(query.cursor),
    ].every(Boolean)
  })
}

/** Level by level, as the standard tells it. */
function fits(text: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(text)) return false
  const levels = topic.split('/')
  const wanted = text.split('/')
  if (wanted.at(-1) === '#') {
    const fixed = wanted.slice(0, -1)
    return levels.length >= fixed.length && fixed.every((level, i) => level === '+' || level === levels[i])
  }
  return levels.length === wanted.length && wanted.every((level, i) => level === '+' || level === levels[i])
}
