import { StorageError, momentOf } from '@halyard/core'
import type { Clock, Logger, Timer } from '@halyard/core'
import type { Journal, Lsn } from '../../domain/ports.ts'
import type { MessageStore, Position } from '../../domain/positions.ts'
import { UNKEPT } from '../keeper.ts'
import type { CommitWait, Keeper, PublishOrder } from '../keeper.ts'
import type { DeliveryTerms } from '../link.ts'
import type { Passing } from '../passing.ts'
import type { Publication } from '../publication.ts'
import type { ClientSubscription, Group, Session } from '../session.ts'
import type { WillMessage } from '../wills.ts'
import { LedgerEncoder, propertiesOf } from './encoder.ts'
import type { MessageFacts } from './encoder.ts'
import { groupState, ownerOf, sessionRecords, subscriptionState } from './live.ts'
import type { LedgerRecord, Terms, WillState } from './records.ts'
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
  /** Bytes of records that are there already. */
  readonly replayedBytes: number
}

/** They are written at once when they are so many. */
const MANY_SETTLEMENTS = 16_384
const NOBODY: readonly number[] = []

/**
 * The engine's state in the journal: each change is a record. From time to time all of it is written anew (`Snapshots`),
 * so that what lies before can go. docs/decisions/014-the-ledger.md
 */
export class Ledger implements Keeper {
  readonly #parts: LedgerParts
  readonly #encoder = new LedgerEncoder()
  readonly #settlements = new Settlements()
  readonly #sets: TargetSets
  readonly #waits = new Set<CommitWait>()
  readonly #calls: { readonly lsn: Lsn; readonly done: (error: Error | undefined) => void }[] = []
  readonly #wills = new Map<WillMessage, WillState>()
  readonly #stopListening: () => void
  #lastNumber: number
  /** What is settled need not be written before the next commit. */
  #hasWrittenSettled = false
  #timer: Timer | undefined
  #hasClock = false
  #hasFailed = false
  #isRecovering = false
  #failures = 0
  #bytes: number

  constructor(parts: LedgerParts) {
    this.#parts = parts
    this.#lastNumber = parts.lastNumber
    this.#bytes = parts.replayedBytes
    this.#sets = new TargetSets(
      (record) => this.append(record),
      () => ++this.#lastNumber,
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

  /** Times behind it are of this boot: it stands before the first record of each start. */
  writeClock(): Lsn {
    this.#hasClock = true
    return this.append({ kind: 'clock', ...momentOf(this.#parts.clock) })
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

  ended(session: Session): void {
    if (session.number === 0) return
    this.append({ kind: 'ended', session: session.number })
    session.number = 0
    this.#sets.forget()
  }

  subscribed({ number }: Session, filter: string, subscription: ClientSubscription): Lsn {
    if (number === 0) return 0
    return this.append({ kind: 'subscribed', session: number, subscription: subscriptionState(filter, subscription) })
  }

  unsubscribed({ number }: Session, filter: string): Lsn {
    return number === 0 ? 0 : this.append({ kind: 'unsubscribed', session: number, filter })
  }

  // Messages.

  published(message: Passing, order: PublishOrder): Lsn {
    const { targets, from, retained } = order
    const hasReceipt = order.packetId !== 0 && from !== undefined && from.number !== 0
    const owing = message.qos === 0 ? undefined : this.#admit(message, order)
    if (owing === undefined && retained === undefined && !hasReceipt) return 0
    if (this.#hasFailed) return UNKEPT
    this.#flushSettled()
    const { clock, store } = this.#parts
    const set = owing === undefined ? 0 : this.#sets.numberOf(targets)
    const position = set === 0 ? 0 : message.hold(store)
    const { qos, retain, expiresAt } = message
    // Written out: it is made for every message, and spreading costs as much as the rest of it.
    const facts: MessageFacts = {
      message: position,
      at: expiresAt === Infinity ? 0 : clock.monotonic(),
      set,
      except: owing?.except ?? NOBODY,
      from: hasReceipt ? from.number : 0,
      packetId: hasReceipt ? order.packetId : 0,
      retained,
      qos,
      retain,
      expiresAt,
      publisher: retained === undefined ? '' : message.publisher,
    }
    const lsn = this.#append(this.#encoder.message(facts, message.parts(propertiesOf(message.forwarded))))
    if (position !== 0) store.wrote(position, lsn)
    message.kept = { lsn, position, except: owing?.except ?? NOBODY, refused: owing?.refused ?? NOBODY }
    return lsn
  }

  owed({ number }: Session, position: Position, terms: DeliveryTerms): void {
    if (number === 0) return
    const lsn = this.append({ kind: 'owed', session: number, message: position, terms: termsOf(terms) })
    this.#writeContent(position, lsn)
  }

  settled({ number }: Session, ordinal: number): void {
    if (number === 0) return
    this.#settlements.session(number, ordinal)
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
    if (group.number === 0) return this.owed(session, position, terms)
    const taken = { group: group.number, session: number, message: position, terms: termsOf(terms) }
    this.append({ kind: 'taken', ...taken })
  }

  handedBack(group: Group, session: Session, positions: readonly Position[]): void {
    if (group.number === 0 || session.number === 0) return
    this.append({ kind: 'handed-back', group: group.number, session: session.number, messages: positions })
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
    this.#waits.add(waiter)
  }

  when(lsn: Lsn, done: (error: Error | undefined) => void): void {
    if (lsn === 0) done(undefined)
    else if (lsn === UNKEPT) done(unkept())
    else this.#calls.push({ lsn, done })
  }

  /** Who of the targets is owed it; `undefined`: nobody that lasts. */
  #admit(
    message: Passing,
    { targets, from, echo, admit }: PublishOrder,
  ): { readonly except: readonly number[]; readonly refused: readonly number[] } | undefined {
    let isOwed = targets.groups.some(({ number }) => number !== 0)
    const except: number[] = []
    const refused: number[] = []
    for (const target of targets.sessions) {
      const { session } = target
      if (session.number === 0 || target.qos === 0) continue
      // What it gets on other terms, or later, has a record of its own.
      const isOther = target.holder !== undefined || (session === from && (!echo || target.own !== target))
      if (isOther) except.push(session.number)
      else if (admit(session, message.size)) isOwed = true
      // It may have ended over that.
      else if (session.number !== 0) {
        except.push(session.number)
        refused.push(session.number)
      }
    }
    return isOwed || refused.length > 0 ? { except, refused } : undefined
  }

  /** The message of a position, if no record has it yet. */
  #writeContent(position: Position, owedAt: Lsn): void {
    const { store, clock } = this.#parts
    if (store.lsnOf(position) !== 0) return store.wrote(position, owedAt)
    const publication = store.get(position)
    if (publication === undefined) return
    store.wrote(position, this.append({ kind: 'moved', message: position, publication, at: clock.monotonic() }))
  }

  #append(record: Uint8Array): Lsn {
    if (this.#hasFailed && !this.#isRecovering) return UNKEPT
    this.#bytes += record.length
    return this.#parts.journal.append(record)
  }

  /** Once a commit, with whatever else is written. */
  #flushSettled(): void {
    if (!this.#hasClock) this.writeClock()
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
    if (!this.#hasClock) this.writeClock()
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
    for (const waiter of this.#waits) if (!waiter.settled(upTo, error)) this.#waits.delete(waiter)
    let told = 0
    for (const { lsn, done } of this.#calls) {
      if (lsn > upTo) break
      told++
      done(error)
    }
    this.#calls.splice(0, told)
  }
}

function termsOf({ qos, retain, identifiers = [] }: DeliveryTerms): Terms {
  return { qos, retain, identifiers }
}

function unkept(): StorageError {
  return new StorageError(
    'ERR_HUB_JOURNAL_FAILED',
    'the journal takes nothing at present; see the log, and mend the disk',
  )
}
