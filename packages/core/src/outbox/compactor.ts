/**
 * Keeps the log short: when much of it is of the past, what is still owed in its oldest segment is copied to the end,
 * and the segment goes. Copies come first and last before anything is removed.
 */
import type { Logger } from '../logger.ts'
import type { Custody } from './custody.ts'

const SEGMENT_BYTES = 1024 * 1024
/** A log of so few segments is left alone, */
const MIN_SEGMENTS = 4
/** … unless they are many (a process that is killed again and again begins a new one each time), */
const MAX_SMALL_SEGMENTS = 256
/** … and one of which at least half is still needed. */
const MAX_RATIO = 2

export class Compactor {
  readonly #custody: Custody
  readonly #logger: Logger
  readonly #minBytes: number
  #running: Promise<void> | undefined
  #stopped = false

  constructor(custody: Custody, logger: Logger, segmentBytes: number = SEGMENT_BYTES) {
    this.#custody = custody
    this.#logger = logger
    this.#minBytes = MIN_SEGMENTS * segmentBytes
  }

  /** Looks whether there is something to do, and does it on the side. */
  consider(): void {
    if (this.#stopped || this.#running !== undefined || !this.#due()) return
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
    const { store, needed } = this.#custody
    const cost = store.bytes + (store.segments * this.#minBytes) / MAX_SMALL_SEGMENTS
    return store.oldest !== undefined && cost > this.#minBytes + MAX_RATIO * needed
  }

  async #compact(): Promise<void> {
    while (!this.#stopped && this.#due()) {
      const { oldest } = this.#custody.store
      if (oldest === undefined || !(await this.#custody.vacate(oldest.segment))) return
      await this.#custody.store.dropBelow(oldest.end)
    }
  }
}
