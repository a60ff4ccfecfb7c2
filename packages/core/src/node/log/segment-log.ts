/**
 * The segment log: append-only, durable when it says so, and fast because everything that arrives while the disk is busy
 * is written and synced together. The client's outbox and the hub's journal both stand on it.
 */
import { join } from 'node:path'
import { StorageError } from '../../errors.ts'
import { nodeDisk } from '../disk.ts'
import type { Disk } from '../../disk.ts'
import { DirectoryLock } from '../lock.ts'
import { storageError } from '../storage-error.ts'
import { refuseForeign } from './directory.ts'
import { MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, checkRecord, segmentName, segmentSeed } from './format.ts'
import { Group } from './group.ts'
import { readMany } from './read-many.ts'
import type { RecordPlace } from './read-many.ts'
import { recover } from './recovery.ts'
import type { KeptSegment, Recovered } from './recovery.ts'
import { SegmentWriter } from './segment-writer.ts'
import type { LogListener, LogOptions, LogPosition, LogRecord, LogWaiter, Lsn } from './types.ts'

const DEFAULT_SEGMENT_BYTES = 1024 * 1024

/**
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { SegmentLog } from '@halyard/core/node'
 *
 * const path = await mkdtemp(`${tmpdir()}/log-`)
 * await using log = await SegmentLog.open({ path, kind: 'DEMO' })
 * const lsn = log.append(new TextEncoder().encode('kept'))
 * await log.whenCommitted(lsn)
 * console.log(log.committed) // 1
 * ```
 */
export class SegmentLog implements AsyncDisposable {
  readonly #options: LogOptions
  readonly #disk: Disk
  readonly #lock: DirectoryLock | undefined
  readonly #segmentBytes: number
  /** ms */
  readonly #commitInterval: number
  /** Ends the waiting of the group that is next. */
  #hurry: (() => void) | undefined
  #segments: KeptSegment[]
  #sealedBytes: number
  #writer: SegmentWriter | undefined
  /** Number of the first record that the segment being written may hold. */
  #writerFirst: Lsn = 1
  /** Highest number that was ever tried for a segment: a name that could not be removed is not used again. */
  #lastSegment: number
  #appended: Lsn
  #committed: Lsn
  #pendingBytes = 0
  /** Groups that wait for the disk, oldest first; the last one still takes records. */
  #groups: Group[] = []
  #spare: Group | undefined
  #flushing: Promise<void> | undefined
  /** Until all waiters of what was committed are told. */
  #telling: Promise<void> = Promise.resolve()
  readonly #listeners = new Set<LogListener>()
  #closed: Promise<void> | undefined
  /** Of the last segment all that was written is synced, or can be: no sync of it has failed. */
  #sound: boolean
  /** A removal that may not last; a later sync of the directory would prove nothing. */
  #removals: StorageError | undefined

  private constructor(options: LogOptions, disk: Disk, lock: DirectoryLock | undefined, recovered: Recovered) {
    this.#options = options
    this.#disk = disk
    this.#lock = lock
    this.#segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES
    this.#commitInterval = options.commitInterval ?? 0
    this.#sound = lock?.doubtful !== true
    this.#segments = recovered.segments
    this.#sealedBytes = recovered.segments.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#lastSegment = recovered.lastSegment
    this.#appended = recovered.last
    this.#committed = recovered.last
  }

  /**
   * Takes the lock, recovers what is there and hands every record to `replay`, in order.
   *
   * @throws {StorageError} `ERR_STORE_LOCKED`, `ERR_STORE_FOREIGN`, `ERR_STORE_FORMAT`, `ERR_STORE_PERMISSION`,
   * `ERR_STORE_PATH`, `ERR_STORE_FULL`, `ERR_STORE_IO`
   */
  static async open(options: LogOptions, replay: (record: LogRecord) => void = () => {}): Promise<SegmentLog> {
    const disk = options.disk ?? nodeDisk()
    let lock: DirectoryLock | undefined
    try {
      if (options.readOnly !== true) await disk.mkdir(options.path)
      await refuseForeign(disk, options.path)
      if (options.readOnly !== true) {
        lock = await DirectoryLock.take(disk, options.path)
      }
      const recovered = await recover(disk, options, replay)
      const log = new SegmentLog(options, disk, lock, recovered)
      if (options.readOnly !== true) await log.#prepare(recovered.tailSound)
      return log
    } catch (error) {
      await lock?.release(false).catch(() => {})
      throw storageError(error, `open ${options.path}`)
    }
  }

  /** Number of the last record that was appended. */
  get appended(): Lsn {
    return this.#appended
  }

  /** All records up to this number last. */
  get committed(): Lsn {
    return this.#committed
  }

  /** Bytes that were appended and do not last yet. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#sealedBytes + (this.#writer?.length ?? 0)
  }

  /** Segments on disk, the one that is being written included. */
  get segments(): number {
    return this.#segments.length + (this.#writer === undefined ? 0 : 1)
  }

  /**
   * Synchronous and cheap: the bytes are copied, written together with whatever else arrives, and the waiter is told.
   *
   * @throws {StorageError} `ERR_STORE_CLOSED`; `ERR_STORE_RECORD` above 32 MiB
   */
  append(payload: Uint8Array, waiter?: LogWaiter): Lsn {
    if (this.#closed !== undefined || this.#options.readOnly === true) throw closedError(this.#options.path)
    if (payload.length > MAX_PAYLOAD_BYTES) {
      const limit = `${MAX_PAYLOAD_BYTES} bytes`
      throw new StorageError('ERR_STORE_RECORD', `a record has at most ${limit}, not ${payload.length}; split it`)
    }
    const lsn = ++this.#appended
    const length = RECORD_HEADER_BYTES + payload.length
    let group = this.#groups.at(-1)
    if (group === undefined || !group.takes(length)) {
      group = this.#spare ?? new Group()
      this.#spare = undefined
      this.#groups.push(group)
      if (this.#commitInterval > 0) this.#begin(group)
    }
    group.add(lsn, payload, waiter)
    this.#pendingBytes += length
    this.#flushing ??= this.#flush()
    return lsn
  }

  /**
   * Leaves out so many numbers, fewer than 2^24 in a row: they are never given. Whoever goes back to an older copy of the
   * log gives no number twice that way.
   */
  skip(numbers: number): void {
    this.#appended += numbers
  }

  /** Resolves when the record lasts; rejects when it is certain that it does not. For use right after its `append`. */
  whenCommitted(lsn: Lsn): Promise<void> {
    const group = this.#groups.find((candidate) => candidate.last >= lsn)
    if (group !== undefined) return group.settled()
    if (lsn <= this.#committed) return Promise.resolve()
    return Promise.reject(new StorageError('ERR_STORE_IO', `record ${lsn} was not kept; append it again`))
  }

  /** Told once a group, before the waiters of its records. The function given back ends it. */
  onSettled(listener: LogListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The payload at a position that `replay` or a waiter gave. */
  async read(position: LogPosition): Promise<Buffer> {
    const path = join(this.#options.path, segmentName(position.segment))
    try {
      const file = await this.#disk.open(path, 'read')
      try {
        const head = Buffer.alloc(RECORD_HEADER_BYTES)
        await file.read(head, position.offset)
        const record = Buffer.alloc(RECORD_HEADER_BYTES + Math.min(head.readUInt32LE(4), MAX_PAYLOAD_BYTES))
        const count = await file.read(record, position.offset)
        if (checkRecord(record.subarray(0, count), 0, segmentSeed(position.segment)) < 0) {
          throw new StorageError('ERR_STORE_DAMAGED', `${path} is damaged at ${position.offset}; check the disk`)
        }
        return record.subarray(RECORD_HEADER_BYTES)
      } finally {
        await file.close()
      }
    } catch (error) {
      throw storageError(error, `read ${path}`)
    }
  }

  /**
   * Payloads of records of which many may lie side by side; `undefined` for one that cannot be had this way: it is
   * damaged, or its segment is gone. {@link read} tells which. Never rejects.
   */
  readMany(places: readonly RecordPlace[]): Promise<(Uint8Array | undefined)[]> {
    return readMany(this.#disk, this.#options.path, places)
  }

  /** The oldest segment that is full, with the number of the first record behind it. */
  get oldest(): { readonly segment: number; readonly bytes: number; readonly end: Lsn } | undefined {
    const [first, second] = this.#segments
    // The last one with a record stays, whatever it is: its number is what the next one counts on from.
    if (first === undefined || (second === undefined && !this.#writerHolds)) return undefined
    return { segment: first.segment, bytes: first.bytes, end: second?.first ?? this.#writerFirst }
  }

  /** Whether the segment that is being written has a record that lasts. */
  get #writerHolds(): boolean {
    return this.#writer !== undefined && this.#writerFirst <= this.#committed
  }

  /**
   * Removes the oldest segments whose records are all below `lsn`; the one that is being written stays. Each removal
   * lasts before the next begins: a settlement must never be gone while the message that it settles comes back. If that
   * is not certain nothing is removed any more until the log is opened again.
   *
   * @throws {StorageError} `ERR_STORE_IO`, …
   */
  async dropBelow(lsn: Lsn): Promise<void> {
    if (this.#removals !== undefined) throw this.#removals
    for (let oldest = this.oldest; oldest !== undefined && oldest.end <= lsn; oldest = this.oldest) {
      const path = join(this.#options.path, segmentName(oldest.segment))
      try {
        await this.#disk.unlink(path)
      } catch (error) {
        throw storageError(error, `remove ${path}`)
      }
      this.#segments.shift()
      this.#sealedBytes -= oldest.bytes
      try {
        await this.#disk.syncDirectory(this.#options.path)
      } catch (error) {
        throw (this.#removals = storageError(error, `remove ${path}`))
      }
    }
  }

  /** Writes what was appended, then lets the directory go. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#finish()
    this.#hurry?.()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #prepare(tailSound: boolean): Promise<void> {
    const tail = this.#segments.at(-1)
    // After a kill a name may be known to the kernel alone.
    await this.#disk.syncDirectory(this.#options.path)
    // What the owner before was told to last does; its last file may be one whose head or name does not.
    if (this.#lock?.doubtful === true) return
    if (tail === undefined || !tailSound || tail.bytes >= this.#segmentBytes) return
    this.#segments.pop()
    this.#sealedBytes -= tail.bytes
    this.#writer = await SegmentWriter.resume(this.#disk, this.#options.path, tail.segment, tail.bytes)
    this.#writerFirst = tail.first
  }

  /** Writes group after group until none is left. Begins behind this turn's callbacks, so that a burst is one group. */
  async #flush(): Promise<void> {
    await new Promise(setImmediate)
    for (let group = this.#groups[0]; group !== undefined; group = this.#groups[0]) {
      if (this.#commitInterval > 0) await this.#gather(group)
      group.seal()
      const outcome = await this.#commit(group).catch((error: unknown) =>
        storageError(error, `write to ${this.#options.path}`),
      )
      this.#groups.shift()
      this.#pendingBytes -= group.length
      const error = outcome instanceof StorageError ? outcome : undefined
      if (error === undefined) this.#committed = group.last
      for (const listener of this.#listeners) listener(group.last, error)
      this.#telling = this.#tell(group, outcome, this.#telling)
      if (this.#groups.length > 0) await new Promise(setImmediate)
    }
    this.#flushing = undefined
  }

  #begin(group: Group): void {
    group.since = performance.now()
    // Whatever waited for company before it is full.
    this.#hurry?.()
  }

  /** Until the group has waited its time, is full, or the log is closing. */
  async #gather(group: Group): Promise<void> {
    const left = group.since + this.#commitInterval - performance.now()
    if (left <= 0 || this.#groups.length > 1 || this.#closed !== undefined) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hurry = undefined
  }

  /** Group after group, some waiters in each turn; what they append meanwhile is on its way to the disk already. */
  async #tell(group: Group, outcome: LogPosition | StorageError, before: Promise<void>): Promise<void> {
    await before
    while (group.tell(outcome)) await new Promise(setImmediate)
    this.#spare = group.reuse()
  }

  /** A group whose sync failed is written once more, into a new segment: the disk may only have lost that file. */
  async #commit(group: Group): Promise<LogPosition> {
    let writer = await this.#writerFor(group)
    let offset: number
    const began = performance.now()
    try {
      offset = await writer.commit(group.bytes())
    } catch (error) {
      if (writer.usable || storageError(error, '').code === 'ERR_STORE_FULL') throw error
      writer = await this.#writerFor(group)
      offset = await writer.commit(group.bytes())
    }
    const { length: bytes, records } = group
    this.#options.onCommit?.({ milliseconds: performance.now() - began, bytes, records })
    return { segment: writer.segment, offset }
  }

  /** The segment for the next group: the one in use, or a new one if that is full or has failed. */
  async #writerFor(group: Group): Promise<SegmentWriter> {
    const current = this.#writer
    if (current?.usable === true) {
      if (!this.#writerHolds || current.length + group.length <= this.#segmentBytes) return current
    }
    if (current !== undefined) {
      const kept = { segment: current.segment, first: this.#writerFirst, bytes: current.length }
      const holds = this.#writerHolds
      this.#sound = current.usable
      this.#writer = undefined
      await current.close()
      // One that failed before anything in it lasted: of a disk that fails for hours there would be thousands.
      if (holds || !(await current.remove())) {
        this.#segments.push(kept)
        this.#sealedBytes += kept.bytes
      }
    }
    const segment = ++this.#lastSegment
    const floor = this.#committed + 1
    const head = { kind: this.#options.kind, segment, floor }
    this.#writer = await SegmentWriter.create(this.#disk, this.#options.path, head)
    this.#writerFirst = floor
    return this.#writer
  }

  async #finish(): Promise<void> {
    await this.#flushing
    await this.#telling
    const sound = this.#writer?.usable ?? this.#sound
    await this.#writer?.close()
    await this.#lock?.release(sound)
  }
}

function closedError(path: string): StorageError {
  return new StorageError('ERR_STORE_CLOSED', `${path} is closed; open it again`)
}
