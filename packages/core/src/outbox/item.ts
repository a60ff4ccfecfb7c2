/** One message that is owed, and the destination to which it goes. */
import type { Clock, Timer } from '../clock.ts'
import type { HalyardError } from '../errors.ts'
import { Lane } from './lane.ts'
import type { KeptCall, SettledRecord } from './record.ts'
import type { StoreWaiter } from './store.ts'
import type { Deliver, OutboxEntry, OutboxState, Outcome } from './types.ts'
import type { Waiters } from './waiters.ts'

/**
 * Where a message stands in this process.
 *
 * ```
 * storing ──► waiting ⇄ delivering ──► settling ──► over (ledger)
 *    │           └────── dropped ─────────┘          ▲
 *    └────────── not kept ───────────────────────────┘
 * refused (never taken: only its line is being written)
 * ```
 */
export type Phase = 'storing' | 'waiting' | 'delivering' | 'settling' | 'over' | 'refused'

/** How far a message got, and where that is written. */
export interface Mark {
  stage: number
  segment: number
  /** of the record */
  bytes: number
  /** marks on their way to the disk */
  pending: number
}

/** Who keeps messages: told what the store says of their records. */
export interface Keeper {
  kept(item: Item, segment: number, offset: number): void
  notKept(item: Item, error: HalyardError): void
  /** … of their fates. */
  written(live: Live, segment: number): void
  notWritten(live: Live, error: HalyardError): void
}

/**
 * What only a message of this process has; those that were found on disk, maybe 100,000, do without. One object from the
 * intake to the ledger: who waits for it, what it is delivered from, what its sender is told, its line in the ledger and
 * whom the store tells. An object for each of these would be most of what a message costs.
 */
export class Live implements Outcome, SettledRecord, StoreWaiter {
  readonly item: Item
  /** Its sender gave it its id. */
  isNamed = false
  call: KeptCall | undefined = undefined
  /** who waits for the send */
  sends: Waiters<Live> = undefined
  /** who waits for the fate */
  fates: Waiters<OutboxEntry> = undefined
  state: OutboxState = 'queued'
  /** why the last attempt failed; of a fate: why. '' for nothing */
  reason = ''
  /** set while it is on the wire and shall not be tried again: why */
  withdrawn: string | undefined = undefined
  /** the attempt that is on the wire */
  wire: { abort(): void } | undefined = undefined
  /** It counts against the outbox's concurrency. */
  shared = false
  mark: Mark | undefined = undefined
  /** Could not be read together with others: it is read alone, which tells why. */
  alone = false
  /** A newer message with the same word is being stored and will take its place. */
  giving = false
  /** of a fate: counts settlements; bytes of its record */
  order = 0
  settledAt = 0
  recordBytes = 0
  /** beside it in the row of what is owed */
  older: Item | undefined = undefined
  newer: Item | undefined = undefined

  constructor(item: Item) {
    this.item = item
  }

  get id(): string {
    return this.item.id
  }

  get destination(): string {
    return this.item.destination.name
  }

  get attempts(): number {
    return this.item.attempts
  }

  get size(): number {
    return this.item.size
  }

  get queuedAt(): number {
    return this.item.queuedAt
  }

  committed(_lsn: number, segment: number, offset: number): void {
    const { item } = this
    const { keeper } = item.destination
    if (item.phase === 'storing') keeper.kept(item, segment, offset)
    else keeper.written(this, segment)
  }

  failed(error: HalyardError): void {
    const { item } = this
    const { keeper } = item.destination
    if (item.phase === 'storing') keeper.notKept(item, error)
    else keeper.notWritten(this, error)
  }
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
    return (this.live ??= new Live(this))
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
    const reason = this.live?.reason ?? ''
    return {
      id: this.id,
      destination: this.destination.name,
      state: 'queued',
      ...(reason !== '' && { reason }),
      queuedAt: new Date(this.queuedAt),
      attempts: this.attempts,
      size: this.size,
    }
  }
}

/** One service and account to which messages go: who delivers, whether the link is up, which messages wait. */
export class Destination {
  readonly name: string
  readonly keeper: Keeper
  /** by priority: high, normal, low */
  readonly lanes: readonly [Lane<Item>, Lane<Item>, Lane<Item>] = [new Lane(), new Lane(), new Lane()]
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

  constructor(name: string, keeper: Keeper) {
    this.name = name
    this.keeper = keeper
  }

  lane(priority: number): Lane<Item> {
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
