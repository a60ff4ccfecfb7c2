import { readLog, SegmentLog } from '@halyard/core/node'
import type { Disk, LogDamage } from '@halyard/core/node'
import type { CommitListener, CommitWaiter, Journal, JournalRecord, Lsn } from '../domain/ports.ts'
import { PADDING_RECORD } from './record.ts'

export const JOURNAL_KIND = 'JRNL'

/** Larger than a client's: a busy hub fills one in seconds, and each costs a sync of the directory. */
const SEGMENT_BYTES = 16 * 1024 * 1024

export interface SegmentJournalOptions {
  /** A directory of its own. */
  readonly path: string
  readonly disk: Disk
  readonly segmentBytes?: number
  readonly onDamage?: (damage: LogDamage) => void
}

/** The journal on core's segment log. Its lock is the lock of the whole data directory. */
export class SegmentJournal implements Journal {
  readonly #log: SegmentLog
  readonly #options: SegmentJournalOptions

  private constructor(log: SegmentLog, options: SegmentJournalOptions) {
    this.#log = log
    this.#options = options
  }

  /** @throws {StorageError} as `SegmentLog.open()`; `ERR_STORE_LOCKED` if another hub has the directory. */
  static async open(options: SegmentJournalOptions): Promise<SegmentJournal> {
    const { path, disk, segmentBytes = SEGMENT_BYTES, onDamage } = options
    return new SegmentJournal(
      await SegmentLog.open({ path, kind: JOURNAL_KIND, segmentBytes, disk, onDamage }),
      options,
    )
  }

  get committed(): Lsn {
    return this.#log.committed
  }

  get pendingBytes(): number {
    return this.#log.pendingBytes
  }

  get bytes(): number {
    return this.#log.bytes
  }

  append(payload: Uint8Array, waiter?: CommitWaiter): Lsn {
    return this.#log.append(payload, waiter)
  }

  whenCommitted(lsn: Lsn): Promise<void> {
    return this.#log.whenCommitted(lsn)
  }

  async *replay(after: Lsn): AsyncGenerator<readonly JournalRecord[]> {
    const { path, disk } = this.#options
    for await (const batch of readLog({ path, kind: JOURNAL_KIND, after, disk })) {
      const committed = batch.filter(({ lsn }) => lsn <= this.committed)
      if (committed.length > 0) yield committed
      if (committed.length < batch.length) return
    }
  }

  dropBelow(lsn: Lsn): Promise<void> {
    return this.#log.dropBelow(lsn)
  }

  onSettled(listener: CommitListener): () => void {
    return this.#log.onSettled(listener)
  }

  /** Uses up numbers so that none that the index has seen is given to another record. */
  async skipTo(lsn: Lsn): Promise<void> {
    if (this.committed >= lsn) return
    let last = this.committed
    while (last < lsn) last = this.#log.append(PADDING_RECORD)
    await this.#log.whenCommitted(last)
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
