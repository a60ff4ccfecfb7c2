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
 * A cursor over the records of a segment.
 *
 * `bytes` is (a part of) the segment's file that begins at `base`; the walk begins at file offset `from`.
 */
export class SegmentScan {
  /** Runs of bytes that are no records, with sound records behind them. */
  readonly bad: BadRun[] = []
  /** File offset behind the last sound record. */
  end: number
  /** Number of the last sound record. */
  last: Lsn

  readonly #bytes: Buffer
  readonly #base: number
  readonly #segment: number
  readonly #seed: number

  constructor(bytes: Buffer, segment: number, position: { base: number; from: number; last: Lsn }) {
    this.#bytes = bytes
    this.#base = position.base
    this.#segment = segment
    this.#seed = segmentSeed(segment)
    this.end = position.from
    this.last = position.last
  }

  /** The next sound record, or `undefined` when none follows; then all behind `end` is torn or empty. */
  next(): LogRecord | undefined {
    const at = this.end - this.#base
    if (this.#follows(at)) return this.#take(at)
    for (let candidate = at + 1; candidate + RECORD_HEADER_BYTES <= this.#bytes.length; candidate++) {
      if (!this.#follows(candidate)) continue
      this.bad.push({
        offset: this.end,
        length: candidate - at,
        firstMissing: this.last + 1,
        lastMissing: Math.max(this.last + 1, recordLsn(this.#bytes, candidate) - 1),
      })
      return this.#take(candidate)
    }
    return undefined
  }

  /** A record whose number is behind the last one's: the checksum, which costs, is looked at last. */
  #follows(at: number): boolean {
    if (at + RECORD_HEADER_BYTES > this.#bytes.length) return false
    const lsn = recordLsn(this.#bytes, at)
    const highest = this.last === 0 ? Number.MAX_SAFE_INTEGER : this.last + MAX_LSN_STEP
    return lsn > this.last && lsn <= highest && checkRecord(this.#bytes, at, this.#seed) >= 0
  }

  #take(at: number): LogRecord {
    const length = this.#bytes.readUInt32LE(at + 4)
    const start = at + RECORD_HEADER_BYTES
    this.last = recordLsn(this.#bytes, at)
    this.end = this.#base + start + length
    return {
      lsn: this.last,
      segment: this.#segment,
      offset: this.#base + at,
      payload: this.#bytes.subarray(start, start + length),
    }
  }
}
