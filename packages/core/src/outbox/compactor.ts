/**
 * Keeps the log short: when much of it is of the past, what is still owed in its oldest segment is copied to the end,
 * and the segment goes. Copies come first and last before anything is removed.
 */
import type { Logger } from '../logger.ts'
import type { Custody } from './custody.ts'
import type { Item } from './item.ts'
import { RecordEncoder } from './record.ts'

/** A log of so many segments is left alone, */
const MIN_SEGMENTS = 4
/** … unless they are many (a process that is killed again and again begins a new one each time), */
const MAX_SMALL_SEGMENTS = 256
/** … and one of which at least so large a part is still needed. */
const MAX_RATIO = 2

export class Compactor {
  readonly #custody: Custody
  readonly #logger: Logger
  readonly #minBytes: number
  readonly #encoder = new RecordEncoder()
  #running: Promise<void> | undefined
  #stopped = false

  constructor(custody: Custody, logger: Logger, segmentBytes: number) {
    this.#custody = custody
    this.#logger = logger
    this.#minBytes = MIN_SEGMENTS * segmentBytes
  }

  /** Looks whether there is something to do, and does it on the side. */
  consider(): void {
    if (this.#running !== undefined || this.#stopped || !this.#due()) return
    this.#running = this.#compact()
      .catch((error: unknown) =>
        this.#logger.warn({ err: error }, 'the outbox could not be made shorter; trying again later'),
      )
      .finally(() => (this.#running = undefined))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  #due(): boolean {
    const { store, neededBytes, found } = this.#custody
    const cost = store.bytes + (store.segments * this.#minBytes) / MAX_SMALL_SEGMENTS
    return cost > this.#minBytes + MAX_RATIO * neededBytes && !found.holdsUnknown && store.oldest !== undefined
  }

  async #compact(): Promise<void> {
    while (!this.#stopped && this.#due()) {
      const { oldest } = this.#custody.store
      if (oldest === undefined || !(await this.#vacate(oldest.segment))) return
      await this.#custody.store.dropBelow(oldest.end)
    }
  }

  /** Copies what is still needed of a segment to the end of the log. False if the segment has to wait. */
  async #vacate(segment: number): Promise<boolean> {
    const { owed, ledger, store } = this.#custody
    const copies: Promise<boolean>[] = []
    for (const settled of ledger.inSegment(segment)) {
      const { id, order } = settled
      copies.push(this.#copy(this.#encoder.settled(settled), (to) => ledger.moved({ id, order }, to)))
    }
    const isOwed = (item: Item): boolean => item.phase !== 'settling' && item.phase !== 'over'
    for (const item of owed.all()) {
      if (!isOwed(item)) continue
      const mark = item.live?.mark
      if (mark?.segment === segment && mark.bytes > 0) {
        // A copy behind a younger mark would hide it.
        if (mark.pending > 0) return false
        copies.push(this.#copy(this.#encoder.stage(item.id, mark.stage), (to) => (mark.segment = to)))
      }
      if (item.segment !== segment) continue
      const payload = await store.read(segment, item.offset)
      // Its fate may have been written meanwhile; a copy behind that would bring it back to life.
      if (!isOwed(item)) continue
      const moved = this.#copy(payload, (to, offset) => {
        item.segment = to
        item.offset = offset
      })
      copies.push(moved)
    }
    if ((await Promise.all(copies)).includes(false)) return false
    for (const item of owed.all()) {
      // The mark of an attempt that may happen only once lies in some segment, perhaps in this one, and counts until the
      // fate is written.
      const attempted = item.atMostOnce && (item.phase === 'delivering' || item.phase === 'settling')
      if (attempted || (item.segment === segment && item.phase !== 'storing')) return false
      // Nor may a message come back without its mark while its fate is not yet written.
      if (item.live?.mark?.segment === segment) return false
    }
    return true
  }

  #copy(record: Uint8Array, done: (segment: number, offset: number) => void): Promise<boolean> {
    return new Promise((resolve) => {
      this.#custody.store.append(record, {
        committed: (_lsn, segment, offset) => {
          done(segment, offset)
          resolve(true)
        },
        failed: () => resolve(false),
      })
    })
  }
}
