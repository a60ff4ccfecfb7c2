import assert from 'node:assert/strict'
import type { StoredMessage } from '../../src/domain/message.ts'
import type { History, HistoryQuery } from '../../src/domain/ports.ts'
import { casesFor } from './case.ts'
import type { ContractCase, Make } from './case.ts'

const NOON = Date.UTC(2026, 5, 1, 12)

/** A message whose number is its place, its payload and its second after noon. */
function message(number: number, part: Partial<StoredMessage> = {}): StoredMessage {
  return {
    id: `${String(number).padStart(6, '0')}-test`,
    space: 'hologram',
    service: 'hologram',
    account: 'abcd',
    channel: '',
    direction: 'in',
    payload: new TextEncoder().encode(String(number)),
    receivedAt: new Date(NOON + number * 1000),
    ...part,
  }
}

async function numbers(history: History, query: Partial<HistoryQuery> = {}): Promise<number[]> {
  const { messages } = await history.query({ space: 'hologram', ...query })
  return messages.map(({ payload }) => Number(new TextDecoder().decode(payload)))
}

const several = (count: number, part: Partial<StoredMessage> = {}): StoredMessage[] =>
  Array.from({ length: count }, (_, index) => message(index + 1, part))

/** What every {@link History} does. `make` gives an empty one. */
export function historyContract(make: Make<History>): readonly ContractCase[] {
  const it = casesFor(make)
  return [
    it('gives messages back whole', async (history) => {
      const full = message(1, {
        channel: 'A,B C',
        direction: 'out',
        payload: Uint8Array.of(0, 255, 13, 10),
        source: '192.0.2.1',
        expiresAt: new Date(Date.UTC(2999, 0, 1)),
        options: Uint8Array.of(1, 0, 255),
      })
      await history.append([full, message(2)])
      assert.deepEqual(await history.query({ space: 'hologram' }), { messages: [full, message(2)] })
    }),
    it('keeps a message once, whoever brings it twice', async (history) => {
      await history.append([message(1), message(2)])
      await history.append([message(2), message(3)])
      assert.deepEqual(await numbers(history), [1, 2, 3])
    }),
    it('keeps spaces apart', async (history) => {
      await history.append([message(1), message(2, { space: 'mqtt', service: 'mqtt' })])
      assert.deepEqual(await numbers(history), [1])
      assert.deepEqual(await numbers(history, { space: 'mqtt' }), [2])
      assert.deepEqual(await numbers(history, { space: 'none' }), [])
    }),
    it('finds in all spaces together, or in those of a service, in the order of acceptance', async (history) => {
      const space = (name: string, service: StoredMessage['service']): Partial<StoredMessage> => ({
        space: name,
        service,
      })
      await history.append([
        message(1),
        message(2, space('ttn:b', 'ttn')),
        message(3, { ...space('mqtt', 'mqtt'), channel: 'A' }),
        message(4, { channel: 'A', direction: 'out' }),
        message(5, space('ttn:a', 'ttn')),
        message(6, { account: 'efgh' }),
      ])
      const all = { space: undefined }
      assert.deepEqual(await numbers(history, all), [1, 2, 3, 4, 5, 6])
      assert.deepEqual(await numbers(history, { ...all, last: 3 }), [4, 5, 6])
      assert.deepEqual(await numbers(history, { ...all, service: 'ttn' }), [2, 5])
      assert.deepEqual(await numbers(history, { ...all, service: 'exp' }), [])
      assert.deepEqual(await numbers(history, { ...all, channel: 'A' }), [3, 4])
      assert.deepEqual(await numbers(history, { ...all, account: 'abcd', last: 4 }), [2, 3, 4, 5])
      const first = await history.query({ limit: 4 })
      assert.equal(first.messages.length, 4)
      const second = await history.query({ cursor: first.cursor })
      assert.deepEqual(
        second.messages.map(({ id }) => id),
        [message(5).id, message(6).id],
      )
    }),
    it('finds behind a message, also one that is gone or never was', async (history) => {
      await history.append([message(2), message(3, { space: 'mqtt', service: 'mqtt' }), message(4), message(6)])
      const { id: three } = message(3)
      assert.deepEqual(await numbers(history, { after: message(2).id }), [4, 6])
      assert.deepEqual(await numbers(history, { after: three }), [4, 6])
      assert.deepEqual(await numbers(history, { after: message(5).id }), [6])
      assert.deepEqual(await numbers(history, { after: message(1).id }), [2, 4, 6])
      assert.deepEqual(await numbers(history, { after: '' }), [2, 4, 6])
      assert.deepEqual(await numbers(history, { after: message(6).id }), [])
      assert.deepEqual(await numbers(history, { after: 'zzz' }), [])
      assert.deepEqual(await numbers(history, { after: message(2).id, last: 1 }), [6])
      assert.deepEqual(await numbers(history, { after: message(2).id, limit: 1 }), [4])
      assert.deepEqual(await numbers(history, { after: message(2).id, account: 'abcd', channel: '' }), [4, 6])
      const page = await history.query({ space: 'hologram', after: message(2).id, limit: 1 })
      assert.deepEqual(await numbers(history, { after: message(2).id, cursor: page.cursor }), [6])
    }),
    it('finds by account, service and direction', async (history) => {
      await history.append([message(1), message(2, { account: 'efgh' }), message(3, { direction: 'out' })])
      assert.deepEqual(await numbers(history, { account: 'efgh' }), [2])
      assert.deepEqual(await numbers(history, { direction: 'out' }), [3])
      assert.deepEqual(await numbers(history, { direction: 'in', account: 'abcd', service: 'hologram' }), [1])
      assert.deepEqual(await numbers(history, { service: 'ttn' }), [])
    }),
    it('finds by the whole channel or one topic of it', async (history) => {
      await history.append([
        message(1, { channel: 'A,B' }),
        message(2, { channel: 'B' }),
        message(3),
        message(4, { channel: 'AB' }),
      ])
      assert.deepEqual(await numbers(history, { channel: 'B' }), [1, 2])
      assert.deepEqual(await numbers(history, { channel: 'A,B' }), [1])
      assert.deepEqual(await numbers(history, { channel: 'A' }), [1])
      assert.deepEqual(await numbers(history, { channel: '' }), [3])
      assert.deepEqual(await numbers(history, { channel: 'C' }), [])
    }),
    it('finds by time: from inclusive, until exclusive', async (history) => {
      await history.append(several(5))
      const at = (second: number): Date => new Date(NOON + second * 1000)
      assert.deepEqual(await numbers(history, { from: at(2), until: at(4) }), [2, 3])
      assert.deepEqual(await numbers(history, { from: at(4) }), [4, 5])
      assert.deepEqual(await numbers(history, { until: at(2) }), [1])
    }),
    it('finds by time what a clock that jumped has put out of order', async (history) => {
      const at = (second: number): Date => new Date(NOON + second * 1000)
      const jumped = [1, 9, 2, 8, 3].map((second, index) => message(index + 1, { receivedAt: at(second) }))
      await history.append(jumped)
      assert.deepEqual(await numbers(history, { from: at(3) }), [2, 4, 5])
      assert.deepEqual(await numbers(history, { from: at(3), last: 2 }), [4, 5])
      assert.deepEqual(await numbers(history, { until: at(3), last: 5 }), [1, 3])
      assert.deepEqual(await numbers(history, { from: at(2), until: at(9), last: 9 }), [3, 4, 5])
      assert.deepEqual(await numbers(history, { from: at(3), after: message(2).id }), [4, 5])
      assert.deepEqual(await numbers(history, { from: at(3), account: 'abcd' }), [2, 4, 5])
      assert.deepEqual(await numbers(history, { from: at(10) }), [])
    }),
    it('keeps the order of acceptance when the clock goes back', async (history) => {
      await history.append([message(1), message(2, { receivedAt: new Date(NOON - 1e9) }), message(3)])
      assert.deepEqual(await numbers(history), [1, 2, 3])
    }),
    it('gives the newest, oldest first', async (history) => {
      await history.append(several(5))
      assert.deepEqual(await numbers(history, { last: 2 }), [4, 5])
      assert.deepEqual(await numbers(history, { last: 10 }), [1, 2, 3, 4, 5])
      assert.deepEqual(await numbers(history, { last: 0 }), [])
    }),
    it('goes through everything page by page, also while more arrives', async (history) => {
      await history.append(several(5))
      const seen: number[] = []
      let cursor: string | undefined
      do {
        const page = await history.query({ space: 'hologram', limit: 2, cursor })
        seen.push(...page.messages.map(({ payload }) => Number(new TextDecoder().decode(payload))))
        if (seen.length === 2) await history.append([message(6)])
        cursor = page.cursor
      } while (cursor !== undefined)
      assert.deepEqual(seen, [1, 2, 3, 4, 5, 6])
    }),
    it('ends a page of large messages early, and loses none', async (history) => {
      const payload = new Uint8Array(9 * 1024 * 1024)
      await history.append([message(1, { payload }), message(2, { payload }), message(3)])
      const first = await history.query({ space: 'hologram' })
      assert.equal(first.messages.length, 1)
      const second = await history.query({ space: 'hologram', cursor: first.cursor })
      assert.deepEqual(
        second.messages.map(({ id }) => id),
        [message(2).id, message(3).id],
      )
      assert.equal(second.cursor, undefined)
    }),
    it('gives fewer of the newest if they are large', async (history) => {
      const payload = new Uint8Array(9 * 1024 * 1024)
      await history.append([message(1), message(2, { payload }), message(3, { payload }), message(4)])
      const { messages } = await history.query({ last: 4 })
      assert.deepEqual(
        messages.map(({ id }) => id),
        [message(3).id, message(4).id],
      )
    }),
    it('merges pages of accounts in both directions, whatever was sent when', async (history) => {
      const parts = Array.from({ length: 60 }, (_, index) =>
        message(index + 1, {
          account: index % 7 < 3 ? 'abcd' : 'efgh',
          direction: index % 5 < 2 ? 'out' : 'in',
          channel: ['', 'A', 'B', 'A,B'][index % 4] ?? '',
        }),
      )
      await history.append(parts)
      for (const filter of [{}, { direction: 'out' }, { direction: 'in' }, { channel: 'A' }] as const) {
        const expected = parts
          .filter(({ account, direction, channel }) => {
            const fits = !('direction' in filter) || direction === filter.direction
            return account === 'abcd' && fits && (!('channel' in filter) || channel.split(',').includes('A'))
          })
          .map(({ payload }) => Number(new TextDecoder().decode(payload)))
        const seen: number[] = []
        for (let after = ''; ;) {
          const page = await history.query({ space: 'hologram', account: 'abcd', ...filter, after, limit: 3 })
          seen.push(...page.messages.map(({ payload }) => Number(new TextDecoder().decode(payload))))
          after = page.messages.at(-1)?.id ?? ''
          if (page.cursor === undefined) break
        }
        assert.deepEqual(seen, expected)
        assert.deepEqual(await numbers(history, { account: 'abcd', ...filter, last: 5 }), expected.slice(-5))
      }
    }),
    it('ends a page after so many bytes, options among them', async (history) => {
      const part = { payload: new Uint8Array(30), options: new Uint8Array(30) }
      await history.append([message(1, part), message(2, part), message(3, { ...part, channel: 'a/b' })])
      const ids = async (query: HistoryQuery): Promise<string[]> =>
        (await history.query({ space: 'hologram', ...query })).messages.map(({ id }) => id.slice(0, 6))
      assert.deepEqual(await ids({ bytes: 120 }), ['000001', '000002'])
      assert.deepEqual(await ids({ bytes: 119 }), ['000001'])
      assert.deepEqual(await ids({ bytes: 120, filter: '#' }), ['000001', '000002'])
      assert.deepEqual(await ids({ bytes: 120, last: 3 }), ['000002', '000003'])
      assert.deepEqual(await ids({ bytes: 1, last: 3 }), ['000003'])
    }),
    it('refuses a cursor that it did not give', async (history) => {
      await assert.rejects(history.query({ space: 'hologram', cursor: `1' OR 1` }), { code: 'ERR_HUB_CURSOR' })
    }),
    it('does not show what is expired, and removes it', async (history) => {
      const past = new Date(Date.UTC(2020, 0, 1))
      await history.append([message(1, { expiresAt: past }), message(2)])
      assert.deepEqual(await numbers(history), [2])
      assert.equal(await history.sweep({}, new Date(NOON)), 1)
      assert.equal(await history.sweep({}, new Date(NOON)), 0)
    }),
    it('removes what is too old, except by a clock that has not been set', async (history) => {
      await history.append([...several(3), message(4, { receivedAt: new Date(5000) })])
      assert.equal(await history.sweep({ maxAge: 60 }, new Date(1000)), 0)
      assert.equal(await history.sweep({ maxAge: 60 }, new Date(NOON + 62_500)), 2)
      assert.deepEqual(await numbers(history), [3, 4])
    }),
    it('removes the oldest of a space that is over its quota', async (history) => {
      const payload = new Uint8Array(896)
      const large = (number: number): StoredMessage => ({ ...message(number, { payload }), channel: '' })
      await history.append(Array.from({ length: 10 }, (_, index) => large(index + 1)))
      await history.append([message(11, { space: 'mqtt', service: 'mqtt', payload })])
      // A message counts 100 bytes, its payload and its names: 1,000 here.
      assert.equal(await history.sweep({ maxBytes: 4000 }, new Date(NOON)), 6)
      const { messages } = await history.query({ space: 'hologram' })
      assert.deepEqual(
        messages.map(({ id }) => id),
        [7, 8, 9, 10].map((number) => message(number).id),
      )
      assert.equal((await history.query({ space: 'mqtt' })).messages.length, 1)
      assert.equal(await history.sweep({ maxBytes: 4000 }, new Date(NOON)), 0)
    }),
  ]
}
