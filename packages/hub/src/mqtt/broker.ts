import { ReadingDesk, TopicMemo } from '@halyard/wire/mqtt'
import type { PacketReaderOptions } from '@halyard/wire/mqtt'
import { describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { Lsn } from '../domain/ports.ts'
import type { KeepWaiter, MessageHistory } from '../domain/message-history.ts'
import type { MessageStore } from '../domain/positions.ts'
import { Timed } from '../domain/timed.ts'
import { Counters } from './counters.ts'
import { Delivery } from './delivery.ts'
import type { Authenticator, Login, Principal, PublishPlan, Verdict } from './dialect.ts'
import { Flusher } from './flush.ts'
import { FORGETFUL, UNKEPT } from './keeper.ts'
import type { Keeper, PublishOrder } from './keeper.ts'
import type { MqttLimits } from './limits.ts'
import type { OutputShare } from './output.ts'
import { Passing } from './passing.ts'
import { isOwnTopic, topicOf } from './publication.ts'
import type { Publication } from './publication.ts'
import { Router } from './router.ts'
import { sessionKey } from './session.ts'
import type { ClientSubscription, Session } from './session.ts'
import { SessionTable } from './session-table.ts'
import { Sharing } from './sharing.ts'
import { SlabPool } from './slab.ts'
import { Space } from './space.ts'
import type { Targets } from './targets.ts'
import { Wills } from './wills.ts'
import type { WillMessage } from './wills.ts'

/** More than any client has; 3.1's limit of 23 is nobody's any more. */
const MAX_CLIENT_ID = 65_535

export interface BrokerParts {
  /** Whose CONNECT it is, and whether it may come in. */
  readonly authenticate: (login: Login) => Verdict | Promise<Verdict>
  /** Enhanced authentication; none. */
  readonly authenticators?: readonly Authenticator[]
  readonly store: MessageStore<Publication>
  /** For what must last; nothing does. */
  readonly keeper?: Keeper | undefined
  /** For what a dialect lets be stored. */
  readonly history: MessageHistory<Publication>
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly logger: Logger
}

/** What all connections share: spaces, sessions, and the way of a message between them. No sockets here. */
export class Broker {
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly authenticate: BrokerParts['authenticate']
  readonly authenticators: ReadonlyMap<string, Authenticator>
  readonly counters: Counters = new Counters()
  readonly flusher: Flusher = new Flusher()
  readonly outputs: OutputShare
  readonly reading: PacketReaderOptions
  readonly sessions: SessionTable
  readonly sharing: Sharing
  readonly delivery: Delivery
  readonly router: Router
  readonly wills: Wills
  /** Waits for what is stored and not acknowledged. */
  readonly unacknowledged: KeepWaiter = {
    kept: () => {},
    failed: (error) => this.logger.error({ err: error }, `mqtt: a message was not stored: ${describeError(error)}`),
  }
  /** The message that is on its way now: there is one at a time. */
  readonly passing: Passing = new Passing()
  readonly store: MessageStore<Publication>
  readonly keeper: Keeper
  readonly #history: MessageHistory<Publication>
  readonly #spaces = new Map<string, Space>()
  /** Sessions whose end does not last yet, by their keys, the oldest first. */
  readonly #endings = new Map<string, Lsn>()
  /** Subscriptions that the dialect gave for a time. */
  readonly timed: Timed<ClientSubscription> = new Timed()

  constructor(parts: BrokerParts) {
    const { authenticate, authenticators = [], store, keeper = FORGETFUL, history, limits, clock, logger } = parts
    this.limits = limits
    this.sessions = new SessionTable(limits.overflow)
    this.outputs = { flusher: this.flusher, slabs: new SlabPool(), much: limits.outputBytes / 2 }
    this.reading = {
      receiver: 'server',
      maxPacketBytes: limits.connectBytes,
      maxUserProperties: limits.userProperties,
      maxClientIdCharacters: MAX_CLIENT_ID,
      topics: new TopicMemo(16_384),
      desk: new ReadingDesk(),
    }
    this.clock = clock
    this.logger = logger
    this.authenticate = authenticate
    this.authenticators = new Map(authenticators.map((one) => [one.method, one]))
    this.store = store
    this.keeper = keeper
    this.#history = history
    this.sharing = new Sharing({ store, keeper, limits, counters: this.counters })
    this.delivery = new Delivery({
      part: (session) => this.sharing.part(session),
      store,
      keeper,
      limits,
      counters: this.counters,
      now: this.now,
      expire: (session) => this.end(session),
    })
    this.router = new Router(this.delivery, this.sharing)
    // Never in the middle of another message: there is one on its way at a time.
    this.wills = new Wills({
      publish: (will, session) => queueMicrotask(() => this.guard('a will', () => this.#publishWill(will, session))),
      cancel: (will) => keeper.willGone(will),
    })
  }

  readonly #admit = (session: Session, bytes: number): boolean => this.delivery.admit(session, bytes)

  readonly now = (): number => this.clock.monotonic()

  get spaces(): IterableIterator<Space> {
    return this.#spaces.values()
  }

  /** Bytes of what waits for sessions. */
  get heldBytes(): number {
    return this.store.bytes
  }

  get heldMessages(): number {
    return this.store.count
  }

  space(name: string): Space {
    let space = this.#spaces.get(name)
    if (space === undefined) {
      const { limits, now, delivery } = this
      const { store, keeper, counters } = this
      const group = { delivery, store, keeper, limits, counters, now }
      this.#spaces.set(name, (space = new Space(name, limits, group)))
    }
    return space
  }

  /** A message of the hub itself: `$SYS`, a will, a service. */
  publish(
    publication: Publication,
    space: Space,
    channel: string,
    {
      from,
      echo = true,
      once = false,
      store = 0,
    }: {
      readonly from?: Session
      readonly echo?: boolean
      readonly once?: boolean | undefined
      readonly store?: number
    } = {},
  ): void {
    const { passing, router } = this
    passing.beginAgain(from === undefined ? publication : { ...publication, publisher: from.key }, 0)
    if (store > 0) this.keep(space.name, channel, store, this.unacknowledged)
    const isRetained = publication.retain && router.retain(passing, space, channel)
    const retained = isRetained && !isOwnTopic(channel) ? { space: space.name, channel } : undefined
    const targets = space.targets(channel)
    this.kept({ targets, from, echo, packetId: 0, retained })
    router.route(passing, targets, from, echo, once)
    this.passed()
  }

  /** What is on its way now goes into the journal, as far as anything of it must last; the number to wait for. */
  kept(order: PublishOrder & { readonly targets: Targets }): Lsn {
    const { passing, sharing } = this
    const { targets } = order
    // Nearly all messages are none of the journal's: no call is worth less than this look.
    if (passing.qos === 0) return order.retained === undefined ? 0 : this.keeper.published(passing, order, this.#admit)
    sharing.prepare(targets, passing.size, order.from)
    const lsn = this.keeper.published(passing, order, this.#admit)
    // Whoever gets it all the same has a record of his own.
    if (lsn === UNKEPT) sharing.dissolve(targets)
    return lsn
  }

  /** It has been everywhere. */
  passed(): void {
    const { passing, store } = this
    const { kept } = passing
    passing.end()
    if (kept !== undefined && kept.position !== 0) store.release(kept.position)
  }

  /** What is on its way now goes into the history, for so many seconds, and no longer than it may live ([MQTT-3.3.2-5]). */
  keep(space: string, channel: string, seconds: number, waiter: KeepWaiter): void {
    const { passing } = this
    const { publication: message, size: bytes, expiresAt } = passing
    const lifetime = expiresAt === Infinity ? seconds : Math.min(seconds, (expiresAt - this.now()) / 1000)
    passing.stored(this.#history.keep({ space, channel, message, bytes, lifetime }, waiter))
  }

  /** A session is over: its subscriptions, its queue, what it owed ([MQTT-4.1.0-2]). */
  end(session: Session): void {
    if (!this.sessions.remove(session)) return
    for (const [sent, subscription] of session.subscriptions) {
      session.removeSubscription(sent)
      this.guard('the end of a subscription', () => this.#unsubscribe(session, sent, subscription))
    }
    this.delivery.handOn(session, true)
    this.endsInJournal(session)
    session.expiry = 0
    this.delivery.forget(session)
    this.wills.ended(session)
  }

  /** It lasts no longer than its connection. */
  endsInJournal(session: Session): void {
    const { key } = session
    const lsn = this.keeper.ended(session)
    for (const [other, endedAt] of this.#endings) {
      if (endedAt > this.keeper.committed) break
      this.#endings.delete(other)
    }
    if (lsn <= 0) return
    this.#endings.delete(key)
    this.#endings.set(key, lsn)
  }

  /** The number to wait for before anybody is told that this client has no session; 0: none. */
  endOf(principal: Principal, clientId: string): Lsn {
    const endedAt = this.#endings.get(sessionKey(principal, clientId)) ?? 0
    return endedAt > this.keeper.committed ? this.keeper.latest : 0
  }

  /** Once a second: wills that are due, subscriptions whose time is over, sessions that have expired. */
  sweep(now: number): void {
    this.wills.sweep(now)
    for (const [subscription, name] of this.timed.take(now)) {
      const { session } = subscription
      if (session.subscriptions.get(name) === subscription) this.takeBack(session, name, subscription)
    }
    for (const session of this.sessions) {
      if (session.tail !== undefined) this.sharing.trim(session)
      if (session.endsAt > now) continue
      this.counters.expired++
      this.end(session)
    }
  }

  /** Once a minute: what looks at everything. */
  sweepRetained(now: number): void {
    for (const { retained } of this.#spaces.values()) retained.sweep(now)
  }

  /** A subscription ends that nobody has asked to end. */
  takeBack(session: Session, name: string, subscription: ClientSubscription): void {
    session.removeSubscription(name)
    this.keeper.unsubscribed(session, name)
    this.guard('the end of a subscription', () => this.#unsubscribe(session, name, subscription))
    session.link?.subscriptionEnded(name)
  }

  #unsubscribe({ principal }: Session, sent: string, subscription: ClientSubscription): void {
    this.timed.remove(subscription)
    const { space, filter, share } = principal.dialect.unsubscribe(principal, sent)
    this.space(space).unsubscribe(filter, share, subscription)
  }

  /** Nothing that a dialect throws there can be told to a client: it is the hub's own failure. */
  guard(what: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      this.logger.error({ err: error }, `mqtt: ${what} has failed: ${describeError(error)}`)
    }
  }

  /** The record of a will goes behind that of its message. */
  #publishWill(will: WillMessage, session: Session): void {
    this.#routeWill(will, session)
    this.keeper.willGone(will)
  }

  #routeWill({ publication, lifetime }: WillMessage, session: Session): void {
    const { principal } = session
    const { text } = publication.topic
    const { dialect } = principal
    const plan: PublishPlan =
      dialect.planWill?.(principal, text, publication) ?? dialect.plan(principal, text, publication)
    if (plan.kind !== 'route') {
      const why = plan.kind === 'refuse' ? plan.why : 'it is a request'
      // A topic of one's own grammar may have a key in it.
      const where = principal.ownTopics === true ? {} : { topic: text }
      return this.logger.warn({ clientId: session.clientId, ...where }, `mqtt: a will was not published: ${why}`)
    }
    const { space, channel, topic, mayRetain, echo, once } = plan
    const store = publication.retain ? (plan.storeRetained ?? plan.store) : plan.store
    const message = {
      ...publication,
      topic: topic === text ? publication.topic : topicOf(topic),
      retain: publication.retain && mayRetain,
      expiresAt: this.now() + lifetime * 1000,
    }
    this.publish(message, this.space(space), channel, { from: session, echo, once, store })
  }
}
