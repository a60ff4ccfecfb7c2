/**
 * The port to what of the engine must last. Each method is called where the thing itself happens, in its order. A number
 * that it gives is what to wait for before anybody is told; 0: nothing; `UNKEPT`: it cannot be kept.
 */
import { StorageError } from '@halyard/core'
import type { Qos } from '@halyard/wire/mqtt'
import type { Lsn } from '../domain/ports.ts'
import type { Position } from '../domain/positions.ts'
import type { DeliveryTerms } from './link.ts'
import type { Passing } from './passing.ts'
import type { ClientSubscription, Group, Holder, Session } from './session.ts'
import type { WillMessage } from './wills.ts'

/** Where a message is the retained one. */
export interface RetainedPlace {
  readonly space: string
  readonly channel: string
}

interface TargetSession {
  readonly session: Session
  readonly qos: Qos
  readonly retainAsPublished: boolean
  readonly identifiers: readonly number[] | undefined
  /** Itself, unless it gets less, or nothing, of its own messages. */
  readonly own: object | undefined
  readonly holder: Holder | undefined
}

/** Who gets a message, one entry a session: `Targets`. */
export interface TargetList {
  readonly sessions: readonly TargetSession[]
  readonly groups: readonly Group[]
  /** Of the sessions: so many share a row and have room for it; nobody has asked the others. */
  readonly shared:
    | { readonly gathering: { readonly size: number; readonly others: readonly TargetSession[] } }
    | undefined
}

/** A message as it is published: who gets it, and what else it does. */
export interface PublishOrder {
  readonly targets: TargetList
  readonly from: Session | undefined
  /** Whether its publisher may have it back. */
  readonly echo: boolean
  /** Of QoS 2, else 0. */
  readonly packetId: number
  /** It is the retained one there from now on; if it is empty, none is. */
  readonly retained: RetainedPlace | undefined
}

/** Makes room for one more message of so many bytes; false: the session may not have it. */
export type Admit = (session: Session, bytes: number) => boolean

/** The number of what cannot be kept at present. */
export const UNKEPT: Lsn = -1

/** What whoever waits for {@link UNKEPT} is told. */
export function unkept(): StorageError {
  return new StorageError(
    'ERR_HUB_JOURNAL_FAILED',
    'the journal takes nothing at present; see the log, and mend the disk',
  )
}

/** Somebody who waits for commits, told of each. */
export interface CommitWait {
  /** Everything up to this lasts, or does not. True: he goes on waiting. */
  settled(upTo: Lsn, error: Error | undefined): boolean
}

export interface Keeper {
  /** Everything up to this lasts. */
  readonly committed: Lsn
  /** The last that was written; 0: it lasts; `UNKEPT`. What an answer says without a record of its own may rest on it. */
  readonly latest: Lsn
  /** So much waits for the disk that nobody who adds to it should be read. */
  readonly isBehind: boolean

  /** A session that is to outlive its connection. */
  began(session: Session): void
  returned(session: Session): void
  left(session: Session): void
  /** From now on it lasts no longer than its connection, or not even that. */
  ended(session: Session): Lsn
  subscribed(session: Session, filter: string, subscription: ClientSubscription): Lsn
  unsubscribed(session: Session, filter: string): Lsn

  /** Before it is routed: what `message.kept` says then holds for all who get it. */
  published(message: Passing, order: PublishOrder, admit: Admit): Lsn
  /** Who is not owed it by the message's own record. */
  owed(session: Session, position: Position, terms: DeliveryTerms): Lsn
  /** `count`: so many from this ordinal on; 1 */
  settled(session: Session, ordinal: number, count?: number): void
  /** PUBREC of what the session was owed. */
  received(session: Session, ordinal: number): Lsn
  /** PUBREL of what it published. */
  released(session: Session, packetId: number): Lsn

  /** The first member that lasts has come. */
  groupBegan(group: Group): void
  taken(group: Group, session: Session, position: Position, terms: DeliveryTerms): void
  handedBack(group: Group, session: Session, positions: readonly Position[]): void
  groupSettled(group: Group, position: Position): void

  willMade(session: Session, will: WillMessage): void
  willGone(will: WillMessage): void

  /** Calls it back for every commit. */
  wait(waiter: CommitWait): void
  /** Calls back once. `lsn` must not be smaller than that of an earlier call. */
  when(lsn: Lsn, done: (error: Error | undefined) => void): void
}

/** For an engine whose state ends with it. */
export const FORGETFUL: Keeper = {
  committed: Infinity,
  latest: 0,
  isBehind: false,
  began() {},
  returned() {},
  left() {},
  ended: () => 0,
  subscribed: () => 0,
  unsubscribed: () => 0,
  published: () => 0,
  owed: () => 0,
  settled() {},
  received: () => 0,
  released: () => 0,
  groupBegan() {},
  taken() {},
  handedBack() {},
  groupSettled() {},
  willMade() {},
  willGone() {},
  wait() {},
  when: (_lsn, done) => done(undefined),
}
