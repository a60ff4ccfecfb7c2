import { momentOf } from '@halyard/core'
import type { Clock, Logger, Moment, Timer } from '@halyard/core'
import type { Journal, Lsn } from '../../domain/ports.ts'
import type { MessageStore, Position } from '../../domain/positions.ts'
import { UNKEPT, unkept } from '../keeper.ts'
import type { Admit, CommitWait, Keeper, PublishOrder } from '../keeper.ts'
import type { DeliveryTerms } from '../link.ts'
import type { Passing } from '../passing.ts'
import type { Publication } from '../publication.ts'
import type { ClientSubscription, Group, Session } from '../session.ts'
import type { WillMessage } from '../wills.ts'
import { CommitWaits } from './commit-waits.ts'
import { LedgerEncoder, propertiesOf } from './encoder.ts'
import type { MessageFacts } from './encoder.ts'
import { groupState, ownerOf, sessionRecords, subscriptionState, termsOf } from './live.ts'
import { NOTHING, owingOf } from './owing.ts'
import type { LedgerRecord, WillState } from './records.ts'
import { Settlements } from './settlements.ts'
import { TargetSets } from './target-sets.ts'

export interface LedgerLimits {
  /** Bytes that wait for the disk, above which nobody is read who adds to them. */
  readonly uncommittedBytes: number
  /** Seconds after which what was settled is written although nothing else is. */
  readonly settleInterval: number
}

export interface LedgerParts {
  readonly journal: Journal
  readonly store: MessageStore<Publication>
  readonly limits: LedgerLimits
  readonly clock: Clock
  readonly logger: Logger
  /** The greatest number that was given before. */
  readonly lastNumber: number
  /** The data take what they may of the disk: what would add to them is refused. */
  readonly isFull: () => boolean
  /** Bytes of records that are there already. */
  readonly replayedBytes: number
}

/** They are written at once when they are so many. */
const MANY_SETTLEMENTS = 16_384
/** Milliseconds by which a wall clock may move without being written down again. */
const CLOCK_JUMP = 2000
const NO_NUMBERS: readonly number[] = []

/**
 * The engine's state in the journal: each change is a record. From time to time all of it is written anew (`Snapshots`),
 * so that what lies before can go. docs/decisions/014-the-ledger.md
 */
export class Ledger implements Keeper {
  readonly #parts: LedgerParts
  readonly #encoder = new LedgerEncoder()
  readonly #settlements = new Settlements()
  readonly #sets: TargetSets
  readonly #waits: CommitWaits
  readonly #wills = new Map<WillMessage, WillState>()
  readonly #stopListening: () => void
  #lastNumber: number
  /** The number of the newest record. */
  #last: Lsn = 0
  /** The message of the newest record that has one: who is owed it by the next needs no other. */
  #latest: Position = 0
  /** What is settled need not be written before the next commit. */
  #hasWrittenSettled = false
  #timer: Timer | undefined
  #clock: Moment | undefined
  #hasFailed = false
  #isRecovering = false
  #failures = 0
  #bytes: number

  constructor(parts: LedgerParts) {
    this.#parts = parts
    this.#lastNumber = parts.lastNumber
    this.#bytes = parts.replayedBytes
    this.#waits = new CommitWaits(parts.logger)
    this.#sets = new TargetSets(
      (record) => this.append(record),
      () => this.newNumber(),
    )
    this.#stopListening = parts.journal.onSettled((upTo, error) => this.#tell(upTo, error))
  }

  /** Of all its records, those that went since included. */
  get bytes(): number {
    return this.#bytes
  }

  /** How often something could not be written. */
  get failures(): number {
    return this.#failures
  }

  get committed(): Lsn {
    return this.#parts.journal.committed
  }

  get latest(): Lsn {
    // While all is written anew too: what a part of that says counts when the rest is there.
    if (this.#hasFailed) return UNKEPT
    return this.#last > this.committed ? this.#last : 0
  }

  get isBehind(): boolean {
    return this.#parts.journal.pendingBytes > this.#parts.limits.uncommittedBytes
  }

  /** Nothing can be kept at present. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  get wills(): IterableIterator<WillState> {
    return this.#wills.values()
  }

  append(record: LedgerRecord): Lsn {
    this.#flushSettled()
    return this.#append(this.#encoder.encode(record))
  }

  /** One that nothing else has. */
  newNumber(): number {
    return ++this.#lastNumber
  }

  /** Times behind it are of this boot: it stands before the first record of each start. */
  writeClock(): Lsn {
    this.#clock = momentOf(this.#parts.clock)
    return this.append({ kind: 'clock', ...this.#clock })
  }

  /** The machine may have learnt what time it is. */
  lookAtClock(): void {
    const { wall, monotonic } = this.#clock ?? momentOf(this.#parts.clock)
    const { clock } = this.#parts
    if (Math.abs(clock.now() - wall - (clock.monotonic() - monotonic)) > CLOCK_JUMP) this.writeClock()
  }

  /** Sets that are named from here on are written anew. */
  forgetSets(): void {
    this.#sets.forget()
  }

  /** Changes are written again, while all that is in memory is written anew. */
  recovering(): void {
    this.#isRecovering = true
  }

  /** Everything is on the disk, as it is in memory. */
  recovered(): void {
    this.#hasFailed = false
  }

  close(): void {
    this.#timer?.cancel()
    this.#writeSettled()
    this.#stopListening()
  }

  // Sessions.

  began(session: Session): void {
    session.number = ++this.#lastNumber
    for (const record of sessionRecords(session, undefined)) this.append(record)
  }

  returned({ number, expiry }: Session): void {
    if (number !== 0) this.append({ kind: 'returned', session: number, expiry })
  }

  left({ number, expiry, sent }: Session): void {
    if (number === 0) return
    this.append({ kind: 'left', session: number, at: this.#parts.clock.monotonic(), expiry, sent })
  }

  ended(session: Session): Lsn {
    if (session.number === 0) return 0
    const lsn = this.append({ kind: 'ended', session: session.number })
    session.number = 0
    this.#sets.forget()
    return lsn
  }

  subscribed({ number }: Session, filter: string, subscription: ClientSubscription): Lsn {
    if (number === 0) return 0
    return this.append({ kind: 'subscribed', session: number, subscription: subscriptionState(filter, subscription) })
  }

  unsubscribed({ number }: Session, filter: string): Lsn {
    return number === 0 ? 0 : this.append({ kind: 'unsubscribed', session: number, filter })
  }

  // Messages.

  published(message: Passing, order: PublishOrder, admit: Admit): Lsn {
    const { targets, from, retained } = order
    const hasReceipt = order.packetId !== 0 && from !== undefined && from.number !== 0
    const owing = message.qos === 0 ? undefined : owingOf(message, order, admit)
    if (owing === undefined && retained === undefined && !hasReceipt) return 0
    // What only takes a retained message away adds nothing.
    const adds = owing !== undefined || hasReceipt || message.payloadAt !== message.payloadEnd
    if (this.#isMute || (adds && this.#parts.isFull())) return UNKEPT
    this.#flushSettled()
    const { clock, store } = this.#parts
    const set = owing === undefined ? 0 : this.#sets.numberOf(targets)
    const position = set === 0 ? 0 : message.hold(store)
    const { qos, retain, expiresAt } = message
    const { except, refused } = owing ?? NOTHING
    // One literal, without spreads: this is the path of each message that lasts.
    const facts: MessageFacts = {
      message: position,
      qos,
      retain,
      at: expiresAt === Infinity ? 0 : clock.monotonic(),
      expiresAt,
      set,
      except: except.size === 0 ? NO_NUMBERS : [...except],
      from: hasReceipt ? from.number : 0,
      packetId: hasReceipt ? order.packetId : 0,
      retained,
      publisher: retained === undefined ? '' : message.publisher,
    }
    const lsn = this.#append(this.#encoder.message(facts, message.parts(propertiesOf(message.forwarded))))
    this.#latest = position
    if (position !== 0) store.wrote(position, lsn)
    message.kept = { lsn, position, except, refused }
    return lsn
  }

  owed({ number }: Session, position: Position, terms: DeliveryTerms): Lsn {
    if (number === 0) return 0
    const lsn = this.append({ kind: 'owed', session: number, message: position, terms: termsOf(terms) })
    this.#writeContent(position, lsn)
    return this.#parts.store.lsnOf(position)
  }

  settled({ number }: Session, ordinal: number, count = 1): void {
    if (number === 0) return
    this.#settlements.session(number, ordinal, count)
    this.#settleLater()
  }

  received({ number }: Session, ordinal: number): Lsn {
    return number === 0 ? 0 : this.append({ kind: 'pubrec', session: number, ordinal })
  }

  released({ number }: Session, packetId: number): Lsn {
    return number === 0 ? 0 : this.append({ kind: 'released', session: number, packetId })
  }

  // Shared groups.

  groupBegan(group: Group): void {
    group.number = ++this.#lastNumber
    const lsn = this.append({ kind: 'group', group: groupState(group) })
    for (const position of group.unsettled) this.#writeContent(position, lsn)
    this.#sets.forget()
  }

  taken(group: Group, session: Session, position: Position, terms: DeliveryTerms): void {
    const { number } = session
    if (number === 0) return
    if (group.number === 0) return void this.owed(session, position, terms)
    const taken = { group: group.number, session: number, message: position, terms: termsOf(terms) }
    this.append({ kind: 'taken', ...taken })
  }

  handedBack(group: Group, session: Session, positions: readonly Position[]): void {
    if (group.number === 0) return
    const lsn = this.append({ kind: 'handed-back', group: group.number, session: session.number, messages: positions })
    // Of a session that is not there no record says what it had.
    if (session.number === 0) for (const position of positions) this.#writeContent(position, lsn)
  }

  groupSettled({ number }: Group, position: Position): void {
    if (number === 0) return
    this.#settlements.group(number, position)
    this.#settleLater()
  }

  // Wills.

  willMade(session: Session, message: WillMessage): void {
    const { publication, lifetime, delay } = message
    const will = { number: ++this.#lastNumber, owner: ownerOf(session), publication, lifetime, delay }
    this.#wills.set(message, will)
    this.append({ kind: 'will', will, at: this.#parts.clock.monotonic() })
  }

  willGone(message: WillMessage): void {
    const will = this.#wills.get(message)
    if (will === undefined) return
    this.#wills.delete(message)
    this.append({ kind: 'will-gone', will: will.number })
  }

  /** One of an earlier process. */
  willKept(message: WillMessage, will: WillState): void {
    this.#wills.set(message, will)
  }

  // Commits.

  wait(waiter: CommitWait): void {
    this.#waits.wait(waiter)
  }

  when(lsn: Lsn, done: (error: Error | undefined) => void): void {
    this.#waits.when(lsn, done)
  }

  /** The message of a position. An older record of it may be about to go, or be of no use: who was owed it by that is not any more. */
  #writeContent(position: Position, owedAt: Lsn): void {
    const { store, clock } = this.#parts
    if (position === this.#latest) return store.wrote(position, owedAt)
    const publication = store.get(position)
    if (publication === undefined) return
    store.wrote(position, this.append({ kind: 'moved', message: position, publication, at: clock.monotonic() }))
  }

  /** Nothing is written. While all is written anew changes are too, though nobody is told that they last: it may be past them. */
  get #isMute(): boolean {
    return this.#hasFailed && !this.#isRecovering
  }

  #append(record: Uint8Array): Lsn {
    if (this.#isMute) return UNKEPT
    this.#bytes += record.length
    return (this.#last = this.#parts.journal.append(record))
  }

  /** Once a commit, with whatever else is written. */
  #flushSettled(): void {
    if (this.#clock === undefined) this.writeClock()
    const { size } = this.#settlements
    if (size > MANY_SETTLEMENTS || (size > 0 && !this.#hasWrittenSettled)) this.#writeSettled()
  }

  #settleLater(): void {
    const { clock, limits } = this.#parts
    this.#timer ??= clock.setTimer(limits.settleInterval * 1000, () => {
      this.#timer = undefined
      this.#writeSettled()
    })
  }

  #writeSettled(): void {
    if (this.#settlements.size === 0) return
    if (this.#clock === undefined) this.writeClock()
    this.#hasWrittenSettled = true
    const { sessions, groups } = this.#settlements.take()
    if (sessions.length > 0) this.#append(this.#encoder.encode({ kind: 'settled', sessions }))
    for (const one of groups) this.#append(this.#encoder.encode({ kind: 'group-settled', ...one }))
  }

  #fail(error: Error): void {
    this.#failures++
    this.#isRecovering = false
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#parts.logger.error(
      { err: error },
      'mqtt: the journal takes nothing: what would have to be kept is refused until it does again',
    )
  }

  #tell(upTo: Lsn, error: Error | undefined): void {
    this.#hasWrittenSettled = false
    if (error !== undefined) this.#fail(error)
    // What was written behind a gap may mean nothing without what should be there: a message names a set of sessions.
    const outcome = error ?? (this.#hasFailed ? unkept() : undefined)
    this.#waits.tell(upTo, outcome)
  }
}
