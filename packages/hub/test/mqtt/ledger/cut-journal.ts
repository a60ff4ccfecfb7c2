import { StorageError } from '@halyard/core'
import type { CommitListener, CommitWaiter, Journal, JournalRecord, Lsn } from '../../../src/domain/ports.ts'

interface Pending extends JournalRecord {
  readonly waiter: CommitWaiter | undefined
}

/** A journal in memory whose power can be cut: what was not committed is gone, and only that. */
export class CutJournal implements Journal {
  committed: Lsn
  pendingBytes = 0
  /** No group lasts unless it is let through: {@link commit}. */
  isHeld = false
  #records: JournalRecord[]
  #pending: Pending[] = []
  #appended: Lsn
  #isUnderWay = false
  #isCut = false
  #isClosed = false
  readonly #listeners = new Set<CommitListener>()

  constructor(records: readonly JournalRecord[] = []) {
    this.#records = [...records]
    this.#appended = this.committed = records.at(-1)?.lsn ?? 0
  }

  /** All that last, oldest first. */
  get records(): readonly JournalRecord[] {
    return this.#records
  }

  /** Of what lasts. */
  get bytes(): number {
    return this.#records.reduce((sum, { payload }) => sum + payload.length, 0)
  }

  append(payload: Uint8Array, waiter?: CommitWaiter): Lsn {
    if (this.#isClosed) throw new StorageError('ERR_HUB_CLOSED', 'the journal is closed; start the hub again')
    const lsn = ++this.#appended
    this.#pending.push({ lsn, payload: new Uint8Array(payload), waiter })
    this.pendingBytes += payload.length
    if (!this.isHeld && !this.#isUnderWay) {
      this.#isUnderWay = true
      setImmediate(() => {
        this.#isUnderWay = false
        if (!this.isHeld) this.commit()
      })
    }
    return lsn
  }

  /** The next records last, all that were appended or so many. */
  commit(count: number = this.#pending.length): void {
    if (this.#isCut) return
    const group = this.#take(count)
    this.#records.push(...group.map(({ lsn, payload }) => ({ lsn, payload })))
    this.committed = group.at(-1)?.lsn ?? this.committed
    this.#tell(group, undefined)
  }

  /** The next records are not in the journal. */
  fail(count: number = this.#pending.length): void {
    this.#tell(this.#take(count), new StorageError('ERR_STORE_FULL', 'the disk is full; free some space'))
  }

  /** What is found after the power has gone; `tail`: so many of the records that were on their way had come to last. */
  cut(tail = 0): CutJournal {
    this.#isCut = true
    return new CutJournal([...this.#records, ...this.#pending.slice(0, tail)])
  }

  /** Another one with what lasts now; `tail`: and with so many of the records that are on their way. */
  copy(tail = 0): CutJournal {
    return new CutJournal([...this.#records, ...this.#pending.slice(0, tail)])
  }

  get pending(): number {
    return this.#pending.length
  }

  async whenCommitted(lsn: Lsn): Promise<void> {
    while (!this.#isCut && this.#pending.some((one) => one.lsn <= lsn)) await new Promise(setImmediate)
    if (this.#records.some((record) => record.lsn === lsn) || (lsn <= this.committed && lsn < this.#first)) return
    throw new StorageError('ERR_STORE_IO', `record ${lsn} was not kept; append it again`)
  }

  async *replay(after: Lsn): AsyncGenerator<readonly JournalRecord[]> {
    const records = this.#records.filter(({ lsn }) => lsn > after)
    if (records.length > 0) yield records
  }

  dropBelow(lsn: Lsn): Promise<void> {
    this.#records = this.#records.filter((record) => record.lsn >= Math.min(lsn, this.committed + 1))
    return Promise.resolve()
  }

  onSettled(listener: CommitListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.whenCommitted(this.#appended).catch(() => {})
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #first(): Lsn {
    return this.#records[0]?.lsn ?? Infinity
  }

  #take(count: number): Pending[] {
    const group = this.#pending.splice(0, count)
    for (const { payload } of group) this.pendingBytes -= payload.length
    return group
  }

  #tell(group: readonly Pending[], error: Error | undefined): void {
    const last = group.at(-1)
    if (last === undefined) return
    for (const listener of this.#listeners) listener(last.lsn, error)
    for (const { lsn, waiter } of group) {
      if (error === undefined) waiter?.committed(lsn)
      else waiter?.failed(error)
    }
  }
}
