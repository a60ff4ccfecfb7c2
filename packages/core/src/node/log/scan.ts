/** Walks the records of one segment's bytes: what is sound, what is damaged, where it ends. Nothing is read or written. */
import { RECORD_HEADER_BYTES, checkRecord, recordLsn, segmentSeed } from './format.ts'
import type { LogRecord, Lsn } from './types.ts'

/** How far a number may be ahead of the last known one: what lies behind damage is mostly no record at all. */
const MAX_LSN_STEP = 2 ** 24

export interface BadRun {
  readonly offset: number
  readonly length: number
  readonly firstMissing: Lsn
  readonly lastMissing: Lsn
}

/**
 * A cursor over the records of a segment. It is itself the record on which it stands, so that replaying 100,000 of them
 * makes no object for each; {@link record} gives one that stays.
 *
 * `bytes` is (a part of) the segment's file that begins at `base`; the walk begins at file offset `from`.
 */
export class SegmentScan implements LogRecord {
  /** Runs of bytes that are no records, with sound records behind them. */
  readonly bad: BadRun[] = []
  /** File offset behind the record on which it stands. */
  tail: number

  readonly bytes: Buffer
  readonly segment: number
  lsn: Lsn
  offset = 0
  start = 0
  end = 0
  readonly #base: number
  readonly #seed: number

  constructor(bytes: Buffer, segment: number, position: { base: number; from: number; last: Lsn }) {
    this.bytes = bytes
    this.segment = segment
    this.tail = position.from
    this.lsn = position.last
    this.#base = position.base
    this.#seed = segmentSeed(segment)
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.start, this.end)
  }

  record(): LogRecord {
    const { lsn, segment, offset, payload, bytes, start, end } = this
    return { lsn, segment, offset, payload, bytes, start, end }
  }

  /** Steps to the next sound record. False when none follows: then all behind `tail` is torn or empty. */
  next(): boolean {
    const at = this.tail - this.#base
    if (this.#follows(at)) return this.#stand(at)
    for (let candidate = at + 1; candidate + RECORD_HEADER_BYTES <= this.bytes.length; candidate++) {
      if (!this.#follows(candidate)) continue
      this.bad.push({
        offset: this.tail,
        length: candidate - at,
        firstMissing: this.lsn + 1,
        lastMissing: Math.max(this.lsn + 1, recordLsn(this.bytes, candidate) - 1),
      })
      return this.#stand(candidate)
    }
    return false
  }

  /** A record whose number is behind the last one's: the checksum, which costs, is looked at last. */
  #follows(at: number): boolean {
    if (at + RECORD_HEADER_BYTES > this.bytes.length) return false
    const lsn = recordLsn(this.bytes, at)
    const highest = this.lsn === 0 ? Number.MAX_SAFE_INTEGER : this.lsn + MAX_LSN_STEP
    return lsn > this.lsn && lsn <= highest && checkRecord(this.bytes, at, this.#seed) >= 0
  }

  #stand(at: number): true {
    this.lsn = recordLsn(this.bytes, at)
    this.offset = this.#base + at
    this.start = at + RECORD_HEADER_BYTES
    this.end = this.start + this.bytes.readUInt32LE(at + 4)
    this.tail = this.#base + this.end
    return true
  }
}
