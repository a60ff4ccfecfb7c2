/// <reference lib="esnext.disposable" preserve="true" />
/** `@halyard/hub/mqtt`: the MQTT engine alone, without accounts, HTTP or data directory. docs/guide/mqtt.md §In a program */
import type { Socket } from 'node:net'
import { UsageError, describeError, loggerFor } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import { nodeClock } from '@halyard/core/node'
import { checkFilter, checkTopicName, encodeUtf8 } from '@halyard/wire/mqtt'
import type { Qos } from '@halyard/wire/mqtt'
import { DEFAULT_CONFIG, checkMqttLimits } from './config.ts'
import type { MqttConfig } from './config.ts'
import type { Peer } from './domain/devices.ts'
import { FrontDoor } from './listen/front-door.ts'
import type { FrontDoorOptions } from './listen/front-door.ts'
import { SocketTransport } from './listen/socket-transport.ts'
import { TcpListener } from './listen/tcp-listener.ts'
import { LOCAL_ADDRESS, LocalClient } from './mqtt/local-client.ts'
import { CallbackDialect } from './mqtt/plain/callback-dialect.ts'
import type { Authenticate } from './mqtt/plain/callback-dialect.ts'
import { PLAIN_SPACE } from './mqtt/plain/plain-topics.ts'
import { topicOf } from './mqtt/publication.ts'
import { MqttServer as Engine } from './mqtt/server.ts'
import { SysTopics } from './mqtt/sys-topics.ts'
import { isLoopback } from './options.ts'
import { repeatedLogger } from './repeated-logger.ts'
import { MemoryMessageHistory } from './store/memory-message-history.ts'
import { MemoryMessages } from './store/memory-messages.ts'
import { VERSION } from './version.ts'

export type { Access, AccessRule } from './domain/mqtt-account-book.ts'
export type { MqttLimits, OverflowPolicy } from './mqtt/limits.ts'
export type { Authenticate, MqttAdmission, MqttLogin } from './mqtt/plain/callback-dialect.ts'

/** Sizes in bytes, times in seconds; docs/guide/mqtt.md §Limits has every key and its default. */
export type MqttServerLimits = Partial<
  Omit<MqttConfig, 'authFailuresPerAddress' | 'authWindowPerAddress'> & {
    /** For the first byte of a connection, and of a TLS handshake. */
    readonly firstByteTimeout: number
  }
>

export interface MqttServerOptions {
  /** 1883; 0: a free one */
  port?: number
  /** 127.0.0.1 */
  host?: string
  /** Left out: everybody may come in, which is refused unless `host` is a loopback address. */
  authenticate?: Authenticate
  /** PEM texts; the port then takes TLS beside plain MQTT. `ca`: who signs certificates of clients. */
  tls?: NonNullable<FrontDoorOptions['tls']>
  limits?: MqttServerLimits
  /** Seconds between two rounds of `$SYS`; 10; 0: none. */
  sysInterval?: number
  logger?: Logger
  clock?: Clock
}

export interface MqttMessage {
  readonly topic: string
  readonly payload: Uint8Array
  /** It was published before the subscription was made, or is kept for those to come. */
  readonly retain: boolean
}

/** A server that listens. Sessions and retained messages live in memory: they end with it. */
export interface MqttServer extends AsyncDisposable {
  readonly port: number
  /** Open now, subscriptions of this process among them. */
  readonly connections: number
  /**
   * To all subscribers, in this turn of the event loop.
   *
   * @throws {UsageError} `ERR_USAGE` for a topic that is none; `ERR_MQTT_CLOSED`
   */
  publish(
    topic: string,
    payload: string | Uint8Array,
    options?: { readonly qos?: Qos; readonly retain?: boolean },
  ): void
  /**
   * Retained messages first, then what is published. The function given back ends it.
   *
   * @throws {UsageError} `ERR_USAGE` for a filter that is none; `ERR_MQTT_CLOSED`
   */
  subscribe(filter: string, listener: (message: MqttMessage) => void): () => void
  /** Tells the clients, and waits until they have gone; those that do not go in 10 s are cut. Idempotent. */
  close(): Promise<void>
}

const OPTION_NAMES: readonly string[] = [
  ...['port', 'host', 'authenticate', 'tls', 'limits', 'sysInterval', 'logger', 'clock'],
]

/**
 * An MQTT 3.1, 3.1.1 and 5.0 server on one TCP port.
 *
 * @example
 * ```ts
 * import { createMqttServer } from '@halyard/hub/mqtt'
 *
 * await using server = await createMqttServer({ port: 0 })
 * server.publish('greetings', 'ahoy', { retain: true })
 * server.subscribe('greetings', ({ topic, payload }) => {
 *   console.log(topic, new TextDecoder().decode(payload)) // greetings ahoy
 * })
 * ```
 *
 * @throws {UsageError} `ERR_USAGE`, `ERR_HUB_MQTT_ANONYMOUS`, `ERR_HUB_TLS`, `ERR_HUB_HOST`
 * @throws {ConnectionError} `ERR_HUB_PORT_IN_USE`, `ERR_HUB_PORT_PERMISSION`, `ERR_HUB_LISTEN`
 */
export async function createMqttServer(options: MqttServerOptions = {}): Promise<MqttServer> {
  const { port = 1883, host = '127.0.0.1', tls, clock = nodeClock() } = options
  checkOptions(options, host)
  const logger = repeatedLogger(loggerFor('Mqtt', options.logger), clock)
  const limits = { ...DEFAULT_CONFIG.mqtt.limits, firstByteTimeout: 5, ...options.limits }
  const dialect = new CallbackDialect({
    authenticate: options.authenticate ?? (() => true),
    isOwn: (address) => address === LOCAL_ADDRESS,
    logger,
  })
  const { firstByteTimeout, connections, connectionsPerAddress } = limits
  const mqtt = (socket: Socket, peer: Peer): void => engine.accept(new SocketTransport(socket, { door: 'mqtt', peer }))
  const door = new FrontDoor({ name: 'mqtt', mqtt, tls, firstByteTimeout, clock, logger })
  const engine = new Engine({
    authenticate: (login) => dialect.authenticate(login),
    store: new MemoryMessages(),
    history: new MemoryMessageHistory(clock),
    limits,
    clock,
    logger,
  })
  try {
    const listener = await TcpListener.open({
      name: 'mqtt',
      host,
      port,
      connections,
      connectionsPerAddress,
      logger,
      onConnection: (socket, peer) => door.accept(socket, peer),
    })
    const interval = options.sysInterval ?? DEFAULT_CONFIG.mqtt.sysInterval
    const { broker } = engine
    const sysTopics = new SysTopics({ broker, space: PLAIN_SPACE, version: VERSION, interval, clock })
    return new RunningMqttServer({ engine, listener, door, sysTopics, clock, logger })
  } catch (error) {
    engine.close()
    throw error
  }
}

interface RunningParts {
  readonly engine: Engine
  readonly listener: TcpListener
  readonly door: FrontDoor
  readonly sysTopics: SysTopics
  readonly clock: Clock
  readonly logger: Logger
}

/** Clients have this long (ms) to take what they are owed when the server closes. */
const DRAIN_TIME = 10_000

class RunningMqttServer implements MqttServer {
  readonly port: number
  readonly #parts: RunningParts
  #closed: Promise<void> | undefined

  constructor(parts: RunningParts) {
    this.#parts = parts
    this.port = parts.listener.port
  }

  get connections(): number {
    return this.#parts.engine.connections
  }

  publish(
    topic: string,
    payload: string | Uint8Array,
    { qos = 0, retain = false }: { readonly qos?: Qos; readonly retain?: boolean } = {},
  ): void {
    this.#checkOpen()
    const { broker } = this.#parts.engine
    const problem = typeof topic === 'string' ? checkTopicName(topic) : 'it is no text'
    if (problem !== undefined) throw new UsageError('ERR_USAGE', `publish() needs a topic name: ${problem}`)
    if (![0, 1, 2].includes(qos)) throw new UsageError('ERR_USAGE', `qos must be 0, 1 or 2, not ${String(qos)}`)
    // A copy: what is held must not change under its owner's hands.
    const bytes = typeof payload === 'string' ? encodeUtf8(payload) : payload.slice()
    const message = { topic: topicOf(topic), payload: bytes, qos, retain, properties: undefined, expiresAt: Infinity }
    broker.publish(message, broker.space(PLAIN_SPACE), topic)
  }

  subscribe(filter: string, listener: (message: MqttMessage) => void): () => void {
    this.#checkOpen()
    const { engine, logger } = this.#parts
    const problem = typeof filter === 'string' ? checkFilter(filter) : 'it is no text'
    if (problem !== undefined) throw new UsageError('ERR_USAGE', `subscribe() needs a topic filter: ${problem}`)
    const client = new LocalClient(({ topic, payload, retain }) => {
      try {
        listener({ topic, payload, retain })
      } catch (error) {
        logger.error({ err: error, topic }, `mqtt: a listener of subscribe() has thrown: ${describeError(error)}`)
      }
    })
    engine.accept(client)
    client.subscribe(filter)
    return () => client.destroy()
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { engine, listener, door, sysTopics, clock } = this.#parts
    sysTopics.close()
    listener.stopAccepting()
    door.drain()
    engine.close()
    const timer = clock.setTimer(DRAIN_TIME, () => listener.destroy())
    await listener.drained()
    timer.cancel()
  }

  #checkOpen(): void {
    if (this.#closed) throw new UsageError('ERR_MQTT_CLOSED', 'the MQTT server is closed; make another one')
  }
}

function checkOptions(options: MqttServerOptions, host: string): void {
  const stranger = Object.keys(options).find((name) => !OPTION_NAMES.includes(name))
  if (stranger !== undefined) {
    throw new UsageError(
      'ERR_USAGE',
      `createMqttServer() has no option '${stranger}'; it has ${OPTION_NAMES.join(', ')}`,
    )
  }
  const { port = 0, authenticate, limits = {}, sysInterval = 0 } = options
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new UsageError('ERR_USAGE_PORT', `port must be from 0 to 65535 (0: a free port), not ${String(port)}`)
  }
  if (authenticate !== undefined && typeof authenticate !== 'function') {
    throw new UsageError('ERR_USAGE', 'authenticate must be a function that says who may come in')
  }
  if (!(typeof sysInterval === 'number' && sysInterval >= 0 && sysInterval <= 86_400)) {
    throw new UsageError('ERR_USAGE', 'sysInterval must be from 0 to 86400 seconds')
  }
  checkMqttLimits(limits)
  if (authenticate === undefined && !isLoopback(host)) {
    throw new UsageError(
      'ERR_HUB_MQTT_ANONYMOUS',
      `without authenticate() the network of ${host} would be let in without a password; give one, or listen on 127.0.0.1`,
    )
  }
}
