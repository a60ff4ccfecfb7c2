/**
 * What outlives a connection: who publishes, who listens, what is subscribed. The link brings one connection after the
 * other; everything that comes from one is led to where it belongs.
 */
import { describeError } from '@halyard/core'
import type { EventBus, HalyardError, Logger } from '@halyard/core'
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
  readonly filters: Filters = new Filters()
  interceptor: Interceptor | undefined = undefined
  follower: Follower | undefined = undefined
  readonly #settings: Settings
  readonly #events: EventBus<MqttEvents>
  readonly #logger: Logger
  readonly #routes: Routes
  readonly #full = new Set<Subscription>()
  #connection: Connection | undefined
  #unclaimed: MqttMessage[] = []
  #wasPresent = false

  constructor(settings: Settings, events: EventBus<MqttEvents>, logger: Logger) {
    this.#settings = settings
    this.#events = events
    this.#logger = logger
    this.publications = new Publications(settings.window)
    this.receipts = new Receipts(settings, (message, packet) => this.#route(message, packet))
    this.#routes = new Routes(this.filters)
  }

  get unclaimed(): number {
    return this.#unclaimed.length
  }

  /** The server accepted a connection. Resolves when what was subscribed is subscribed again. */
  async up(connection: Connection, connack: Connack): Promise<void> {
    this.#connection = connection
    this.#wasPresent = connack.sessionPresent
    this.receipts.up(connection, connack)
    if (this.#full.size > 0) connection.pause()
    const again = this.filters.up(connection, connack)
    // In flight of the session first [MQTT-4.4.0-1]: it is the head of what the outbox hands out now.
    this.publications.up(connection, connack, this.#settings.topicAliasMaximum)
    const followed = this.follower?.up()
    for (const { filter, error } of await again) {
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

  close(error: HalyardError): void {
    this.down(error.message)
    this.filters.close(error)
    for (const { owners } of this.filters.values()) for (const owner of owners) owner.end()
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

  full(subscription: Subscription): void {
    this.#full.add(subscription)
    this.#connection?.pause()
  }

  roomy(subscription: Subscription): void {
    this.#full.delete(subscription)
    if (this.#full.size === 0) this.#connection?.resume()
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
    if (holders > 0 || listened || packet.qos === 0 || !this.#wasPresent) return holders
    return this.#hold(message)
  }

  /** A session that is resumed sends at once what it kept, and the program may subscribe in its next line. */
  #hold(message: MqttMessage): number {
    if (this.#unclaimed.length === MAX_UNCLAIMED) {
      const what = `nobody subscribed to ${message.topic}, which the session of ${this.#settings.clientId} gets`
      this.#logger.warn(
        { topic: message.topic },
        `${what}: a message is dropped; subscribe to it, or unsubscribe from it`,
      )
      return 0
    }
    this.#unclaimed.push(message)
    return 1
  }

  #handOver(message: MqttMessage, owners: ReadonlySet<Owner>): void {
    const [first, ...others] = owners
    // The others' share of the acknowledgement is the first one's: it was held once.
    for (const other of others) other.offer(message.copy())
    first?.offer(message)
  }
}
