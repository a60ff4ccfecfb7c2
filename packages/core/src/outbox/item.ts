/** One message that is owed, the lane in which it waits, and the destination to which it goes. */
import type { Clock, Timer } from '../clock.ts'
import type { SettledItem } from './ledger.ts'
import type { KeptCall } from './record.ts'
import type { Deliver, OutboxEntry } from './types.ts'

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

/** How far a message got, and where that is written. */
export interface Mark {
  stage: number
  segment: number
  /** of the record */
  bytes: number
  /** marks on their way to the disk */
  pending: number
}

/** What only a message of this process has; those that were found on disk, maybe 100,000, do without. */
export interface Live {
  call: KeptCall | undefined
  /** who waits for the send */
  sends: Waiter[] | undefined
  /** who waits for the fate */
  fates: Waiter[] | undefined
  /** why the last attempt failed */
  reason: string | undefined
  /** set while it is on the wire and shall not be tried again: why */
  withdrawn: string | undefined
  /** the attempt that is on the wire */
  wire: { abort(): void } | undefined
  /** It counts against the outbox's concurrency. */
  shared: boolean
  mark: Mark | undefined
  /** Could not be read together with others: it is read alone, which tells why. */
  alone: boolean
  /** A newer message with the same word is being stored and will take its place. */
  giving: boolean
  /** what has become of it, while that is being written down */
  fate: SettledItem | undefined
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
  phase: Phase = 'waiting'
  /** Its sender was told that it is queued, or is gone: whoever comes behind it is queued at once. */
  told = true
  /** found on disk */
  earlier = false
  attempts = 0
  /** where its record lies */
  segment = 0
  offset = 0
  recordBytes = 0
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
  }

  /** What only the messages of this process need, made when it is needed. */
  get alive(): Live {
    return (this.live ??= {
      call: undefined,
      sends: undefined,
      fates: undefined,
      reason: undefined,
      withdrawn: undefined,
      wire: undefined,
      shared: false,
      mark: undefined,
      alone: false,
      giving: false,
      fate: undefined,
    })
  }

  get stage(): number {
    return this.live?.mark?.stage ?? 0
  }

  /** Older than it may become. */
  isOverdue(clock: Clock): boolean {
    return this.deadline !== undefined && clock.monotonic() >= this.deadline
  }

  /** Its line while it is owed. */
  entry(): OutboxEntry {
    const reason = this.live?.reason
    return {
      id: this.id,
      destination: this.destination.name,
      state: 'queued',
      ...(reason !== undefined && { reason }),
      queuedAt: new Date(this.queuedAt),
      attempts: this.attempts,
      size: this.size,
    }
  }

  /** What the ledger gets; where its record lies is added when it is known. */
  settledAs({
    state,
    reason,
    order,
    settledAt,
  }: Pick<SettledItem, 'state' | 'reason' | 'order' | 'settledAt'>): SettledItem {
    const { id, attempts, size, queuedAt } = this
    const destination = this.destination.name
    return { id, destination, state, order, reason, attempts, size, queuedAt, settledAt, segment: 0, recordBytes: 0 }
  }
}

/** The messages of one destination and priority that wait, oldest first: a list from whose middle one may leave. */
export class Lane {
  head: Item | undefined = undefined
  /** messages that wait, and bytes of their bodies */
  length = 0
  bytes = 0
  #tail: Item | undefined = undefined
  /** The one that came back last: the next to come back mostly belongs beside it. */
  #returned: Item | undefined = undefined
  /** on the wire */
  inFlight = 0
  /** Dropped, and not yet written down: nothing may overtake what a crash would bring back. */
  dropping = 0
  /** of those that wait or are on the wire, how many were told that they are queued */
  told = 0
  /** The first attempts of messages that go out at most once, or were hard to read, are being prepared. */
  preparing = 0
  /**
   * One of a pipeline came back, or its link went: those that are still on the wire may come back too, and what is behind
   * them waits for that.
   */
  broken = false
  /** Calls are being read from the disk. */
  reading = false
  /** messages at the front that can go before more of them should be read */
  ahead = 0

  push(item: Item): void {
    this.#insertBehind(this.#tail, item)
  }

  /** Back to where its order puts it, which is mostly the front, or beside the one before. */
  putBack(item: Item): void {
    let behind = this.#returned
    while (behind !== undefined && behind.order > item.order) behind = behind.previous
    for (let next = behind === undefined ? this.head : behind.next; next !== undefined && next.order < item.order;) {
      behind = next
      next = next.next
    }
    this.#insertBehind(behind, item)
    this.#returned = item
  }

  remove(item: Item): void {
    if (item === this.#returned) this.#returned = item.previous
    this.length--
    this.bytes -= item.size
    if (item.previous === undefined) this.head = item.next
    else item.previous.next = item.next
    if (item.next === undefined) this.#tail = item.previous
    else item.next.previous = item.previous
    item.previous = undefined
    item.next = undefined
  }

  #insertBehind(previous: Item | undefined, item: Item): void {
    this.length++
    this.bytes += item.size
    const next = previous === undefined ? this.head : previous.next
    item.previous = previous
    item.next = next
    if (previous === undefined) this.head = item
    else previous.next = item
    if (next === undefined) this.#tail = item
    else next.previous = item
  }
}

/** One service and account to which messages go: who delivers, whether the link is up, which messages wait. */
export class Destination {
  readonly name: string
  /** by priority: high, normal, low */
  readonly lanes: readonly [Lane, Lane, Lane] = [new Lane(), new Lane(), new Lane()]
  /** The newest message of every word of `latest`. */
  readonly latest: Map<string, Item> = new Map()
  deliver: Deliver | undefined = undefined
  /** deliveries at once; `undefined`: one per priority, and all share the outbox's concurrency */
  pipeline: number | undefined = undefined
  /** messages that wait or are on the wire */
  depth = 0
  held = false
  /** runs while a failed delivery is waited out */
  backoff: Timer | undefined = undefined
  /** deliveries that failed since the last that did not */
  failures = 0

  constructor(name: string) {
    this.name = name
  }

  lane(priority: number): Lane {
    return this.lanes[priority] ?? this.lanes[1]
  }

  /** messages on the wire */
  get inFlight(): number {
    const [high, normal, low] = this.lanes
    return high.inFlight + normal.inFlight + low.inFlight
  }

  /** Whether a message may go out now, as far as the link is concerned. */
  get open(): boolean {
    return this.deliver !== undefined && !this.held && this.backoff === undefined
  }

  /** What is on the wire may come back: what is behind it waits for that. */
  interrupt(): void {
    for (const lane of this.lanes) lane.broken = lane.inFlight > 0
  }

  /** The link works: no waiting any more. */
  recover(): void {
    this.failures = 0
    this.backoff?.cancel()
    this.backoff = undefined
  }
}
