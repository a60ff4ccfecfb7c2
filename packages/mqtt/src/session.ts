/**
 * What outlives a connection: who publishes, who listens, what is subscribed. The link brings one connection after the
 * other; everything that comes from one is led to where it belongs.
 */
import { describeError } from '@halyard/core'
import type { Clock, EventBus, HalyardError, Logger, Timer } from '@halyard/core'
import type { Connack, ControlPacket, IncomingPublish } from '@halyard/wire/mqtt'
import type { Connection } from './connection.ts'
import type { MqttEvents } from './events.ts'
import { Filters } from './filters.ts'
import type { Owner } from './filters.ts'
import type { MqttMessage } from './message.ts'
import type { Settings } from './options.ts'
import { Publications } from './publications.ts'
import { Receipts } from './receipts.ts'
import { Routes } from './routes.ts'
import type { Subscription, SubscriptionHost } from './subscription.ts'

/** Messages of a session that nobody has subscribed to yet, held without an acknowledgement. */
const MAX_UNCLAIMED = 1000
/** milliseconds for which they are: behind them nothing can be acknowledged, so that in the end the server sends no more */
const CLAIM_WITHIN = 30_000

/** Takes messages before the subscriptions do, for protocols whose topics come back changed; true: it has it. */
export type Interceptor = (message: MqttMessage) => boolean

/** A protocol on top of MQTT, which has things of its own to do with every connection. */
export interface Follower {
  /** A connection is there and takes what `ask` sends; `connect` fires when this has resolved. Never rejects. */
  up(): Promise<void>
  down(): void
  /** All that was asked to be subscribed has its answer: in the very turn in which the last one came. */
  subscribed(): void
  /** PUBACK of what `ask` sent. */
  acknowledged(packetId: number): void
}

export class Session implements SubscriptionHost {
  readonly publications: Publications
  readonly receipts: Receipts
  readonly filters: Filters
  interceptor: Interceptor | undefined = undefined
  follower: Follower | undefined = undefined
  readonly #settings: Settings
  readonly #events: EventBus<MqttEvents>
  readonly #logger: Logger
  readonly #routes: Routes
  readonly #full = new Set<Subscription>()
  #connection: Connection | undefined
  readonly #clock: Clock
  #unclaimed: MqttMessage[] = []
  #closedWith: HalyardError | undefined
  /** `before` the first connection, `open` while messages of an earlier process may be claimed, `over` */
  #claims: 'before' | 'open' | 'over' = 'before'
  #claimTimer: Timer | undefined
  #expected = 0

  constructor(settings: Settings, events: EventBus<MqttEvents>, logger: Logger, clock: Clock) {
    this.#settings = settings
    this.#events = events
    this.#logger = logger
    this.#clock = clock
    const onOwed = (): void => this.#regulate()
    this.filters = new Filters(settings.sessionExpiry > 0, onOwed)
    this.publications = new Publications(settings, onOwed)
    this.receipts = new Receipts(settings, (message, packet) => this.#route(message, packet))
    this.#routes = new Routes(this.filters)
  }

  get unclaimed(): number {
    return this.#unclaimed.length
  }

  /** The server accepted a connection. Resolves when what was subscribed is subscribed again. */
  async up(connection: Connection, connack: Connack): Promise<void> {
    this.#connection = connection
    this.#openClaims(connack.sessionPresent)
    this.receipts.up(connection, connack)
    const again = this.filters.up(connection, connack)
    // In flight of the session first [MQTT-4.4.0-1]: it is the head of what the outbox hands out now.
    this.publications.up(connection, connack, this.#settings.topicAliasMaximum)
    this.#regulate()
    const followed = this.follower?.up()
    for (const { filter, error } of await again) {
      // Unsubscribed from meanwhile, or the client is closed: nobody asks any more.
      if (filter.owners.size === 0 || error === this.#closedWith) continue
      for (const owner of [...filter.owners]) {
        this.filters.forget(filter.name, owner)
        owner.end(error)
      }
      this.#events.emit('error', error)
    }
    await followed
  }

  down(reason: string): void {
    this.#connection = undefined
    this.publications.down(reason)
    this.receipts.down()
    this.filters.down()
    this.follower?.down()
  }

  /** For good. Whoever reads messages learns that no more come: with `reason` as an error. */
  close(error: HalyardError, reason?: HalyardError): void {
    this.#closedWith = error
    this.down(error.message)
    this.#claimTimer?.cancel()
    this.#claims = 'over'
    this.filters.close(error)
    for (const { owners } of this.filters.values()) for (const owner of owners) owner.end(reason)
    this.#unclaimed = []
  }

  publish(packet: IncomingPublish): void {
    this.receipts.publish(packet)
  }

  packet(packet: ControlPacket): void {
    switch (packet.type) {
      case 'puback':
        if (this.filters.release(packet.packetId)) return this.follower?.acknowledged(packet.packetId)
        return this.publications.acknowledged(packet)
      case 'pubrec':
      case 'pubcomp':
        return this.publications.acknowledged(packet)
      case 'pubrel':
        return this.receipts.pubrel(packet)
      case 'suback':
      case 'unsuback':
        this.filters.answer(packet)
        if (!this.filters.isWaiting) this.follower?.subscribed()
        return
      default:
    }
  }

  /** What the session brought before anybody subscribed goes to those who do now. */
  claim(): void {
    const held = this.#unclaimed
    this.#unclaimed = []
    for (const message of held) {
      const owners = this.#routes.owners(message)
      if (owners.size === 0) this.#unclaimed.push(message)
      // It is owed once; each of its owners says that he is done with it.
      else this.#handOver(message, owners)
    }
  }

  /**
   * Publishes at once, past the outbox, with QoS 1: a question whose answer names the packet identifier. `undefined`
   * without a connection.
   */
  ask(topic: string, payload: Uint8Array): number | undefined {
    const connection = this.#connection
    if (connection === undefined) return undefined
    const packetId = this.filters.reserve()
    connection.send({ type: 'publish', topic, payload, qos: 1, retain: false, dup: false, packetId })
    return packetId
  }

  /** Whoever reads messages may be waiting for something that stands behind those which it has not read. */
  get isAwaited(): boolean {
    return this.#expected > 0 || this.publications.isOwed || this.filters.isOwed
  }

  /** An answer is awaited that comes as a message: until the function given back is called, reading goes on. */
  expect(): () => void {
    this.#expected++
    this.#regulate()
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#expected--
      this.#regulate()
    }
  }

  full(subscription: Subscription): void {
    this.#full.add(subscription)
    this.#regulate()
  }

  roomy(subscription: Subscription): void {
    this.#full.delete(subscription)
    this.#regulate()
  }

  /** A full buffer stops the server, unless its answer is awaited: the reader may be the one who waits for it. */
  #regulate(): void {
    const connection = this.#connection
    if (connection === undefined) return
    if (this.#full.size > 0 && !this.isAwaited) connection.pause()
    else connection.resume()
  }

  async leave(subscription: Subscription): Promise<void> {
    subscription.end()
    await Promise.all(subscription.filters.map((name) => this.filters.remove(name, subscription)))
  }

  failed(error: unknown): void {
    this.#logger.error({ err: error }, `a message handler threw: ${describeError(error)}`)
  }

  #route(message: MqttMessage, packet: IncomingPublish): number {
    if (this.interceptor?.(message)) return 0
    const listened = this.#events.has('message')
    if (listened) this.#events.emit('message', message)
    const holders = this.#routes.offer(message, packet.properties.subscriptionIdentifiers)
    if (holders > 0 || listened || packet.qos === 0 || this.#claims !== 'open') return holders
    return this.#hold(message)
  }

  #openClaims(sessionPresent: boolean): void {
    if (this.#claims !== 'before') return
    // A session that begins now gets nothing that was not subscribed to here.
    this.#claims = sessionPresent ? 'open' : 'over'
    if (sessionPresent) this.#claimTimer = this.#clock.setTimer(CLAIM_WITHIN, () => this.#endClaims())
  }

  /** A session that is resumed sends at once what it kept, and the program may subscribe in its next line. */
  #hold(message: MqttMessage): number {
    this.#unclaimed.push(message)
    // With all of the window held, the server could not send what somebody did subscribe to.
    const most = Math.min(MAX_UNCLAIMED, Math.ceil(this.#settings.receiveMaximum / 2))
    if (this.#unclaimed.length > most) this.#giveUp(this.#unclaimed.shift()!)
    return 1
  }

  #endClaims(): void {
    this.#claims = 'over'
    for (const message of this.#unclaimed.splice(0)) this.#giveUp(message)
  }

  #giveUp(message: MqttMessage): void {
    const { topic } = message
    const what = `nobody subscribed to ${topic}, which the session of ${this.#settings.clientId} gets`
    this.#logger.warn({ topic }, `${what}: a message is dropped; subscribe to it, or unsubscribe from it`)
    message.acknowledge()
  }

  #handOver(message: MqttMessage, owners: ReadonlySet<Owner>): void {
    const [first, ...others] = owners
    // The others' share of the acknowledgement is the first one's: it was held once.
    for (const other of others) other.offer(message.copy())
    first?.offer(message)
  }
}
