import { ConnectionError, EventBus, UsageError, loggerFor, secondsToMilliseconds } from '@halyard/core'
import type { Callback, HalyardError, Outbox, Receipt, WaitOptions } from '@halyard/core'
import type { Engine, MqttPorts } from './engine.ts'
import type { ConnectionInfo, Diagnostics, MqttEvents } from './events.ts'
import type { MqttMessage } from './message.ts'
import { settle } from './options.ts'
import type { MqttOptions, Settings } from './options.ts'
import type { PublishOptions } from './publish-call.ts'
import type { RequestOptions } from './requests.ts'
import type { SubscribeOptions, Subscription } from './subscription.ts'

export interface DisconnectOptions {
  /** 5.0: the server publishes the will after all; false */
  withWill?: boolean
  /** 5.0, seconds: how long the session is kept from now on; as it was */
  sessionExpiry?: number
}

/**
 * An MQTT client, 5.0 and 3.1.1, over TCP, TLS and WebSocket. What is published goes through an outbox: with a path in
 * `outbox` nothing that was queued is lost by a power cut. It connects when it is made, and again whenever the connection
 * is lost, until it is closed.
 *
 * @example
 * ```ts
 * import { createMqttServer } from '@halyard/hub/mqtt'
 * import { MqttClient } from '@halyard/mqtt'
 * await using server = await createMqttServer()
 * await using client = new MqttClient(`mqtt://127.0.0.1:${server.port}`)
 * await client.connected()
 * const { state } = await client.publish('sensors/7', '21.5', { qos: 1 })
 * console.log(state) // delivered
 * ```
 */
export class MqttClient implements AsyncDisposable {
  readonly clientId: string
  /** Rejects if the outbox cannot be opened; whoever does not ask learns it from the event `error`. */
  readonly outbox: Promise<Outbox>
  readonly #events: EventBus<MqttEvents>
  readonly #engine: Promise<Engine>
  #loaded: Engine | undefined

  /**
   * `url` is `mqtt://host:port` (1883), `mqtts://` (8883), `ws://host/path` or `wss://`; a host alone is `mqtt://`.
   *
   * @throws {UsageError} `ERR_USAGE`, `ERR_USAGE_SECONDS`, `ERR_MQTT_URL`
   */
  constructor(url: string, options: MqttOptions = {}, ports: MqttPorts = {}) {
    const settings: Settings = settle(url, options)
    this.clientId = settings.clientId
    this.#events = new EventBus(loggerFor('Mqtt', settings.logger))
    this.#engine = import('./engine.ts').then(
      ({ Engine: Loaded }) => (this.#loaded = new Loaded(settings, this.#events, ports)),
    )
    this.outbox = this.#engine.then((engine) => engine.outbox)
    this.outbox.catch(() => {})
  }

  /** @throws {UsageError} `ERR_USAGE` for an event that there is not, or what is no function */
  on<E extends keyof MqttEvents>(event: E, callback: Callback<MqttEvents[E]>): this {
    checkListener(event, callback)
    this.#events.on(event, callback)
    return this
  }

  off<E extends keyof MqttEvents>(event: E, callback: Callback<MqttEvents[E]>): this {
    this.#events.off(event, callback)
    return this
  }

  /** Whether the server has accepted the connection and what was subscribed is subscribed. */
  get isConnected(): boolean {
    return this.#loaded?.info !== undefined
  }

  /**
   * Resolves when it is connected, at once if it is.
   *
   * @throws {HalyardError} what the next try fails with: `ERR_MQTT_UNREACHABLE`, `ERR_MQTT_REFUSED`, `ERR_MQTT_TIMEOUT`,
   * `ERR_MQTT_CERTIFICATE`, …; it goes on trying all the same. `ERR_ABORTED`, `ERR_MQTT_CLOSED`
   */
  async connected(options: WaitOptions = {}): Promise<ConnectionInfo> {
    return (this.#loaded ?? (await this.#engine)).connected(options)
  }

  /** Tries now instead of at the end of the wait, for instance because the network is back. */
  async reconnect(): Promise<void> {
    ;(await this.#engine).reconnect()
  }

  /**
   * Publishes, QoS 1 unless told otherwise. Resolves when the server has acknowledged it (QoS 0: when it is written), or as
   * `queued` when it can't go now: then it is in the outbox, and its fate is told by `(await client.outbox).settled(id)`.
   * Bytes of QoS 1 and 2 are copied at once; those of QoS 0 must stay as they are until the promise resolves, since a
   * connection that is lost meanwhile sends them again.
   *
   * @throws {HalyardError} `ERR_MQTT_PUBLISH` (an `MqttRefusedError`: the server did not take it), `ERR_MQTT_TOPIC`,
   * `ERR_MQTT_OFFLINE`, `ERR_MQTT_DROPPED`, `ERR_USAGE`, `ERR_ABORTED`, and what `Outbox.submit` throws
   */
  publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<Receipt> {
    // One promise for a message is enough: the engine's.
    if (this.#loaded !== undefined) return this.#loaded.publish(topic, payload, options)
    return this.#engine.then((engine) => engine.publish(topic, payload, options))
  }

  /**
   * Subscribes to one or several topic filters. Resolves when the server has granted them, which without a connection is
   * when there is one. After a reconnection it is subscribed again, before `connect` fires.
   *
   * @throws {HalyardError} `ERR_MQTT_SUBSCRIBE` (an `MqttRefusedError`), `ERR_MQTT_FILTER`, `ERR_ABORTED`,
   * `ERR_MQTT_CLOSED`
   */
  async subscribe(filters: string | readonly string[], options: SubscribeOptions = {}): Promise<Subscription> {
    return (this.#loaded ?? (await this.#engine)).subscribe(listOf(filters), options)
  }

  /** Ends all subscriptions of these filters, also one of an earlier process that the server's session still has. */
  async unsubscribe(filters: string | readonly string[], options: WaitOptions = {}): Promise<void> {
    return (this.#loaded ?? (await this.#engine)).unsubscribe(listOf(filters), options)
  }

  /**
   * Publishes a question and waits for the answer: MQTT 5.0's response topic and correlation data, 5.0 §4.10.
   *
   * @throws {HalyardError} `ERR_MQTT_VERSION` on a 3.1.1 connection, `ERR_MQTT_NO_ANSWER` after `timeout`, and what
   * `publish` and `subscribe` throw
   */
  async request(topic: string, payload: string | Uint8Array, options: RequestOptions = {}): Promise<MqttMessage> {
    const { timeout = 30 } = options
    secondsToMilliseconds('timeout', timeout)
    return (this.#loaded ?? (await this.#engine)).requests.ask(topic, payload, { ...options, timeout })
  }

  /**
   * Answers a question: publishes to its response topic, with its correlation data.
   *
   * @throws {UsageError} `ERR_MQTT_NO_QUESTION` if the message asks for no answer
   */
  async respond(question: MqttMessage, payload: string | Uint8Array, options: PublishOptions = {}): Promise<Receipt> {
    const { responseTopic, correlationData } = question.properties
    if (responseTopic === undefined) {
      throw new UsageError('ERR_MQTT_NO_QUESTION', `the message on ${question.topic} names no response topic`)
    }
    const properties = { ...options.properties, ...(correlationData && { correlationData }) }
    return this.publish(responseTopic, payload, { ...options, properties })
  }

  /** How it stands; `undefined` in the first moment, before anything is loaded. */
  diagnostics(): Diagnostics | undefined {
    return this.#loaded?.diagnostics()
  }

  /**
   * Says good-bye and ends for good: waits for what is on the wire (10 s at most), keeps what is queued if the outbox has a
   * path, and tells the server, which then publishes no will. Idempotent.
   */
  async disconnect({ withWill = false, sessionExpiry }: DisconnectOptions = {}): Promise<void> {
    // In this turn: nothing that is called behind it is taken any more.
    return (this.#loaded ?? (await this.#engine)).close(withWill ? 4 : 0, sessionExpiry)
  }

  close(): Promise<void> {
    return this.disconnect()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect()
  }
}

const EVENTS: Readonly<Record<keyof MqttEvents, true>> = {
  ...{ connect: true, disconnect: true, offline: true, message: true, error: true },
}

function checkListener(event: string, callback: unknown): void {
  if (!Object.hasOwn(EVENTS, event)) {
    throw new UsageError('ERR_USAGE', `there is no event '${event}'; there are ${Object.keys(EVENTS).join(', ')}`)
  }
  if (typeof callback !== 'function') throw new UsageError('ERR_USAGE', `the event '${event}' needs a function to call`)
}

function listOf(filters: string | readonly string[]): readonly string[] {
  return typeof filters === 'string' ? [filters] : filters
}

/** {@link connect} takes a signal for the waiting. */
export interface ConnectOptions extends MqttOptions, WaitOptions {}

/**
 * Makes a client and waits until it is connected. If that fails it is closed.
 *
 * @throws {HalyardError} as {@link MqttClient.connected} does, and what the constructor throws
 * @example
 * ```ts
 * import { createMqttServer } from '@halyard/hub/mqtt'
 * import { connect } from '@halyard/mqtt'
 * await using server = await createMqttServer()
 * await using client = await connect(`mqtt://127.0.0.1:${server.port}`, { clientId: 'kitchen' })
 * console.log(client.isConnected) // true
 * ```
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<MqttClient> {
  const { signal, ...rest } = options
  const client = new MqttClient(url, rest)
  try {
    await client.connected({ signal })
    return client
  } catch (error) {
    await client.close()
    throw error as HalyardError
  }
}

/**
 * Connects, publishes, and disconnects: for a script, or a device that wakes, says one thing and sleeps.
 *
 * @throws {HalyardError} as {@link connect} and {@link MqttClient.publish} do
 */
export async function publishOnce(
  url: string,
  topic: string,
  payload: string | Uint8Array,
  options: ConnectOptions & Pick<PublishOptions, 'qos' | 'retain' | 'properties'> = {},
): Promise<Receipt> {
  const { qos, retain, properties, ...rest } = options
  await using client = await connect(url, { reconnect: false, ...rest })
  const { signal } = options
  const receipt = await client.publish(topic, payload, { qos, retain, properties, signal, offline: 'reject' })
  if (receipt.state === 'queued' && isInMemory(rest.outbox)) {
    const what = `the connection ended before the message on ${topic} was acknowledged`
    throw new ConnectionError('ERR_MQTT_CONNECTION_LOST', `${what}; it may have arrived`)
  }
  return receipt
}

/** What is queued there ends with the client. */
function isInMemory(outbox: MqttOptions['outbox']): boolean {
  return outbox === undefined || (!('submit' in outbox) && outbox.path === undefined)
}
