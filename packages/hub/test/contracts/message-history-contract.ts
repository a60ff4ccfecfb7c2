import assert from 'node:assert/strict'
import type { HistoryDraft, MessageHistory } from '../../src/domain/message-history.ts'
import { casesFor } from './case.ts'
import type { ContractCase, Make } from './case.ts'

/** An empty history of texts, and the time by which it goes. */
export interface TimedHistory {
  readonly history: MessageHistory<string>
  readonly pass: (seconds: number) => void
}

/** Resolves with its number when it lasts. */
async function keep(
  history: MessageHistory<string>,
  message: string,
  more: Partial<HistoryDraft<string>> = {},
): Promise<number> {
  const draft = { space: 's', channel: 'a/b', message, bytes: message.length, lifetime: 60, ...more }
  let id = 0
  await new Promise<void>((resolve, reject) => (id = history.keep(draft, { kept: resolve, failed: reject })))
  return id
}

async function texts(history: MessageHistory<string>, filter: string, last?: number, space = 's'): Promise<string[]> {
  const found: string[] = []
  for await (const { message } of history.read(space, filter, { last })) found.push(message)
  return found
}

/** What every {@link MessageHistory} does. */
export function messageHistoryContract(make: Make<TimedHistory>): readonly ContractCase[] {
  const it = casesFor(make)
  return [
    it('gives numbers that grow, and gives them back with the messages', async ({ history }) => {
      const ids = [await keep(history, 'one'), await keep(history, 'two'), await keep(history, 'three')]
      assert.ok((ids[0] ?? 0) > 0)
      assert.deepEqual(
        ids,
        [...new Set(ids)].toSorted((a, b) => a - b),
      )
      const found: { readonly id: number; readonly message: string }[] = []
      for await (const { id, message } of history.read('s', 'a/b')) found.push({ id, message })
      const wanted = ['one', 'two', 'three'].map((message, at) => ({ id: ids[at], message }))
      assert.deepEqual(found, wanted)
    }),
    it('reads what was handed in before, though it may not last yet, and nothing that came later', async ({
      history,
    }) => {
      const first = keep(history, 'one')
      const read = history.read('s', '#')
      const second = keep(history, 'two')
      const found: string[] = []
      for await (const { message } of read) found.push(message)
      assert.deepEqual(found, ['one'])
      await Promise.all([first, second])
    }),
    it('finds by filter, in one space', async ({ history }) => {
      for (const channel of ['a/b', 'a', 'a/b/c', 'b', '$a/b']) await keep(history, channel, { channel })
      await keep(history, 'elsewhere', { space: 'other' })
      assert.deepEqual(await texts(history, 'a/b'), ['a/b'])
      assert.deepEqual(await texts(history, 'a/+'), ['a/b'])
      assert.deepEqual(await texts(history, 'a/#'), ['a/b', 'a', 'a/b/c'])
      assert.deepEqual(await texts(history, '#'), ['a/b', 'a', 'a/b/c', 'b'])
      assert.deepEqual(await texts(history, '$a/#'), ['$a/b'])
      assert.deepEqual(await texts(history, '#', undefined, 'other'), ['elsewhere'])
      assert.deepEqual(await texts(history, '#', undefined, 'third'), [])
    }),
    it('gives the newest so many, the oldest of them first', async ({ history }) => {
      for (const message of ['1', '2', '3']) await keep(history, message)
      assert.deepEqual(await texts(history, '#', 2), ['2', '3'])
      assert.deepEqual(await texts(history, '#', 9), ['1', '2', '3'])
      assert.deepEqual(await texts(history, '#', 0), [])
    }),
    it('gives what was kept in a time, and says when that was', async ({ history, pass }) => {
      const at: number[] = []
      for (const message of ['1', '2', '3']) {
        await keep(history, message)
        for await (const one of history.read('s', '#', { last: 1 })) at.push(one.at)
        pass(2)
      }
      const [first = 0, second = 0, third = 0] = at
      assert.ok(second - first >= 2000 && third - second >= 2000)
      const within = async (from: number | undefined, until: number | undefined): Promise<string[]> => {
        const found: string[] = []
        for await (const { message } of history.read('s', '#', { from, until })) found.push(message)
        return found
      }
      assert.deepEqual(await within(second, undefined), ['2', '3'])
      assert.deepEqual(await within(undefined, second), ['1'])
      assert.deepEqual(await within(first, third), ['1', '2'])
    }),
    it('gives pages back in time, by number of messages and by bytes, one message at least', async ({ history }) => {
      const ids: number[] = []
      for (const message of ['1111', '2222', '3333', '4444']) ids.push(await keep(history, message))
      const page = async (last: number, bytes?: number, before?: number): Promise<string[]> => {
        const found: string[] = []
        for await (const { message } of history.read('s', '#', { last, bytes, before })) found.push(message)
        return found
      }
      assert.deepEqual(await page(2), ['3333', '4444'])
      assert.deepEqual(await page(2, undefined, ids[2]), ['1111', '2222'])
      assert.deepEqual(await page(9, 8), ['3333', '4444'])
      assert.deepEqual(await page(9, 1, ids[3]), ['3333'])
      assert.deepEqual(await page(9, 8, ids[0]), [])
    }),
    it('forgets each in its time', async ({ history, pass }) => {
      await keep(history, 'long', { lifetime: 60 })
      await keep(history, 'short', { lifetime: 5 })
      pass(4)
      assert.deepEqual(await texts(history, '#'), ['long', 'short'])
      pass(1)
      assert.deepEqual(await texts(history, '#'), ['long'])
    }),
  ]
}
