import { describeError } from '@halyard/core'
import type { Clock, Logger, Timer } from '@halyard/core'
import type { JournalReader } from '../../domain/journal-readers.ts'
import type { Journal } from '../../domain/ports.ts'
import type { MessageStore } from '../../domain/positions.ts'
import type { Broker } from '../broker.ts'
import type { Dialect } from '../dialect.ts'
import type { Publication } from '../publication.ts'
import { Ledger } from './ledger.ts'
import type { LedgerLimits } from './ledger.ts'
import { replayLedger, restore } from './restore.ts'
import type { Restored } from './restore.ts'
import { Snapshots } from './snapshots.ts'
import type { LedgerState } from './state.ts'

export interface OpenLedgerParts {
  readonly journal: Journal
  readonly reader: JournalReader
  readonly store: MessageStore<Publication>
  readonly limits: LedgerLimits
  readonly isFull: () => boolean
  /** Nearly so: what nobody needs any more is to go soon. */
  readonly isTight: () => boolean
  readonly clock: Clock
  readonly logger: Logger
}

/** Less is never written anew. */
const LEAST_BYTES = 32 * 1024 * 1024
/** Milliseconds. */
const FIRST_LOOK = 100
const LOOK = 1000

/** A ledger whose records were read, before there is a broker that has what they say. */
export class OpenLedger {
  readonly ledger: Ledger
  readonly #parts: OpenLedgerParts
  #state: LedgerState | undefined
  /** Milliseconds that the replay took. */
  readonly replayTime: number
  #snapshots: Snapshots | undefined
  #timer: Timer | undefined

  private constructor(parts: OpenLedgerParts, state: LedgerState, ledger: Ledger, replayTime: number) {
    this.#parts = parts
    this.#state = state
    this.ledger = ledger
    this.replayTime = replayTime
  }

  /** @throws {StorageError} `ERR_HUB_RECORD` */
  static async open(parts: OpenLedgerParts): Promise<OpenLedger> {
    const { journal, clock } = parts
    const startedAt = clock.monotonic()
    const { state, bytes } = await replayLedger(journal, clock)
    const ledger = new Ledger({ ...parts, lastNumber: state.lastNumber, replayedBytes: bytes })
    return new OpenLedger(parts, state, ledger, clock.monotonic() - startedAt)
  }

  /** Gives the broker what was there, and looks after the journal from then on. */
  async attach(broker: Broker, dialects: readonly Dialect[]): Promise<Restored> {
    const { clock, logger, store } = this.#parts
    const state = this.#state
    this.#state = undefined
    const restored =
      state === undefined
        ? { sessions: 0, messages: 0, retained: 0, forgotten: 0 }
        : await restore(state, { broker, ledger: this.ledger, dialects, clock, logger })
    this.#snapshots = new Snapshots({
      ...this.#parts,
      store,
      ledger: this.ledger,
      leastBytes: LEAST_BYTES,
      sessions: () => broker.sessions,
      spaces: () => broker.spaces,
    })
    // Soon: a hub that is killed again and again before the first look would never write one; but first its ports open.
    this.#look(FIRST_LOOK)
    return restored
  }

  /** All that lives is written anew, now. */
  async snapshot(): Promise<void> {
    await this.#snapshots?.write()
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    await this.#snapshots?.idle()
    this.ledger.close()
  }

  #look(after: number): void {
    this.#timer = this.#parts.clock.setTimer(after, () => {
      try {
        this.ledger.lookAtClock()
        this.#snapshots?.look()
      } catch (error) {
        this.#parts.logger.error({ err: error }, `mqtt: the journal could not be looked after: ${describeError(error)}`)
      }
      this.#look(LOOK)
    })
  }
}
