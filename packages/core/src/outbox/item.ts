/** One message that is owed, and the lane in which it waits. */
import type { Destination } from './destination.ts'
import type { OutboxEntry, OutboxState } from './types.ts'

/**
 * Where a message stands in this process.
 *
 * ```
 * storing ──► waiting ⇄ delivering ──► settling ──► (ledger)
 *                └────── dropped ─────────┘
 * ```
 */
export type Phase = 'storing' | 'waiting' | 'delivering' | 'settling'

/** Whoever waits for something, mostly for the fate of one message. */
export interface Waiter<T = OutboxEntry> {
  resolve(value: T): void
  reject(error: Error): void
}

/** The call as the deliverer gets it; of a message on disk it is there only while it is about to go out. */
export interface Call {
  readonly kind: string
  readonly options: Readonly<Record<string, unknown>>
  readonly body: Uint8Array
}

/** What only a message of this process has; those that were found on disk, maybe 100,000, do without. */
export interface Live {
  call: Call | undefined
  /** who waits for the send */
  readonly sends: Waiter[]
  /** who waits for the fate */
  readonly fates: Waiter[]
  /** why the last attempt failed */
  reason: string | undefined
  /** set while it is on the wire and shall not be tried again: why */
  withdrawn: string | undefined
  abort: (() => void) | undefined
}

export class Item {
  readonly id: string
  readonly destination: Destination
  /** 0 high, 1 normal, 2 low */
  readonly priority: number
  readonly order: number
  readonly atMostOnce: boolean
  /** milliseconds since 1970 */
  readonly queuedAt: number
  /** on the monotonic clock; `undefined`: never */
  readonly deadline: number | undefined
  readonly latest: string | undefined
  /** bytes of the body */
  readonly size: number
  /** … and of its record */
  readonly recordBytes: number
  phase: Phase = 'waiting'
  /** Its sender was told that it is queued, or is gone: whoever comes behind it is queued at once. */
  told = true
  attempts = 0
  /** where its record lies */
  segment = 0
  offset = 0
  previous: Item | undefined = undefined
  next: Item | undefined = undefined
  live: Live | undefined = undefined

  constructor(facts: {
    readonly id: string
    readonly destination: Destination
    readonly priority: number
    readonly order: number
    readonly atMostOnce: boolean
    readonly queuedAt: number
    readonly deadline: number | undefined
    readonly latest: string | undefined
    readonly size: number
    readonly recordBytes: number
  }) {
    this.id = facts.id
    this.destination = facts.destination
    this.priority = facts.priority
    this.order = facts.order
    this.atMostOnce = facts.atMostOnce
    this.queuedAt = facts.queuedAt
    this.deadline = facts.deadline
    this.latest = facts.latest
    this.size = facts.size
    this.recordBytes = facts.recordBytes
  }

  /** What only the messages of this process need, made when it is needed. */
  get alive(): Live {
    return (this.live ??= {
      call: undefined,
      sends: [],
      fates: [],
      reason: undefined,
      withdrawn: undefined,
      abort: undefined,
    })
  }

  entry(
    state: OutboxState = 'queued',
    reason: string | undefined = this.live?.reason,
    settledAt?: number,
  ): OutboxEntry {
    return {
      id: this.id,
      destination: this.destination.name,
      state,
      ...(reason !== undefined && { reason }),
      queuedAt: new Date(this.queuedAt),
      ...(settledAt !== undefined && { settledAt: new Date(settledAt) }),
      attempts: this.attempts,
      size: this.size,
    }
  }
}

/** The messages of one destination and priority that wait, oldest first: a list from whose middle one may leave. */
export class Lane {
  head: Item | undefined = undefined
  #tail: Item | undefined = undefined
  /** on the wire */
  inFlight = 0
  /** Dropped, and not yet written down: nothing may overtake what a crash would bring back. */
  dropping = 0
  /** of those that wait or are on the wire, how many were told that they are queued */
  told = 0

  push(item: Item): void {
    this.#insertBehind(this.#tail, item)
  }

  /** Back to where its order puts it, which is mostly the front. */
  putBack(item: Item): void {
    let behind: Item | undefined
    for (let next = this.head; next !== undefined && next.order < item.order; next = next.next) behind = next
    this.#insertBehind(behind, item)
  }

  remove(item: Item): void {
    if (item.previous === undefined) this.head = item.next
    else item.previous.next = item.next
    if (item.next === undefined) this.#tail = item.previous
    else item.next.previous = item.previous
    item.previous = undefined
    item.next = undefined
  }

  #insertBehind(previous: Item | undefined, item: Item): void {
    const next = previous === undefined ? this.head : previous.next
    item.previous = previous
    item.next = next
    if (previous === undefined) this.head = item
    else previous.next = item
    if (next === undefined) this.#tail = item
    else next.previous = item
  }
}
