/** What the records of a journal come to: sessions with what they are owed, as they were when the last record lasted. */
import type { Clock } from '@halyard/core'
import { Boots } from './boots.ts'
import { Numbered } from '../../domain/numbered.ts'
import type { Publication } from '../publication.ts'
import type { Arriving, KeptGroup, KeptSession, KeptSubscription } from './kept.ts'
import { KeptMessages } from './kept-messages.ts'
import type { KeptPublication } from './kept-messages.ts'
import { KeptRows } from './kept-rows.ts'
import type { KeptTargets } from './kept-rows.ts'
import type { LedgerRecord, Ordinal, OwedState, Run, SubscriptionState, Terms, WillState } from './records.ts'
import { Stale } from './stale.ts'
import type { RetainedBySpace } from './stale.ts'

export class LedgerState {
  readonly sessions: Map<number, KeptSession> = new Map()
  readonly groups: Map<number, KeptGroup> = new Map()
  readonly wills: Map<number, WillState> = new Map()
  /** The greatest that was ever given. */
  lastNumber = 0
  readonly #messages = new KeptMessages()
  readonly #rows: KeptRows<KeptSession> = new KeptRows({
    sessions: this.sessions,
    messages: this.#messages,
    owe: (session, message, terms) => this.#oweAlone(session, message, terms, 0),
  })
  readonly #retained: RetainedBySpace = new Map()
  readonly #boots: Boots
  readonly #targets = new Map<number, KeptTargets>()
  /** While a snapshot is read. */
  #stale: Stale | undefined
  #arriving: Arriving | undefined

  constructor(clock: Clock) {
    this.#boots = new Boots(clock)
  }

  /** The greatest number of a message. */
  get lastMessage(): number {
    return this.#messages.last
  }

  /** Somebody is owed each of them. */
  *messages(): Generator<readonly [number, Publication]> {
    for (const [message, kept] of this.#messages.entries()) yield [message, this.#dated(kept)]
  }

  *retained(): Generator<readonly [space: string, channel: string, Publication]> {
    for (const [space, channels] of this.#retained) {
      for (const [channel, kept] of channels) yield [space, channel, this.#dated(kept)]
    }
  }

  /** Monotonic ms of now; `undefined`: it had a connection at the end. */
  leftAt({ leftAt }: KeptSession): number | undefined {
    return leftAt && this.#boots.past(leftAt)
  }

  *subscriptions({ subscriptions }: KeptSession): Generator<SubscriptionState> {
    for (const one of subscriptions.values()) yield { ...one, validUntil: this.#boots.future(one.validUntil) }
  }

  apply(record: LedgerRecord): void {
    if (this.#arriving !== undefined && this.#arrives(this.#arriving, record)) return
    switch (record.kind) {
      case 'clock':
        return this.#boots.tell(record)
      case 'message':
        return this.#message(record)
      case 'moved':
        return this.#messages.moved(record.message, this.#keep(record))
      case 'targets':
        return this.#target(record)
      case 'snapshot':
        this.#stale = new Stale(this, this.#retained)
        this.#rows.begin()
        return
      case 'row':
        this.#number(record.row)
        return this.#rows.row(record)
      case 'complete':
        return this.#forgetStale()
      case 'retained':
        return this.#retain(record.space, record.channel, this.#keep(record))
      case 'will':
        this.#number(record.will.number)
        this.#stale?.wills.delete(record.will.number)
        this.wills.set(record.will.number, record.will)
        return
      case 'will-gone':
        this.wills.delete(record.will)
        return
      case 'group':
      case 'taken':
      case 'handed-back':
      case 'group-settled':
        return this.#group(record)
      case 'session':
        return this.#put(this.#read(record))
      case 'parts':
        // One that is new is there as far as its records are.
        if (this.sessions.has(record.session)) this.#arriving = { number: record.session, missing: record.count }
        return
      case 'ended':
        return this.#end(record.session)
      case 'settled':
        for (const { session, runs } of record.sessions) this.#settleRuns(this.sessions.get(session), runs)
        return
      case 'returned':
      case 'left':
      case 'subscribed':
      case 'unsubscribed':
      case 'owed':
      case 'queue':
      case 'waits':
      case 'pubrec':
      case 'receipt':
      case 'released': {
        const session = this.sessions.get(record.session)
        // Else it is left of one that has ended, or that begins anew further on.
        if (session) this.#change(session, record)
      }
    }
  }

  #group(record: Extract<LedgerRecord, { kind: 'group' | 'taken' | 'handed-back' | 'group-settled' }>): void {
    if (record.kind === 'group') {
      const { number, backlog } = record.group
      this.#number(number)
      for (const message of backlog) this.#messages.hold(message)
      for (const message of this.groups.get(number)?.backlog ?? []) this.#messages.letGo(message)
      this.#stale?.groups.delete(number)
      this.groups.set(number, { ...record.group, backlog: new Set(backlog) })
      return
    }
    const group = this.groups.get(record.group)
    switch (record.kind) {
      case 'taken': {
        const session = this.sessions.get(record.session)
        if (session) this.#owe(session, record.message, record.terms, record.group)
        if (group?.backlog.delete(record.message)) this.#messages.letGo(record.message)
        return
      }
      case 'handed-back':
        return this.#handBack(record, group)
      case 'group-settled':
        for (const message of record.messages) if (group?.backlog.delete(message)) this.#messages.letGo(message)
        return
    }
  }

  #handBack(record: Extract<LedgerRecord, { kind: 'handed-back' }>, group: KeptGroup | undefined): void {
    if (group) {
      // They are older than what waits there.
      const waiting = [...group.backlog]
      group.backlog.clear()
      for (const message of [...record.messages, ...waiting]) group.backlog.add(message)
      for (const message of record.messages) this.#messages.hold(message)
    }
    const given = new Set(record.messages)
    const session = this.sessions.get(record.session)
    for (const { ordinal, message, group: from } of session?.owed.values() ?? []) {
      if (session && from === record.group && given.has(message)) this.#settle(session, ordinal)
    }
  }

  #change(
    session: KeptSession,
    record: Extract<
      LedgerRecord,
      {
        kind:
          | ('returned' | 'left' | 'subscribed' | 'unsubscribed' | 'owed' | 'queue' | 'waits')
          | ('pubrec' | 'receipt' | 'released')
      }
    >,
  ): void {
    switch (record.kind) {
      case 'returned':
        this.#rows.part(session)
        session.expiry = record.expiry
        session.leftAt = undefined
        return
      case 'left':
        session.expiry = record.expiry
        session.leftAt = this.#boots.at(record.at)
        session.sent = record.sent
        return
      case 'subscribed': {
        const kept = this.#subscription(record.subscription)
        session.subscriptions.set(kept.filter, kept)
        return
      }
      case 'unsubscribed':
        session.subscriptions.delete(record.filter)
        return
      case 'owed':
        return this.#owe(session, record.message, record.terms, 0)
      case 'queue':
        for (const one of record.owed) {
          this.#messages.hold(one.message)
          session.owed.set(one.ordinal, one)
          session.next = one.ordinal + 1
        }
        return
      case 'waits':
        return this.#rows.waits(session, record)
      case 'pubrec': {
        const owed = session.owed.get(record.ordinal)
        if (owed) session.owed.set(record.ordinal, { ...owed, released: true })
        return
      }
      case 'receipt':
        session.received.add(record.packetId)
        return
      case 'released':
        session.received.delete(record.packetId)
        return
    }
  }

  #read({ session }: Extract<LedgerRecord, { kind: 'session' }>): KeptSession {
    const { number, owner, expiry, leftAt, next, sent, subscriptions, owed, received } = session
    this.#number(number)
    for (const { message } of owed) this.#messages.hold(message)
    this.#stale?.sessions.delete(number)
    return {
      number,
      owner,
      expiry,
      next,
      sent,
      leftAt: leftAt === undefined ? undefined : this.#boots.at(leftAt),
      subscriptions: new Map(subscriptions.map((one) => [one.filter, this.#subscription(one)])),
      owed: numbered(owed),
      tail: undefined,
      received: new Set(received),
    }
  }

  /** False: it is not part of it, so the rest did not come to last, and what was there before goes on. */
  #arrives(arriving: Arriving, record: LedgerRecord): boolean {
    const { number } = arriving
    if (record.kind === 'session' && record.session.number === number && arriving.session === undefined) {
      arriving.session = this.#read(record)
    } else {
      if (!isPart(record) || record.session !== number || arriving.session === undefined) {
        this.#arriving = undefined
        if (arriving.session) this.#letGo(arriving.session)
        return false
      }
      this.#change(arriving.session, record)
    }
    if (--arriving.missing > 0) return true
    this.#arriving = undefined
    this.#put(arriving.session)
    return true
  }

  /** In place of the one that was there before. */
  #put(session: KeptSession): void {
    this.#end(session.number)
    this.sessions.set(session.number, session)
  }

  /** Written twice: the second is the first. */
  #target({ set, sessions, groups }: Extract<LedgerRecord, { kind: 'targets' }>): void {
    this.#number(set)
    if (!this.#targets.has(set)) this.#targets.set(set, { sessions, groups, gathering: undefined })
  }

  #message(record: Extract<LedgerRecord, { kind: 'message' }>): void {
    const { message, publication, set, except, from, packetId, retained } = record
    const kept = this.#keep(record)
    if (retained !== undefined) this.#retain(retained.space, retained.channel, kept)
    if (from !== 0) this.sessions.get(from)?.received.add(packetId)
    const targets = set === 0 ? undefined : this.#targets.get(set)
    const { qos, retain } = publication
    if (targets !== undefined) this.#rows.owe(targets, { message, qos, retain }, new Set(except))
    for (const number of targets?.groups ?? []) {
      const group = this.groups.get(number)
      if (!group || publication.qos === 0) continue
      group.backlog.add(message)
      this.#messages.hold(message)
    }
    this.#messages.came(message, kept)
  }

  #owe(session: KeptSession, message: number, terms: Terms, group: number): void {
    this.#rows.part(session)
    this.#oweAlone(session, message, terms, group)
  }

  #oweAlone(session: KeptSession, message: number, { qos, retain, identifiers }: Terms, group: number): void {
    const ordinal = session.next++
    session.owed.set(ordinal, { ordinal, message, released: false, group, qos, retain, identifiers })
    this.#messages.hold(message)
  }

  #settle(session: KeptSession, ordinal: Ordinal): void {
    const owed = session.owed.get(ordinal)
    if (!owed) return
    session.owed.delete(ordinal)
    this.#messages.letGo(owed.message)
  }

  #settleRuns(session: KeptSession | undefined, runs: readonly Run[]): void {
    if (!session) return
    for (const { first, count } of runs) {
      // No more than there are: a count that is wrong must not take for ever.
      const last = Math.min(first + count, session.next + (session.tail?.length ?? 0))
      let ordinal = first
      for (; ordinal < Math.min(last, session.next); ordinal++) this.#settle(session, ordinal)
      if (ordinal < last) ordinal += this.#rows.settle(session, ordinal, last - ordinal)
      for (; ordinal < last; ordinal++) this.#settle(session, ordinal)
    }
  }

  #end(number: number): void {
    const session = this.sessions.get(number)
    if (session === undefined) return
    this.#letGo(session)
    this.sessions.delete(number)
  }

  #letGo({ owed, tail }: KeptSession): void {
    for (const { message } of owed.values()) this.#messages.letGo(message)
    tail?.leave()
  }

  #retain(space: string, channel: string, kept: KeptPublication): void {
    let channels = this.#retained.get(space)
    if (!channels) this.#retained.set(space, (channels = new Map()))
    this.#stale?.retained.get(space)?.delete(channel)
    // [MQTT-3.3.1-6]
    if (kept.publication.payload.length === 0) channels.delete(channel)
    else channels.set(channel, kept)
  }

  /** Their end was not written: the journal took nothing then. */
  #forgetStale(): void {
    const { sessions = [], groups = [], wills = [], retained = [] } = this.#stale ?? {}
    this.#stale = undefined
    this.#rows.begin()
    for (const number of sessions) this.#end(number)
    for (const number of groups) {
      for (const message of this.groups.get(number)?.backlog ?? []) this.#messages.letGo(message)
      this.groups.delete(number)
    }
    for (const number of wills) this.wills.delete(number)
    for (const [space, channels] of retained) {
      for (const channel of channels) this.#retained.get(space)?.delete(channel)
    }
  }

  #number(number: number): void {
    this.lastNumber = Math.max(this.lastNumber, number)
  }

  #subscription(subscription: SubscriptionState): KeptSubscription {
    return { ...subscription, validUntil: this.#boots.at(subscription.validUntil) }
  }

  #keep({ publication, at }: { readonly publication: Publication; readonly at: number }): KeptPublication {
    return { publication, writtenAt: publication.expiresAt === Infinity ? undefined : this.#boots.at(at) }
  }

  #dated({ publication, writtenAt }: KeptPublication): Publication {
    if (writtenAt === undefined) return publication
    return { ...publication, expiresAt: this.#boots.past(writtenAt) + publication.expiresAt - writtenAt.at }
  }
}

/** Of a session that has several records. */
function isPart(
  record: LedgerRecord,
): record is Extract<LedgerRecord, { kind: 'subscribed' | 'owed' | 'queue' | 'waits' }> {
  return ['subscribed', 'owed', 'queue', 'waits'].includes(record.kind)
}

function numbered(owed: readonly OwedState[]): Numbered<OwedState> {
  const all = new Numbered<OwedState>()
  for (const one of owed) all.set(one.ordinal, one)
  return all
}
