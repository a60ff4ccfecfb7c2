import { StorageError } from '@halyard/core'
import type { CommitListener, CommitWaiter, Journal, JournalRecord, Lsn } from '../domain/ports.ts'

/** A journal for `data: ':memory:'`: commits in the next microtask, in groups, and forgets what nobody needs. */
export class MemoryJournal implements Journal {
  #records: JournalRecord[] = []
  #waiters: { readonly lsn: Lsn; readonly waiter: CommitWaiter }[] = []
  #appended = 0
  #committed = 0
  #pendingBytes = 0
  #closed = false
  readonly #listeners = new Set<CommitListener>()

  get committed(): Lsn {
    return this.#committed
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  append(payload: Uint8Array, waiter?: CommitWaiter): Lsn {
    if (this.#closed) throw new StorageError('ERR_HUB_CLOSED', 'the journal is closed; start the hub again')
    const lsn = ++this.#appended
    if (lsn === this.#committed + 1) queueMicrotask(() => this.#commit())
    this.#records.push({ lsn, payload: new Uint8Array(payload) })
    this.#pendingBytes += payload.length
    if (waiter) this.#waiters.push({ lsn, waiter })
    return lsn
  }

  async whenCommitted(lsn: Lsn): Promise<void> {
    while (this.#committed < Math.min(lsn, this.#appended)) await Promise.resolve()
    if (lsn > this.#committed) {
      throw new StorageError('ERR_HUB_CLOSED', `record ${lsn} was never appended; wait for a number that append() gave`)
    }
  }

  async *replay(after: Lsn): AsyncGenerator<readonly JournalRecord[]> {
    const records = this.#records.filter(({ lsn }) => lsn > after && lsn <= this.#committed)
    if (records.length > 0) yield records
  }

  dropBelow(lsn: Lsn): Promise<void> {
    this.#records = this.#records.filter((record) => record.lsn >= Math.min(lsn, this.#committed + 1))
    return Promise.resolve()
  }

  onSettled(listener: CommitListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.whenCommitted(this.#appended)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #commit(): void {
    this.#committed = this.#appended
    this.#pendingBytes = 0
    const waiters = this.#waiters
    this.#waiters = []
    for (const listener of this.#listeners) listener(this.#committed, undefined)
    for (const { lsn, waiter } of waiters) waiter.committed(lsn)
  }
}
