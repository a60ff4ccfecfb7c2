import assert from 'node:assert/strict'
import type { Journal, Lsn } from '../../src/domain/ports.ts'
import { casesFor } from './case.ts'
import type { ContractCase, Make } from './case.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

async function contents(journal: Journal, after: Lsn = 0): Promise<[Lsn, string][]> {
  const found: [Lsn, string][] = []
  for await (const batch of journal.replay(after)) {
    for (const { lsn, payload } of batch) found.push([lsn, new TextDecoder().decode(payload)])
  }
  return found
}

/** What every {@link Journal} does. `make` gives an empty one. */
export function journalContract(make: Make<Journal>): readonly ContractCase[] {
  const it = casesFor(make)
  return [
    it('numbers records from 1, without gaps', async (journal) => {
      assert.equal(journal.committed, 0)
      assert.deepEqual([journal.append(bytes('a')), journal.append(bytes('b')), journal.append(bytes('c'))], [1, 2, 3])
      await journal.whenCommitted(3)
      assert.equal(journal.committed, 3)
    }),
    it('commits nothing in the turn of the append, and counts what waits', async (journal) => {
      const before = journal.pendingBytes
      journal.append(bytes('abcdef'))
      assert.equal(journal.committed, 0)
      assert.ok(journal.pendingBytes >= before + 6)
      await journal.whenCommitted(1)
      assert.equal(journal.pendingBytes, 0)
    }),
    it('copies the bytes, whatever kind of bytes they are', async (journal) => {
      const written = Buffer.from('first')
      for (const text of ['first', 'other']) journal.append(written.fill(text))
      await journal.whenCommitted(2)
      const found = (await contents(journal)).map(([, text]) => text)
      assert.deepEqual(found, ['first', 'other'])
    }),
    it('tells the waiters in the order of the appends, once each', async (journal) => {
      const told: Lsn[] = []
      const waiter = { committed: (lsn: Lsn) => void told.push(lsn), failed: (error: Error) => assert.fail(error) }
      for (let count = 0; count < 500; count++) journal.append(bytes(String(count)), waiter)
      await journal.whenCommitted(500)
      assert.deepEqual(
        told,
        Array.from({ length: 500 }, (_, index) => index + 1),
      )
    }),
    it('has committed what it tells a waiter of', async (journal) => {
      await new Promise<void>((resolve, reject) => {
        journal.append(bytes('x'), {
          committed: (lsn) =>
            journal.committed >= lsn ? resolve() : reject(new Error(`committed is ${journal.committed}`)),
          failed: reject,
        })
      })
      assert.deepEqual(await contents(journal), [[1, 'x']])
    }),
    it('tells once a group what became of it, before anybody else knows', async (journal) => {
      const told: [Lsn, unknown, Lsn][] = []
      const stop = journal.onSettled((upTo, error) => told.push([upTo, error, journal.committed]))
      journal.append(bytes('a'))
      journal.append(bytes('b'), { committed: () => assert.equal(told.length, 1), failed: assert.fail })
      await journal.whenCommitted(2)
      stop()
      journal.append(bytes('c'))
      await journal.whenCommitted(3)
      assert.deepEqual(told, [[2, undefined, 2]])
    }),
    it('copies the bytes: the caller may use them again', async (journal) => {
      const buffer = bytes('first')
      journal.append(buffer)
      buffer.set(bytes('XXXXX'))
      await journal.whenCommitted(1)
      assert.deepEqual(await contents(journal), [[1, 'first']])
    }),
    it('replays what is committed behind a number', async (journal) => {
      for (const text of ['a', 'b', '', 'd']) journal.append(bytes(text))
      await journal.whenCommitted(4)
      assert.deepEqual(await contents(journal, 2), [
        [3, ''],
        [4, 'd'],
      ])
      assert.deepEqual(await contents(journal, 4), [])
    }),
    it('keeps what may not be dropped', async (journal) => {
      for (const text of ['a', 'b', 'c']) journal.append(bytes(text))
      await journal.whenCommitted(3)
      await journal.dropBelow(3)
      assert.deepEqual((await contents(journal, 2)).at(-1), [3, 'c'])
      assert.equal(journal.append(bytes('d')), 4)
      await journal.whenCommitted(4)
      assert.deepEqual(await contents(journal, 3), [[4, 'd']])
    }),
    it('finishes what was appended when it is closed, and takes nothing more', async (journal) => {
      const told: Lsn[] = []
      journal.append(bytes('last'), { committed: (lsn) => void told.push(lsn), failed: (error) => assert.fail(error) })
      await journal.close()
      assert.deepEqual(told, [1])
      assert.throws(() => journal.append(bytes('late')), /closed/)
      await journal.close()
    }),
  ]
}
