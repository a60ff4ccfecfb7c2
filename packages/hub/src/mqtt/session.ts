import type { Qos } from '@halyard/wire/mqtt'
import { ServerReceipts } from './server-receipts.ts'
import { ServerWindow } from './server-window.ts'
import type { Sent } from './server-window.ts'
import type { Dependants } from './dependants.ts'
import { PositionQueue } from '../domain/position-queue.ts'
import type { Position } from '../domain/positions.ts'
import type { Principal } from './dialect.ts'
import { Keeping } from './keeping.ts'
import { DEFAULT_MQTT_LIMITS } from './limits.ts'
import type { OverflowPolicy } from './limits.ts'
import type { Delivered, DeliveryTerms, Link } from './link.ts'
import type { Passing } from './passing.ts'
import type { SharedTail } from './shared-tail.ts'

export interface SubscriptionTerms {
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** 5.0 §3.8.2.1.2; 0: none */
  readonly identifier: number
  /** Monotonic ms; Infinity. */
  readonly validUntil: number
}

/** One filter of one session. There are a million of them: no field that can be done without. */
export class ClientSubscription {
  readonly session: Session
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly identifier: number
  readonly validUntil: number

  constructor(session: Session, terms: SubscriptionTerms) {
    this.session = session
    this.qos = terms.qos
    this.noLocal = terms.noLocal
    this.retainAsPublished = terms.retainAsPublished
    this.identifier = terms.identifier
    this.validUntil = terms.validUntil
  }
}

/** Whoever keeps live messages back while stored ones go out. */
export interface Holder {
  hold(message: Passing, terms: DeliveryTerms): Delivered
  /** The subscription has ended. */
  leave(subscription: HeldSubscription): void
}

/** Of a subscription that gets stored messages first: an ordinary one takes its place when it has them. */
export class HeldSubscription extends ClientSubscription {
  readonly holder: Holder

  constructor(session: Session, terms: SubscriptionTerms, holder: Holder) {
    super(session, terms)
    this.holder = holder
  }
}

/** A shared group as its members see it. */
export interface Group {
  /** A member has left, or has room again. */
  drain(): void
  /**
   * What a member leaves unacknowledged, oldest first, goes to others: the positions change hands. `isOver`: it will not
   * come back for them. False: there is nobody.
   */
  handOn(from: Session, positions: readonly Position[], isOver: boolean): boolean
  lend(to: Session, positions: readonly Position[]): void
  /** A member that does not last has acknowledged it. */
  settled(position: Position): void
  /** In the journal; 0: it is not there. */
  number: number
  readonly space: string
  readonly share: string
  readonly filter: string
  /** What it has and no member that lasts has taken, oldest first. */
  readonly unsettled: readonly Position[]
}

/** What is in flight to a client, besides its packet identifier. */
export interface Owed {
  /** Which of the messages of its session. */
  readonly ordinal: number
  /** 0: nobody will send it again, so nobody holds it. */
  readonly position: Position
  readonly retain: boolean
  readonly identifiers: readonly number[] | undefined
  readonly group: Group | undefined
}

/** Of sessions that end with their connection. */
export const UNHELD: Owed = { ordinal: 0, position: 0, retain: false, identifiers: undefined, group: undefined }

/** What stands beside a position in a queue: its QoS, and these. */
export const MARK_RETAIN = 4
export const MARK_IDENTIFIERS = 8

const NO_GROUPS: ReadonlySet<Group> = new Set()
const NO_IDENTIFIERS: ReadonlyMap<Position, readonly number[]> = new Map()

/** What a client id has, connected or not: subscriptions, what is in flight both ways, what waits (§4.1). */
export class Session {
  readonly clientId: string
  principal: Principal
  /** What becomes of one message too many for it. */
  readonly overflow: OverflowPolicy
  link: Link | undefined
  /** Seconds that it outlives its connection; 0: it ends with it. */
  expiry = 0
  /** In the journal; 0: it is not there, and ends with the process. */
  number = 0
  /** Of the message of QoS 1 or 2 that comes next; the first is 0. */
  next = 0
  /** When its connection ended, and when it will end itself: monotonic ms, while there is no connection. */
  leftAt = 0
  endsAt: number = Infinity
  readonly #subscriptions = new Map<string, ClientSubscription>()
  readonly #dependants: Dependants<Session> | undefined
  #filterBytes = 0
  #groups: Set<Group> | undefined
  readonly outgoing: ServerWindow<Owed>
  /** In flight since an earlier connection and not sent again yet, the oldest last; `undefined`: nothing is. */
  resending: Sent<Owed>[] | undefined
  readonly incoming: ServerReceipts = new ServerReceipts()
  #keeping: Keeping | undefined
  readonly queue: PositionQueue = new PositionQueue()
  #queuedIdentifiers: Map<Position, readonly number[]> | undefined
  queuedBytes = 0
  /** Behind its queue, while it has no connection: {@link Sharing}. `next` and `sent` do not count it. */
  tail: SharedTail | undefined
  /** The oldest in its queue waits for the disk. */
  isDraining = false
  /** Lost because its queue was full, since it was told last. */
  dropped = 0

  /** `overflow`: if its account has none. */
  constructor(
    clientId: string,
    principal: Principal,
    window: number,
    overflow: OverflowPolicy = DEFAULT_MQTT_LIMITS.overflow,
    dependants?: Dependants<Session>,
  ) {
    this.clientId = clientId
    this.principal = principal
    this.overflow = principal.overflow ?? overflow
    this.#dependants = dependants
    this.outgoing = new ServerWindow(window)
  }

  /** No other session has it, and the next one of the same client has it again. */
  get key(): string {
    return sessionKey(this.principal, this.clientId)
  }

  /** By the filter as it was sent. */
  get subscriptions(): ReadonlyMap<string, ClientSubscription> {
    return this.#subscriptions
  }

  /** Of all filters together. */
  get filterBytes(): number {
    return this.#filterBytes
  }

  /** Shared groups that it is a member of. */
  get groups(): ReadonlySet<Group> {
    return this.#groups ?? NO_GROUPS
  }

  joined(group: Group): void {
    this.#groups ??= new Set()
    this.#groups.add(group)
  }

  left(group: Group): void {
    this.#groups?.delete(group)
    if (this.#groups?.size === 0) this.#groups = undefined
  }

  /** Of what waits in the queue for subscriptions with identifiers. */
  get queuedIdentifiers(): ReadonlyMap<Position, readonly number[]> {
    return this.#queuedIdentifiers ?? NO_IDENTIFIERS
  }

  /** It has left the queue. */
  forgetIdentifiers(position: Position): void {
    this.#queuedIdentifiers?.delete(position)
    if (this.#queuedIdentifiers?.size === 0) this.#queuedIdentifiers = undefined
  }

  /** In place of the one that it may have for this filter. */
  setSubscription(filter: string, subscription: ClientSubscription): void {
    if (!this.#subscriptions.has(filter)) {
      this.#filterBytes += Buffer.byteLength(filter)
      const thing = this.principal.dialect.dependsOn?.(filter)
      if (thing !== undefined) this.#dependants?.add(thing, filter, this)
    }
    this.#subscriptions.set(filter, subscription)
  }

  removeSubscription(filter: string): void {
    if (!this.#subscriptions.delete(filter)) return
    this.#filterBytes -= Buffer.byteLength(filter)
    const thing = this.principal.dialect.dependsOn?.(filter)
    if (thing !== undefined) this.#dependants?.remove(thing, filter, this)
  }

  /** QoS 2 that waits for the disk. */
  get keeping(): Keeping {
    return (this.#keeping ??= new Keeping())
  }

  /** Whether such a message of it does. */
  isKeeping(packetId: number): boolean {
    return this.#keeping?.isWaiting(packetId) === true
  }

  /** The ordinal of the first that waits: all before it have been on the wire. */
  get sent(): number {
    return this.next - this.queue.length
  }

  /** Takes a place in its queue for a message that is held. */
  enqueue(position: Position, { qos, retain, identifiers }: DeliveryTerms, bytes: number): void {
    const hasIdentifiers = identifiers !== undefined && identifiers.length > 0
    this.queue.push(position, qos | (retain ? MARK_RETAIN : 0) | (hasIdentifiers ? MARK_IDENTIFIERS : 0))
    if (hasIdentifiers) (this.#queuedIdentifiers ??= new Map()).set(position, identifiers)
    this.queuedBytes += bytes
    this.next++
  }

  /** Nothing waits any more. */
  clearQueue(): void {
    this.queue.clear()
    this.#queuedIdentifiers = undefined
    this.queuedBytes = 0
  }

  /** It is there again after its connection. */
  get lasts(): boolean {
    return this.expiry > 0
  }
}

/** A JSON list: no name can end another one early. */
export function sessionKey({ space, account }: Principal, clientId: string): string {
  return JSON.stringify([space, account, clientId])
}
