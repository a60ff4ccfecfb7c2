/** What the records of a journal come to: sessions with what they are owed, as they were when the last record lasted. */
import type { Clock } from '@halyard/core'
import type { Qos } from '@halyard/wire/mqtt'
import { Boots } from './boots.ts'
import type { Dated } from './boots.ts'
import { Numbered } from '../../domain/numbered.ts'
import type { Publication } from '../publication.ts'
import type {
  GroupState,
  LedgerRecord,
  Ordinal,
  OwedState,
  Owner,
  Run,
  SubscriptionState,
  TargetState,
  Terms,
  WillState,
} from './records.ts'

export interface KeptSession {
  readonly number: number
  readonly owner: Owner
  expiry: number
  /** `undefined`: it had a connection at the end. */
  leftAt: Dated | undefined
  next: Ordinal
  sent: Ordinal
  readonly subscriptions: Map<string, KeptSubscription>
  /** In the order of their ordinals. */
  readonly owed: Numbered<OwedState>
  readonly received: Set<number>
}

export interface KeptSubscription extends Omit<SubscriptionState, 'validUntil'> {
  readonly validUntil: Dated
}

export interface KeptGroup extends Omit<GroupState, 'backlog'> {
  /** In the order in which they came. */
  readonly backlog: Set<number>
}

/** With the moment of its record, if its expiry is counted from that. */
interface KeptPublication {
  readonly publication: Publication
  readonly writtenAt: Dated | undefined
}

/** A message while somebody is owed it. */
interface KeptMessage {
  /** `undefined`: its record comes further on. */
  kept: KeptPublication | undefined
  times: number
}

interface Targets {
  readonly sessions: readonly TargetState[]
  readonly groups: readonly number[]
}

/** By space, then by channel. */
type RetainedBySpace = Map<string, Map<string, KeptPublication>>

export class LedgerState {
  readonly sessions: Map<number, KeptSession> = new Map()
  readonly groups: Map<number, KeptGroup> = new Map()
  readonly wills: Map<number, WillState> = new Map()
  /** The greatest numbers that were ever given. */
  lastNumber = 0
  lastMessage = 0
  readonly #messages = new Numbered<KeptMessage>()
  readonly #retained: RetainedBySpace = new Map()
  readonly #boots: Boots
  readonly #targets = new Map<number, Targets>()
  /** Whoever is owed it by a record of his own is so by one of the next. */
  #latest: { readonly message: number; readonly kept: KeptPublication } | undefined
  /** While a snapshot is read. */
  #stale: Stale | undefined

  constructor(clock: Clock) {
    this.#boots = new Boots(clock)
  }

  /** Somebody is owed each of them. */
  *messages(): Generator<readonly [number, Publication]> {
    for (const [message, { kept }] of this.#messages.entries()) if (kept) yield [message, this.#dated(kept)]
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
    switch (record.kind) {
      case 'clock':
        return this.#boots.tell(record)
      case 'message':
        return this.#message(record)
      case 'moved': {
        const kept = this.#messages.get(record.message)
        if (kept) kept.kept = this.#keep(record)
        return
      }
      case 'targets':
        this.#number(record.set)
        this.#targets.set(record.set, record)
        return
      case 'snapshot':
        this.#stale = new Stale(this, this.#retained)
        return
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
        return this.#begin(record)
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
      for (const message of backlog) this.#hold(message)
      for (const message of this.groups.get(number)?.backlog ?? []) this.#letGo(message)
      this.#stale?.groups.delete(number)
      this.groups.set(number, { ...record.group, backlog: new Set(backlog) })
      return
    }
    const group = this.groups.get(record.group)
    switch (record.kind) {
      case 'taken': {
        const session = this.sessions.get(record.session)
        if (session) this.#owe(session, record.message, record.terms.qos, record.terms, record.group)
        if (group?.backlog.delete(record.message)) this.#letGo(record.message)
        return
      }
      case 'handed-back':
        return this.#handBack(record, group)
      case 'group-settled':
        for (const message of record.messages) if (group?.backlog.delete(message)) this.#letGo(message)
        return
    }
  }

  #handBack(record: Extract<LedgerRecord, { kind: 'handed-back' }>, group: KeptGroup | undefined): void {
    if (group) {
      // They are older than what waits there.
      const waiting = [...group.backlog]
      group.backlog.clear()
      for (const message of [...record.messages, ...waiting]) group.backlog.add(message)
      for (const message of record.messages) this.#hold(message)
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
        kind: 'returned' | 'left' | 'subscribed' | 'unsubscribed' | 'owed' | 'pubrec' | 'receipt' | 'released'
      }
    >,
  ): void {
    switch (record.kind) {
      case 'returned':
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
        return this.#owe(session, record.message, record.terms.qos, record.terms, 0)
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

  #begin({ session }: Extract<LedgerRecord, { kind: 'session' }>): void {
    const { number, owner, expiry, leftAt, next, sent, subscriptions, owed, received } = session
    this.#number(number)
    for (const { message } of owed) this.#hold(message)
    this.#end(number)
    this.#stale?.sessions.delete(number)
    this.sessions.set(number, {
      ...{ number, owner, expiry, next, sent },
      leftAt: leftAt === undefined ? undefined : this.#boots.at(leftAt),
      subscriptions: new Map(subscriptions.map((one) => [one.filter, this.#subscription(one)])),
      owed: numbered(owed),
      received: new Set(received),
    })
  }

  #message(record: Extract<LedgerRecord, { kind: 'message' }>): void {
    const { message, publication, set, except, from, packetId, retained } = record
    const kept = this.#keep(record)
    this.lastMessage = Math.max(this.lastMessage, message)
    if (retained !== undefined) this.#retain(retained.space, retained.channel, kept)
    if (from !== 0) this.sessions.get(from)?.received.add(packetId)
    const targets = set === 0 ? undefined : this.#targets.get(set)
    const others = new Set(except)
    for (const target of targets?.sessions ?? []) {
      const session = this.sessions.get(target.session)
      const qos = publication.qos < target.qos ? publication.qos : target.qos
      // QoS 0 is owed to nobody.
      if (session === undefined || qos === 0 || others.has(target.session)) continue
      const retain = publication.retain && target.retainAsPublished
      this.#owe(session, message, qos, { retain, identifiers: target.identifiers }, 0)
    }
    for (const number of targets?.groups ?? []) {
      const group = this.groups.get(number)
      if (!group || publication.qos === 0) continue
      group.backlog.add(message)
      this.#hold(message)
    }
    const owed = this.#messages.get(message)
    if (owed) owed.kept = kept
    this.#latest = { message, kept }
  }

  #owe(session: KeptSession, message: number, qos: Qos, terms: Omit<Terms, 'qos'>, group: number): void {
    const { retain, identifiers } = terms
    const ordinal = session.next++
    session.owed.set(ordinal, { ordinal, message, released: false, group, qos, retain, identifiers })
    this.#hold(message)
  }

  #settle(session: KeptSession, ordinal: Ordinal): void {
    const owed = session.owed.get(ordinal)
    if (!owed) return
    session.owed.delete(ordinal)
    this.#letGo(owed.message)
  }

  #settleRuns(session: KeptSession | undefined, runs: readonly Run[]): void {
    if (!session) return
    for (const { first, count } of runs) {
      // No more than there are: a count that is wrong must not take for ever.
      const last = Math.min(first + count, session.next)
      for (let ordinal = first; ordinal < last; ordinal++) this.#settle(session, ordinal)
    }
  }

  #end(number: number): void {
    for (const { message } of this.sessions.get(number)?.owed.values() ?? []) this.#letGo(message)
    this.sessions.delete(number)
  }

  #hold(message: number): void {
    this.lastMessage = Math.max(this.lastMessage, message)
    const kept = this.#messages.get(message)
    if (kept) kept.times++
    else {
      const latest = this.#latest?.message === message ? this.#latest.kept : undefined
      this.#messages.set(message, { kept: latest, times: 1 })
    }
  }

  #letGo(message: number): void {
    const kept = this.#messages.get(message)
    if (kept && --kept.times === 0) this.#messages.delete(message)
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
    for (const number of sessions) this.#end(number)
    for (const number of groups) {
      for (const message of this.groups.get(number)?.backlog ?? []) this.#letGo(message)
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

/** What was there when a snapshot began, and was not written again since. */
class Stale {
  readonly sessions: Set<number>
  readonly groups: Set<number>
  readonly wills: Set<number>
  readonly retained: Map<string, Set<string>>

  constructor({ sessions, groups, wills }: LedgerState, retained: RetainedBySpace) {
    this.sessions = new Set(sessions.keys())
    this.groups = new Set(groups.keys())
    this.wills = new Set(wills.keys())
    this.retained = new Map(Array.from(retained, ([space, channels]) => [space, new Set(channels.keys())]))
  }
}

function numbered(owed: readonly OwedState[]): Numbered<OwedState> {
  const all = new Numbered<OwedState>()
  for (const one of owed) all.set(one.ordinal, one)
  return all
}
