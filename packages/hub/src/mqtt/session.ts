import type { Qos } from '@halyard/wire/mqtt'
import { IncomingFlow } from './incoming-flow.ts'
import { OutgoingFlow } from './outgoing-flow.ts'
import type { InFlight } from './outgoing-flow.ts'
import { PositionQueue } from '../domain/position-queue.ts'
import type { Position } from '../domain/positions.ts'
import type { Principal } from './dialect.ts'
import type { Link } from './link.ts'

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

/** A shared group as its members see it. */
export interface Group {
  /** A member has left, or has room again. */
  drain(): void
  /**
   * What a member leaves unacknowledged, oldest first, goes to others: the positions change hands. `isOver`: it will not
   * come back for them. False: there is nobody.
   */
  handOn(positions: readonly Position[], isOver: boolean): boolean
}

/** What is in flight to a client, besides its packet identifier. */
export interface Owed {
  /** 0: nobody will send it again, so nobody holds it. */
  readonly position: Position
  readonly retain: boolean
  readonly identifiers: readonly number[] | undefined
  readonly group: Group | undefined
}

/** Of sessions that end with their connection. */
export const UNHELD: Owed = { position: 0, retain: false, identifiers: undefined, group: undefined }

/** What a client id has, connected or not: subscriptions, what is in flight both ways, what waits (§4.1). */
export class Session {
  readonly clientId: string
  principal: Principal
  link: Link | undefined
  /** Seconds that it outlives its connection; 0: it ends with it. */
  expiry = 0
  /** Monotonic ms, while there is no connection. */
  endsAt: number = Infinity
  /** By the filter as it was sent. */
  readonly subscriptions: Map<string, ClientSubscription> = new Map()
  /** Shared groups that it is a member of. */
  readonly groups: Set<Group> = new Set()
  readonly outgoing: OutgoingFlow<Owed>
  /** In flight since an earlier connection and not sent again yet, the oldest last; `undefined`: nothing is. */
  resending: InFlight<Owed>[] | undefined
  readonly incoming: IncomingFlow = new IncomingFlow()
  readonly queue: PositionQueue = new PositionQueue()
  /** Of what waits in the queue for subscriptions with identifiers. */
  readonly queuedIdentifiers: Map<Position, readonly number[]> = new Map()
  queuedBytes = 0
  /** Lost because its queue was full, since it was told last. */
  dropped = 0

  constructor(clientId: string, principal: Principal, window: number) {
    this.clientId = clientId
    this.principal = principal
    this.outgoing = new OutgoingFlow(window)
  }

  /** It is there again after its connection. */
  get lasts(): boolean {
    return this.expiry > 0
  }
}
