import { canTake, expectation, fits, hasRoom, newSession } from './state.ts'
import type {
  Chosen,
  Connection,
  Expected,
  Flight,
  Group,
  Message,
  ModelLimits,
  Qos,
  Retained,
  Session,
  Subscription,
  Waiting,
  Will,
} from './state.ts'

/**
 * The rules of a broker once more, in plain lists and in the words of the standard, to compare the engine with. Nothing
 * is clever here, and nothing is taken from the engine. Times are whole seconds.
 *
 * Where the standard leaves the broker free (which member of a shared group gets a message) the model asks `chosen`, the
 * deliveries that the engine made in this step, and checks that the choice was allowed.
 */
export class Model {
  readonly limits: ModelLimits
  now = 0
  sessions: Session[] = []
  groups: Group[] = []
  retained: Retained[] = []
  wills: { readonly session: Session; readonly will: Will; readonly dueAt: number }[] = []
  /** Published when everything else of the step has happened. */
  dueWills: { readonly session: Session; readonly will: Will }[] = []
  /** What the clients must get in this step. */
  expected = new Map<string, Expected[]>()
  /** PUBRELs likewise. */
  expectedReleases = new Map<string, Flight[]>()
  /** What the engine gave to members of groups in this step and was not accounted for yet. */
  chosen: Chosen[] = []
  #order = 0

  constructor(limits: ModelLimits) {
    this.limits = limits
  }

  begin(chosen: readonly Chosen[]): void {
    this.expected = new Map()
    this.expectedReleases = new Map()
    this.chosen = [...chosen]
  }

  end(): void {
    // A will that was due may end nothing and begin nothing: it is a message like others.
    for (const { session, will } of this.dueWills.splice(0)) {
      this.publish({ ...will.message, expiresAt: this.now + will.lifetime }, session)
    }
    if (this.chosen.length > 0)
      throw new Error(
        `given to members that have no room for it, or did not ask for it: ${JSON.stringify(this.chosen)}`,
      )
    for (const group of this.groups) {
      if (group.backlog.length === 0) continue
      const free = group.members.find((member) => canTake(member, group.backlog[0] as Message))
      if (free) throw new Error(`${group.name} waits, though ${free.session.client} has room`)
    }
  }

  sessionOf(client: string): Session | undefined {
    return this.sessions.find((session) => session.client === client)
  }

  // §3.1

  /** Gives whether a session was present. */
  connect(client: string, connection: Connection, clean: boolean, expiry: number): boolean {
    const previous = this.sessionOf(client)
    if (previous?.connection) this.leave(previous, true)
    const kept = this.sessionOf(client)
    if (kept && clean) this.endSession(kept)
    let session = this.sessionOf(client)
    const isPresent = session !== undefined
    if (!session) {
      session = newSession(client, connection, expiry)
      this.sessions.push(session)
    }
    session.connection = connection
    session.expiry = expiry
    session.endsAt = Infinity
    this.wills = this.wills.filter((pending) => pending.session !== session)
    this.#giveUp(session, this.limits.queued)
    // §4.4: PUBREL again for what was received, PUBLISH again for the rest.
    for (const flight of session.flights) if (flight.released) this.#release(session, flight)
    session.resending = session.flights.filter(({ released }) => !released)
    this.#goOn(session)
    return isPresent
  }

  /** The connection is over; `withWill`: not by a DISCONNECT that takes the will back. */
  leave(session: Session, withWill: boolean): void {
    const { will } = session.connection ?? {}
    session.connection = undefined
    session.late = []
    session.resending = []
    if (will && withWill) {
      const wait = Math.min(will.delay, session.expiry)
      if (wait === 0) this.dueWills.push({ session, will })
      else this.wills.push({ session, will, dueAt: this.now + wait })
    }
    if (session.expiry === 0) return this.endSession(session)
    session.endsAt = this.now + session.expiry
    for (const owed of session.replays.splice(0)) {
      if (owed.message.expiresAt > this.now) this.#send(session, owed.message, owed)
    }
    this.#handOn(session, false)
  }

  /** One second passes. */
  tick(): void {
    this.now++
    // Within a second it is written down.
    for (const each of [...this.sessions, ...this.groups]) each.recent = []
    const due = this.wills.filter(({ dueAt }) => dueAt <= this.now)
    this.wills = this.wills.filter(({ dueAt }) => dueAt > this.now)
    this.dueWills.push(...due)
    for (const session of this.sessions.filter(({ endsAt }) => endsAt <= this.now)) this.endSession(session)
  }

  endSession(session: Session): void {
    this.sessions = this.sessions.filter((other) => other !== session)
    for (const { filter } of session.subscriptions) this.#leaveGroup(session, filter)
    this.#handOn(session, true)
    const pending = this.wills.filter((will) => will.session === session)
    this.wills = this.wills.filter((will) => will.session !== session)
    this.dueWills.push(...pending)
  }

  // §3.3

  /** Gives whether anybody subscribed to it. */
  publish(message: Message, from: Session | undefined): boolean {
    if (message.retain) this.#retain(message, from?.client)
    let isWanted = false
    for (const session of this.sessions) {
      const fitting = session.subscriptions.filter(
        ({ filter, noLocal }) =>
          !filter.startsWith('$share/') && fits(filter, message.topic) && !(noLocal && session === from),
      )
      if (fitting.length === 0) continue
      isWanted = true
      const granted = Math.max(...fitting.map(({ qos }) => qos))
      this.#send(session, message, {
        qos: Math.min(granted, message.qos) as Qos,
        retain: message.retain && fitting.some(({ retainAsPublished }) => retainAsPublished),
        identifiers: fitting.map(({ identifier }) => identifier).filter((identifier) => identifier > 0),
      })
    }
    for (const group of this.groups) {
      if (fits(group.filter, message.topic) && this.#offer(group, message)) isWanted = true
    }
    return isWanted
  }

  #retain(message: Message, publisher: string | undefined): void {
    const { topic, payload } = message
    const previous = this.retained.find((other) => other.message.topic === topic)?.message
    this.retained = this.retained.filter((other) => other.message !== previous)
    if (payload !== '') this.retained.push({ message, publisher })
    // The new one has come by the subscription: the old one is not sent behind it.
    for (const session of this.sessions) {
      session.late = session.late.filter((owed) => owed.message !== previous)
      session.replays = session.replays.filter((owed) => owed.message !== previous)
    }
  }

  /** `terms.qos`: the smaller of both. */
  #send(
    session: Session,
    message: Message,
    terms: { readonly qos: Qos; readonly retain: boolean; readonly identifiers: readonly number[] },
  ): void {
    const { qos, retain, identifiers } = terms
    if (qos === 0 && session.connection) this.#expect(session, message, { ...terms, dup: false, flight: undefined })
    if (qos === 0) return
    const owed = { qos, retain, identifiers, order: ++this.#order, packetId: 0 }
    if (session.queue.length === 0 && hasRoom(session)) return this.#fly(session, message, owed, undefined)
    this.#giveUp(session, this.limits.queued - 1)
    session.queue.push({ message, ...owed })
  }

  /** The oldest, until so many wait: behind a restart they may be more than the limit, since what was given up is back. */
  #giveUp(session: Session, most: number): void {
    while (session.queue.length > most) session.recent.push(session.queue.shift() as Waiting)
  }

  #fly(session: Session, message: Message, terms: Omit<Waiting, 'message'>, group: Group | undefined): void {
    const { retain, identifiers } = terms
    const flight: Flight = { message, ...terms, group, released: false }
    // [MQTT-3.1.2-25]: as if it had been delivered.
    if (message.isBig && session.connection?.takesBig === false) return void session.recent.push(flight)
    session.flights.push(flight)
    this.#expect(session, message, { qos: terms.qos, retain, identifiers, dup: false, flight })
  }

  #expect(
    session: Session,
    message: Message,
    how: Pick<Expected, 'qos' | 'retain' | 'identifiers' | 'dup' | 'flight'>,
  ): void {
    if (message.isBig && session.connection?.takesBig === false) return
    const list = this.expected.get(session.client) ?? []
    list.push(expectation(session, this.now, message, how))
    this.expected.set(session.client, list)
  }

  /** There may be room: what is owed goes out, the oldest first. */
  #goOn(session: Session): void {
    const { connection } = session
    while (session.resending.length > 0) {
      if (!connection || session.flights.length - session.resending.length >= connection.window) break
      const flight = session.resending.shift() as Flight
      const { message, qos, retain, identifiers } = flight
      if (message.isBig && !connection.takesBig) this.#settle(session, flight)
      else this.#expect(session, message, { qos, retain, identifiers, dup: true, flight })
    }
    while (session.queue.length > 0 && hasRoom(session)) {
      const waiting = session.queue.shift() as Waiting
      const { message, ...terms } = waiting
      if (message.expiresAt > this.now) this.#fly(session, message, terms, undefined)
      else session.recent.push(waiting)
    }
    for (const group of this.groups) {
      if (group.members.some((member) => member.session === session)) this.#drain(group)
    }
    this.#replay(session)
  }

  #replay(session: Session): void {
    while (session.queue.length === 0 && session.replays.length > 0) {
      const { message, ...terms } = session.replays.shift() as Waiting
      if (message.expiresAt > this.now) this.#send(session, message, terms)
    }
  }

  // §4.3

  /** PUBACK, PUBREC or PUBCOMP, whichever is next. */
  acknowledge(session: Session, flight: Flight, hasFailed: boolean): void {
    if (flight.qos === 2 && !flight.released && !hasFailed) {
      flight.released = true
      return this.#release(session, flight)
    }
    this.#settle(session, flight)
    this.#goOn(session)
  }

  #settle(session: Session, flight: Flight): void {
    session.flights = session.flights.filter((other) => other !== flight)
    session.recent.push(flight)
    // What a member settles that does not last is written for its group.
    if (session.expiry === 0) flight.group?.recent.push(flight.message)
  }

  #release(session: Session, flight: Flight): void {
    const list = this.expectedReleases.get(session.client) ?? []
    list.push(flight)
    this.expectedReleases.set(session.client, list)
  }

  // §3.8

  subscribe(session: Session, wanted: readonly Subscription[]): void {
    const owed: { readonly message: Message; readonly subscription: Subscription }[] = []
    for (const subscription of wanted) {
      const { filter, retainHandling } = subscription
      const isNew = !session.subscriptions.some((other) => other.filter === filter)
      session.subscriptions = [...session.subscriptions.filter((other) => other.filter !== filter), subscription]
      if (filter.startsWith('$share/')) {
        this.#joinGroup(session, subscription)
      } else if (retainHandling === 0 || (retainHandling === 1 && isNew)) {
        for (const { message, publisher } of this.retained) {
          // [MQTT-3.8.3-3]
          if (subscription.noLocal && publisher === session.client) continue
          if (fits(filter, message.topic) && message.expiresAt > this.now) owed.push({ message, subscription })
        }
      }
    }
    for (const { message, subscription } of owed) {
      const qos = Math.min(message.qos, subscription.qos) as Qos
      const identifiers = subscription.identifier > 0 ? [subscription.identifier] : []
      if (qos > 0) {
        session.replays.push({ message, qos: qos as 1 | 2, retain: true, identifiers, order: 0, packetId: 0 })
      } else if (!message.isBig || session.connection?.takesBig !== false) {
        const terms = { qos, retain: true, identifiers, dup: false, flight: undefined }
        const expected = expectation(session, this.now, message, terms)
        session.late.push({ message, expected })
      }
    }
    this.#replay(session)
  }

  /** Gives whether there was one. */
  unsubscribe(session: Session, filter: string): boolean {
    const wasThere = session.subscriptions.some((other) => other.filter === filter)
    session.subscriptions = session.subscriptions.filter((other) => other.filter !== filter)
    if (wasThere) this.#leaveGroup(session, filter)
    return wasThere
  }

  // §4.8.2

  #joinGroup(session: Session, subscription: Subscription): void {
    const [, name = '', filter = ''] = /^\$share\/([^/]+)\/(.+)$/.exec(subscription.filter) ?? []
    let group = this.groups.find((other) => other.name === name && other.filter === filter)
    if (!group) this.groups.push((group = { name, filter, members: [], backlog: [], recent: [] }))
    group.members = [...group.members.filter((member) => member.session !== session), { session, subscription }]
    this.#drain(group)
  }

  #leaveGroup(session: Session, filter: string): void {
    for (const group of this.groups) {
      if (filter === `$share/${group.name}/${group.filter}`) {
        group.members = group.members.filter((member) => member.session !== session)
        this.#drain(group)
      }
    }
    this.groups = this.groups.filter(({ members }) => members.length > 0)
  }

  /** QoS 1 that nobody acknowledged; QoS 2 never changes hands ([MQTT-4.8.2-4], [MQTT-4.8.2-5]). */
  #handOn(session: Session, isOver: boolean): void {
    for (const group of new Set(session.flights.map((flight) => flight.group))) {
      if (!group) continue
      const someone = group.members.some(
        (member) =>
          member.session !== session &&
          (member.session.connection !== undefined ||
            (isOver && member.subscription.qos > 0 && member.session.expiry > 0)),
      )
      if (!someone) continue
      const given = session.flights.filter((flight) => flight.group === group && flight.qos === 1)
      if (given.length === 0) continue
      session.flights = session.flights.filter((flight) => !given.includes(flight))
      group.backlog.unshift(...given.map(({ message }) => message))
      this.#drain(group)
    }
  }

  /** Gives whether anybody gets it, now or later. */
  #offer(group: Group, message: Message): boolean {
    if (message.qos === 0) {
      const isTaken = this.#give(group, message)
      const isThere = group.members.some(({ session }) => session.connection)
      if (isThere && !isTaken) throw new Error(`nobody of ${group.name} got ${message.payload}`)
      return isThere
    }
    if (group.backlog.length === 0 && this.#give(group, message)) return true
    const isAwaited = group.members.some(
      ({ session, subscription }) => session.connection || (subscription.qos > 0 && session.expiry > 0),
    )
    if (!isAwaited) group.recent.push(message)
    if (!isAwaited) return false
    while (group.backlog.length >= this.limits.queued) group.recent.push(group.backlog.shift() as Message)
    group.backlog.push(message)
    return true
  }

  #drain(group: Group): void {
    while (group.backlog.length > 0) {
      const [first] = group.backlog as [Message]
      const isOver = first.expiresAt <= this.now
      if (!isOver && !this.#give(group, first)) return
      group.backlog.shift()
      if (isOver) group.recent.push(first)
    }
  }

  /** To the member that the engine chose, if it may have it by now; what it may never have is found by `end`. */
  #give(group: Group, message: Message): boolean {
    const at = this.chosen.findIndex(({ topic, payload }) => topic === message.topic && payload === message.payload)
    const choice = this.chosen[at]
    if (!choice) return false
    const member = group.members.find(({ session }) => session.client === choice.client)
    if (!member || !canTake(member, message)) return false
    this.chosen.splice(at, 1)
    const { session, subscription } = member
    const qos = Math.min(message.qos, subscription.qos) as Qos
    const retain = message.retain && subscription.retainAsPublished
    const identifiers = subscription.identifier > 0 ? [subscription.identifier] : []
    if (qos === 0) this.#expect(session, message, { qos, retain, identifiers, dup: false, flight: undefined })
    else this.#fly(session, message, { qos, retain, identifiers, order: ++this.#order, packetId: 0 }, group)
    if (qos === 0 || session.expiry === 0) group.recent.push(message)
    return true
  }
}
