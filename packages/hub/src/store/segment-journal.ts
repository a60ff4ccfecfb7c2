import { readLog, SegmentLog } from '@halyard/core/node'
import type { Disk, LogCommit, LogDamage } from '@halyard/core/node'
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
  /** ms; as of {@link SegmentLog} */
  readonly commitInterval?: number
  readonly onDamage?: (damage: LogDamage) => void
  readonly onCommit?: (commit: LogCommit) => void
}

/** So many numbers may be missing between two records of a segment and still be believed. */
const MAX_SKIP = 2 ** 24 - 1

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
    return new SegmentJournal(
      await SegmentLog.open({ segmentBytes: SEGMENT_BYTES, ...options, kind: JOURNAL_KIND }),
      options,
    )
  }

  get committed(): Lsn {
    return this.#log.committed
  }

  get pendingBytes(): number {
    return this.#log.pendingBytes
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#log.bytes
  }

  get segments(): number {
    return this.#log.segments
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

  /** Goes on `count` × 2^24 numbers later: none of those in between is ever given. */
  async leap(count: number): Promise<void> {
    let last = this.committed
    for (let times = 0; times < count; times++) {
      this.#log.skip(MAX_SKIP)
      last = this.#log.append(PADDING_RECORD)
    }
    await this.#log.whenCommitted(last)
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
