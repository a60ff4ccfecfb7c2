/**
 * What the journal holds of the MQTT engine. docs/decisions/014-the-ledger.md
 *
 * A record is the change of something, or (`session`, `group`, `retained`, `will`, `moved`) all of it, which takes the
 * place of whatever was said before. Times are monotonic milliseconds of the boot that the last `clock` names.
 */
import type { Qos } from '@halyard/wire/mqtt'
import type { SessionOwner } from '../dialect.ts'
import type { Publication } from '../publication.ts'

/** Which of the messages of QoS 1 and 2 that a session was ever owed, from 0: from it comes the packet identifier. */
export type Ordinal = number

export interface Terms {
  readonly qos: Qos
  readonly retain: boolean
  readonly identifiers: readonly number[]
}

/** One message that is owed to a session. */
export interface OwedState extends Terms {
  readonly ordinal: Ordinal
  readonly message: number
  /** PUBREC was received. */
  readonly released: boolean
  /** The shared group that gave it; 0. */
  readonly group: number
}

export interface SubscriptionState {
  /** As it was sent. */
  readonly filter: string
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly identifier: number
  readonly validUntil: number
}

/** Whose something is. */
export interface Owner extends SessionOwner {
  /** The name of it. */
  readonly dialect: string
}

export interface SessionState {
  readonly number: number
  readonly owner: Owner
  /** seconds */
  readonly expiry: number
  /** When its connection ended; `undefined`: it has one. */
  readonly leftAt: number | undefined
  /** The ordinal that comes next. */
  readonly next: Ordinal
  /** What lies before was on the wire. */
  readonly sent: Ordinal
  readonly subscriptions: readonly SubscriptionState[]
  readonly owed: readonly OwedState[]
  /** Packet identifiers of QoS 2 that were taken over and not released. */
  readonly received: readonly number[]
}

export interface GroupState {
  readonly number: number
  readonly space: string
  readonly share: string
  readonly filter: string
  readonly backlog: readonly number[]
}

export interface WillState {
  readonly number: number
  readonly owner: Owner
  /** It never expires before it is published. */
  readonly publication: Publication
  /** seconds */
  readonly lifetime: number
  readonly delay: number
}

/** A message that comes to many: whoever is in the set is owed it. */
export interface TargetState extends Omit<Terms, 'retain'> {
  readonly session: number
  readonly retainAsPublished: boolean
}

/** As it was published. */
export interface RowMessage {
  readonly message: number
  readonly qos: Qos
  readonly retain: boolean
}

/** What waits for a session in a row that others have too: from one place up to another. */
export interface WaitsState extends Omit<TargetState, 'session'> {
  readonly row: number
  readonly from: number
  readonly to: number
}

/** So many ordinals from the first on. */
export interface Run {
  readonly first: Ordinal
  readonly count: number
}

export type LedgerRecord =
  | { readonly kind: 'clock'; readonly bootId: string; readonly wall: number; readonly monotonic: number }
  | { readonly kind: 'session'; readonly session: SessionState }
  /** So many records follow that are this session, of one moment; it counts when all are there. */
  | { readonly kind: 'parts'; readonly session: number; readonly count: number }
  /** Behind what its `session` says that it is owed. */
  | { readonly kind: 'queue'; readonly session: number; readonly owed: readonly OwedState[] }
  | { readonly kind: 'ended'; readonly session: number }
  | { readonly kind: 'returned'; readonly session: number; readonly expiry: number }
  | {
      readonly kind: 'left'
      readonly session: number
      readonly at: number
      readonly expiry: number
      readonly sent: Ordinal
    }
  | { readonly kind: 'subscribed'; readonly session: number; readonly subscription: SubscriptionState }
  | { readonly kind: 'unsubscribed'; readonly session: number; readonly filter: string }
  | {
      readonly kind: 'targets'
      readonly set: number
      readonly sessions: readonly TargetState[]
      readonly groups: readonly number[]
    }
  | {
      readonly kind: 'message'
      readonly message: number
      readonly publication: Publication
      readonly at: number
      /** 0: nobody is owed it by this record. */
      readonly set: number
      /** Sessions of the set that are not owed it. */
      readonly except: readonly number[]
      /** Of QoS 2: whose packet it was; session 0: nobody's that lasts. */
      readonly from: number
      readonly packetId: number
      /** It is the retained one of this channel from now on. */
      readonly retained: { readonly space: string; readonly channel: string } | undefined
    }
  /** Content alone: the record before is about to go. */
  | { readonly kind: 'moved'; readonly message: number; readonly publication: Publication; readonly at: number }
  | { readonly kind: 'owed'; readonly session: number; readonly message: number; readonly terms: Terms }
  | {
      readonly kind: 'settled'
      readonly sessions: readonly { readonly session: number; readonly runs: readonly Run[] }[]
    }
  | { readonly kind: 'pubrec'; readonly session: number; readonly ordinal: Ordinal }
  | { readonly kind: 'receipt'; readonly session: number; readonly packetId: number }
  | { readonly kind: 'released'; readonly session: number; readonly packetId: number }
  | {
      readonly kind: 'retained'
      readonly space: string
      readonly channel: string
      readonly publication: Publication
      readonly at: number
    }
  | { readonly kind: 'group'; readonly group: GroupState }
  | {
      readonly kind: 'taken'
      readonly group: number
      readonly session: number
      readonly message: number
      readonly terms: Terms
    }
  | {
      readonly kind: 'handed-back'
      readonly group: number
      readonly session: number
      readonly messages: readonly number[]
    }
  | { readonly kind: 'group-settled'; readonly group: number; readonly messages: readonly number[] }
  | { readonly kind: 'will'; readonly will: WillState; readonly at: number }
  | { readonly kind: 'will-gone'; readonly will: number }
  /** Messages that wait for several sessions, each at a place: behind those of an earlier record of the same row. */
  | {
      readonly kind: 'row'
      readonly row: number
      readonly first: number
      readonly messages: readonly RowMessage[]
    }
  /** Behind what its `session` says, in the order of the messages, whichever row they are in. */
  | { readonly kind: 'waits'; readonly session: number; readonly rows: readonly WaitsState[] }
  /** From here on all that lives is written anew. */
  | { readonly kind: 'snapshot' }
  /** It was: what was there before and was not written again is no more. */
  | { readonly kind: 'complete' }
