/** One delivery: what the deliverer is handed, and what its answer means. */
import { HalyardError, UsageError, describeError } from '../errors.ts'
import type { Item } from './item.ts'
import type { KeptCall } from './record.ts'
import type { DeliverOptions, Delivery, OutboxMessage } from './types.ts'

/** characters */
const MAX_REASON = 1024
const MAX_STAGE = 255
const DELIVERED: Delivery = Object.freeze({ outcome: 'delivered' })

/** What the deliverer is handed. */
export function messageOf(item: Item, call: KeptCall): OutboxMessage {
  const { id, attempts, order, earlier, stage } = item
  const { kind, body } = call
  return { id, kind, body, options: optionsOf(call), attempts, order, earlier, stage }
}

/** An object of the deliverer's own, or one that nobody can change. */
function optionsOf({ plain, options }: KeptCall): OutboxMessage['options'] {
  if (plain !== undefined) return Object.isFrozen(plain) ? plain : { ...plain }
  return options === '' ? {} : (JSON.parse(options) as Record<string, unknown>)
}

/** Who made the attempt. */
export interface AttemptHost {
  advance(item: Item, stage: number): Promise<void>
  answered(item: Item, answer: unknown): void
}

/**
 * The options of a delivery. A controller costs more than the rest of it, and few deliverers have stages, so both are
 * made for those who look.
 */
export class Attempt implements DeliverOptions {
  readonly #host: AttemptHost
  readonly #item: Item
  #controller: AbortController | undefined
  #aborted = false

  constructor(item: Item, host: AttemptHost) {
    this.#item = item
    this.#host = host
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort()
    return this.#controller.signal
  }

  get advance(): (stage: number) => Promise<void> {
    return (stage) => this.#advance(stage)
  }

  /** Still on the wire: nothing has answered it, nobody has given it up. */
  get isOpen(): boolean {
    return this.#item.live?.wire === this
  }

  answer(delivery: Delivery): void {
    if (this.isOpen) this.#host.answered(this.#item, delivery)
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort()
  }

  #advance(stage: number): Promise<void> {
    if (!Number.isInteger(stage) || stage < 0 || stage > MAX_STAGE) {
      const what = `a stage is a whole number from 0 to ${MAX_STAGE}, not ${String(stage)}`
      return Promise.reject(new UsageError('ERR_OUTBOX_STAGE', what))
    }
    if (!this.isOpen) {
      const what = `the attempt is over, message ${this.#item.id} is no longer on the wire; leave its stage as it is`
      return Promise.reject(new HalyardError('ERR_OUTBOX_STAGE', what))
    }
    return this.#host.advance(this.#item, stage)
  }
}

/** A deliverer of somebody else's may answer anything. */
export class BadOutcome extends TypeError {
  override name = 'BadOutcome'
}

/** @throws {BadOutcome} */
export function outcomeOf(answer: unknown): Delivery {
  const { outcome, reason } = (answer ?? {}) as { readonly outcome?: unknown; readonly reason?: unknown }
  if (outcome === 'delivered') return DELIVERED
  if (outcome === 'refused' || outcome === 'retry') {
    return { outcome, reason: typeof reason === 'string' ? shortened(reason) : '' }
  }
  const expected = 'the deliverer must answer with an outcome: delivered, refused or retry'
  throw new BadOutcome(`${expected}, not ${JSON.stringify(answer)}`)
}

export function reasonOf(error: unknown): string {
  return shortened(describeError(error))
}

/** A reason is a line in the ledger. */
function shortened(reason: string): string {
  return reason.length <= MAX_REASON ? reason : `${reason.slice(0, MAX_REASON - 1)}…`
}
