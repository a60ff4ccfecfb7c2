/**
 * Keeps the log short: when much of it is of the past, what is still owed in its oldest segment is copied to the end,
 * and the segment goes. Copies come first and last before anything is removed.
 */
import type { Logger } from '../logger.ts'
import type { Custody } from './custody.ts'

/** A log this short is left alone. */
const MIN_BYTES = 4 * 1024 * 1024
/** … and one of which at least so large a part is still needed. */
const MAX_RATIO = 2
/** A record of the ledger, roughly. */
const LEDGER_RECORD_BYTES = 120
const QUEUED_RECORD_BYTES = 160

export class Compactor {
  readonly #custody: Custody
  readonly #logger: Logger
  #running: Promise<void> | undefined
  #stopped = false

  constructor(custody: Custody, logger: Logger) {
    this.#custody = custody
    this.#logger = logger
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
    const { store, items, bytes, ledger } = this.#custody
    const needed = bytes + items.size * QUEUED_RECORD_BYTES + ledger.size * LEDGER_RECORD_BYTES
    return store.bytes > MIN_BYTES + MAX_RATIO * needed && store.oldest !== undefined
  }

  async #compact(): Promise<void> {
    while (!this.#stopped && this.#due()) {
      const { oldest } = this.#custody.store
      if (oldest === undefined || !(await this.#custody.vacate(oldest.segment))) return
      await this.#custody.store.dropBelow(oldest.end)
    }
  }
}
