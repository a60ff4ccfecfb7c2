/** What the records of a journal come to: sessions with what they are owed, as they were when the last record lasted. */
import { ageOf } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type { Qos } from '@halyard/wire/mqtt'
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
  /** Monotonic ms of now; `undefined`: it had a connection at the end. */
  leftAt: number | undefined
  next: Ordinal
  sent: Ordinal
  readonly subscriptions: Map<string, SubscriptionState>
  /** In the order of their ordinals. */
  readonly owed: Numbered<OwedState>
  readonly received: Set<number>
}

export interface KeptGroup extends Omit<GroupState, 'backlog'> {
  /** In the order in which they came. */
  readonly backlog: Set<number>
}

/** A message while somebody is owed it. */
interface KeptMessage {
  /** `undefined`: its record comes further on. */
  publication: Publication | undefined
  times: number
}

interface Targets {
  readonly sessions: readonly TargetState[]
  readonly groups: readonly number[]
}

/** By space, then by channel. */
type RetainedBySpace = Map<string, Map<string, Publication>>

export class LedgerState {
  readonly sessions: Map<number, KeptSession> = new Map()
  readonly groups: Map<number, KeptGroup> = new Map()
  readonly retained: RetainedBySpace = new Map()
  readonly wills: Map<number, WillState> = new Map()
  /** The greatest numbers that were ever given. */
  lastNumber = 0
  lastMessage = 0
  records = 0
  readonly #messages = new Numbered<KeptMessage>()
  readonly #clock: Clock
  readonly #targets = new Map<number, Targets>()
  /** Whoever is owed it by a record of his own is so by one of the next. */
  #latest: { readonly message: number; readonly publication: Publication } | undefined
  /** While a snapshot is read. */
  #stale: Stale | undefined
  /** Of the boot of the records: a moment in it, as wall clock and monotonic. */
  #boot: { readonly bootId: string; readonly wall: number; readonly monotonic: number }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#boot = { bootId: clock.bootId, wall: clock.now(), monotonic: clock.monotonic() }
  }

  /** Somebody is owed each of them. */
  get messages(): Iterable<readonly [number, { readonly publication: Publication | undefined }]> {
    return this.#messages.entries()
  }

  apply(record: LedgerRecord): void {
    this.records++
    switch (record.kind) {
      case 'clock':
        this.#boot = record
        return
      case 'message':
        return this.#message(record)
      case 'moved': {
        const kept = this.#messages.get(record.message)
        if (kept) kept.publication = this.#dated(record.publication, record.at)
        return
      }
      case 'targets':
        this.#number(record.set)
        this.#targets.set(record.set, record)
        return
      case 'snapshot':
        this.#stale = new Stale(this)
        return
      case 'complete':
        return this.#forgetStale()
      case 'retained':
        return this.#retain(record.space, record.channel, this.#dated(record.publication, record.at))
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
        session.leftAt = this.#past(record.at)
        session.sent = record.sent
        return
      case 'subscribed': {
        const { subscription } = record
        const validUntil = this.#future(subscription.validUntil)
        session.subscriptions.set(subscription.filter, { ...subscription, validUntil })
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
      leftAt: leftAt === undefined ? undefined : this.#past(leftAt),
      subscriptions: new Map(
        subscriptions.map((one) => [one.filter, { ...one, validUntil: this.#future(one.validUntil) }]),
      ),
      owed: numbered(owed),
      received: new Set(received),
    })
  }

  #message(record: Extract<LedgerRecord, { kind: 'message' }>): void {
    const { message, publication, at, set, except, from, packetId, retained } = record
    this.lastMessage = Math.max(this.lastMessage, message)
    if (retained !== undefined) this.#retain(retained.space, retained.channel, this.#dated(publication, at))
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
    const dated = this.#dated(publication, at)
    const kept = this.#messages.get(message)
    if (kept) kept.publication = dated
    this.#latest = { message, publication: dated }
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
      const publication = this.#latest?.message === message ? this.#latest.publication : undefined
      this.#messages.set(message, { publication, times: 1 })
    }
  }

  #letGo(message: number): void {
    const kept = this.#messages.get(message)
    if (kept && --kept.times === 0) this.#messages.delete(message)
  }

  #retain(space: string, channel: string, publication: Publication): void {
    let channels = this.retained.get(space)
    if (!channels) this.retained.set(space, (channels = new Map()))
    this.#stale?.retained.get(space)?.delete(channel)
    // [MQTT-3.3.1-6]
    if (publication.payload.length === 0) channels.delete(channel)
    else channels.set(channel, publication)
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
      for (const channel of channels) this.retained.get(space)?.delete(channel)
    }
  }

  #number(number: number): void {
    this.lastNumber = Math.max(this.lastNumber, number)
  }

  /** A moment of the records' boot in the monotonic milliseconds of now. */
  #past(at: number): number {
    const { bootId, wall, monotonic } = this.#boot
    const moment = { bootId, wall: wall + at - monotonic, monotonic: at }
    return this.#clock.monotonic() - ageOf(moment, this.#clock)
  }

  /** The same of one that was still to come when the hub's clock was written down. */
  #future(at: number): number {
    return at === Infinity ? at : this.#past(this.#boot.monotonic) + at - this.#boot.monotonic
  }

  #dated(publication: Publication, at: number): Publication {
    const { expiresAt } = publication
    if (expiresAt === Infinity) return publication
    return { ...publication, expiresAt: this.#past(at) + expiresAt - at }
  }
}

/** What was there when a snapshot began, and was not written again since. */
class Stale {
  readonly sessions: Set<number>
  readonly groups: Set<number>
  readonly wills: Set<number>
  readonly retained: Map<string, Set<string>>

  constructor({ sessions, groups, wills, retained }: LedgerState) {
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
