import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { MemoryMessageHistory } from '../src/store/memory-message-history.ts'

const NOBODY = { kept: () => {}, failed: () => {} }

/** A history of texts that tells how often it was looked through, slice by slice. */
function historyOf(
  messages: number,
  maxBytes?: number,
): { readonly history: MemoryMessageHistory<string>; readonly slices: () => number } {
  let slices = 0
  const history = new MemoryMessageHistory<string>({ now: () => 0, monotonic: () => (slices++, 0) }, maxBytes)
  for (let number = 0; number < messages; number++) {
    history.keep({ space: 's', channel: 'a', message: `${number}`, bytes: 100, lifetime: 60 }, NOBODY)
  }
  slices = 0
  return { history, slices: () => slices }
}

it('a history in memory loses its oldest messages, never its bound', async () => {
  const { history } = historyOf(0, 1000)
  const kept: number[] = []
  for (let number = 0; number < 5000; number++) {
    const draft = { space: 's', channel: 'a', message: `${number}`, bytes: 100, lifetime: 60 }
    kept.push(history.keep(draft, NOBODY))
    expect(history.bytes).toBeLessThanOrEqual(1000)
  }
  const found: number[] = []
  for await (const { id } of history.read('s', 'a')) found.push(id)
  expect(found).toEqual(kept.slice(-10))
})

it('one that is larger than all that may be is not there, and counts nothing', async () => {
  const { history } = historyOf(3, 1000)
  history.keep({ space: 's', channel: 'a', message: 'large', bytes: 2000, lifetime: 60 }, NOBODY)
  expect(history.bytes).toBe(0)
  expect(await history.read('s', 'a')[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined })
})

it('a long search takes many turns, and a short one is done in between', async () => {
  const { history } = historyOf(20_000)
  const order: string[] = []
  const search = async (name: string, filter: string, last: number): Promise<void> => {
    for await (const _ of history.read('s', filter, { last }));
    order.push(name)
  }
  const searches = [1, 2, 3].map((n) => search(`long ${n}`, 'nobody/#', 1))
  searches.push(search('short', 'a', 1))
  let turns = 0
  const counted = Promise.all(searches).then(() => order.push('over'))
  for (; order.at(-1) !== 'over'; turns++) await turn()
  await counted
  expect(order).toEqual(['short', 'long 1', 'long 2', 'long 3', 'over'])
  // 60,000 looks, 2,048 in one turn.
  expect(turns).toBeGreaterThan(25)
})

it('what is wanted by number ends with the last of them', async () => {
  const { history, slices } = historyOf(20_000)
  const iterator = history.read('s', 'a', { last: 1 })[Symbol.asyncIterator]()
  expect(await iterator.next()).toMatchObject({ done: false, value: { id: 20_000, message: '19999' } })
  expect(await iterator.next()).toMatchObject({ done: true })
  expect(slices()).toBe(1)
})

it('a search that nobody waits for any more goes no further', async () => {
  const { history, slices } = historyOf(20_000)
  const iterator = history.read('s', 'nobody')[Symbol.asyncIterator]()
  const first = iterator.next()
  await turn()
  await iterator.return?.()
  expect(await first).toEqual({ done: true, value: undefined })
  const before = slices()
  expect(before).toBeLessThan(30)
  for (let n = 0; n < 20; n++) await turn()
  expect(slices()).toBe(before)
})

it('messages that come and go while it is searched are neither lost nor doubled', async () => {
  const { history } = historyOf(10_000, 1_000_000)
  const iterator = history.read('s', '#')[Symbol.asyncIterator]()
  const first = iterator.next()
  // The oldest go for them, and the gaps are closed more than once.
  for (let round = 0; round < 5; round++) {
    await turn()
    for (let n = 0; n < 1000; n++)
      history.keep({ space: 's', channel: 'a', message: 'new', bytes: 100, lifetime: 60 }, NOBODY)
  }
  const found: number[] = []
  for (let result = await first; result.done !== true; result = await iterator.next()) found.push(result.value.id)
  expect(found.at(-1)).toBe(10_000)
  const oldest = found[0] ?? 0
  expect(oldest).toBeLessThanOrEqual(5001)
  expect(found).toEqual(Array.from({ length: 10_000 - oldest + 1 }, (_, n) => oldest + n))
})
