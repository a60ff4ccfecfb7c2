/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The client at work: link, session and outbox, put together. `MqttClient` loads it, so that an import costs little.
 * `@halyard/mqtt/engine`: for clients of protocols on top of MQTT, which reach the session past the public API.
 */
import { HalyardError, Outbox, UsageError, loggerFor, systemClock, throwIfAborted } from '@halyard/core'
import type {
  Attachment,
  Clock,
  EventBus,
  Logger,
  OutboxOptions,
  Outcome,
  Receipt,
  SendControl,
  Timer,
  WaitOptions,
} from '@halyard/core'
import { REASON, checkFilter, isShared } from '@halyard/wire/mqtt'
import { dial as dialOfPlatform } from '#dial'
import type { ConnectionInfo, Diagnostics, MqttEvents } from './events.ts'
import { Link } from './link.ts'
import { wireExpiry } from './options.ts'
import type { Settings } from './options.ts'
import type { Written } from './outlet.ts'
import { KIND, PublishCalls, payloadBytes } from './publish-call.ts'
import type { KeptPublish, PublishOptions } from './publish-call.ts'
import { Requests } from './requests.ts'
import { Session } from './session.ts'
import { shownTopic } from './shown-topic.ts'
import { Subscription } from './subscription.ts'
import type { SubscribeOptions } from './subscription.ts'
import type { Dial } from './transport.ts'
import { Waiters, withSignal } from './waiters.ts'

/** What a client stands on; all have defaults. For tests, and for whoever has a clock or a network of his own. */
export interface MqttPorts {
  readonly clock?: Clock
  readonly dial?: Dial
  /** 0 ≤ x < 1; `Math.random` */
  readonly random?: () => number
}

type SendOptions = SendControl & Pick<PublishOptions, 'offline'>

export { withSignal } from './waiters.ts'
export { settle } from './options.ts'
export type { MqttOptions, Settings } from './options.ts'
export type { Asked, Filter, FilterOptions, FilterText, Filters, Owner } from './filters.ts'
export type { KeptPublish } from './publish-call.ts'
export type { Follower, Interceptor, Session } from './session.ts'

const RETAIN_HANDLING = { always: 0, new: 1, never: 2 } as const

export class Engine {
  readonly session: Session
  readonly requests: Requests
  readonly #settings: Settings
  readonly #events: EventBus<MqttEvents>
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #link: Link
  readonly #connected = new Waiters<ConnectionInfo>()
  readonly outbox: Promise<Outbox>
  #opened: { readonly outbox: Outbox; readonly attachment: Attachment } | undefined
  readonly #ownsOutbox: boolean
  readonly #calls = new PublishCalls()
  #direct = 0
  #closing: Promise<void> | undefined

  constructor(settings: Settings, events: EventBus<MqttEvents>, ports: MqttPorts) {
    this.#settings = settings
    this.#events = events
    this.#clock = ports.clock ?? systemClock()
    this.#logger = loggerFor('Mqtt', settings.logger)
    this.session = new Session(settings, events, this.#logger, this.#clock)
    this.#link = new Link({
      settings,
      session: this.session,
      dial: ports.dial ?? dialOfPlatform,
      clock: this.#clock,
      random: ports.random ?? Math.random,
      events,
      logger: this.#logger,
      onUp: () => this.#opened?.attachment.release(),
      onDown: () => this.#opened?.attachment.hold(),
      onChange: (info, error) => this.#changed(info, error),
      onOver: (error) => {
        this.session.close(error, error)
        this.requests.close(error)
      },
    })
    this.requests = new Requests({
      clientId: settings.clientId,
      clock: this.#clock,
      version: async () => (await this.connected({})).version,
      publish: (topic, payload, options) => this.publish(topic, payload, options),
      // Whoever waits for an answer holds the process himself.
      subscribe: (filters, options) => this.subscribe(filters, options, false),
      expect: () => this.session.expect(),
    })
    const { outbox } = settings
    this.#ownsOutbox = !(outbox instanceof Outbox)
    this.outbox = outbox instanceof Outbox ? Promise.resolve(outbox) : this.#open(outbox)
    this.outbox.then((opened) => this.#attach(opened)).catch((error: HalyardError) => this.#broken(error))
    if (settings.tls?.rejectUnauthorized === false) {
      this.#logger.warn({}, 'tls.rejectUnauthorized is false: anybody can be the server')
    }
    this.#link.start()
  }

  get info(): ConnectionInfo | undefined {
    return this.#link.state === 'connected' ? this.#link.info : undefined
  }

  /** Resolves when connected, rejects when a try fails. */
  connected({ signal }: WaitOptions): Promise<ConnectionInfo> {
    if (this.#closing !== undefined) throw closedError()
    throwIfAborted(signal)
    const { info } = this
    if (info !== undefined) return Promise.resolve(info)
    if (this.#link.state === 'closed') return Promise.reject(this.#link.figures.lastError ?? closedError())
    return this.#connected.join(signal)
  }

  reconnect(): void {
    this.#checkOpen()
    this.#link.start()
  }

  publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<Receipt> {
    try {
      const { kept, tell } = this.#calls.of(topic, options)
      return this.send(kept, payloadBytes(payload), options, tell)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * {@link publish} without a word about what became of it: the caller has his own for a message that was dropped. One
   * promise for a message: what is not `async` here costs more than the rest of it.
   */
  send<T>(call: KeptPublish, body: Uint8Array, options: SendOptions, tell: (outcome: Outcome) => T): Promise<T> {
    try {
      this.#checkOpen()
      throwIfAborted(options.signal)
      if (call.qos > 0 || !isPlain(options) || !this.#nothingOlder()) return this.#submit(call, body, options, tell)
      return new Promise((resolve, reject) => {
        const otherwise = (): void => void this.#submit(call, body, options, tell).then(resolve, reject)
        const direct = new Direct((outcome) => resolve(tell(outcome)), otherwise)
        if (!this.session.publications.sendDirectly(call, body, direct)) direct.written(false)
        else direct.id = ++this.#direct
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #submit<T>(call: KeptPublish, body: Uint8Array, options: SendOptions, tell: (outcome: Outcome) => T): Promise<T> {
    if (options.offline === 'reject' && this.#link.connection === undefined) {
      const message = 'there is no connection; wait for connected(), or let it be queued'
      return Promise.reject(new HalyardError('ERR_MQTT_OFFLINE', message))
    }
    const { destination } = this.#settings
    const submission = { destination, kind: KIND, body, options: call as unknown as Record<string, unknown> }
    if (this.#opened !== undefined) return this.#opened.outbox.submit(submission, options, tell)
    return this.outbox.then((outbox) => outbox.submit(submission, options, tell))
  }

  async subscribe(filters: readonly string[], options: SubscribeOptions, holds = true): Promise<Subscription> {
    this.#checkOpen()
    checkFilters(filters)
    checkSubscription(filters, options)
    filters = [...new Set(filters)]
    const subscription = new Subscription(filters, this.session, options, holds)
    const { qos = 1, noLocal = false, retainAsPublished = false, retained = 'always', signal } = options
    const retainHandling = RETAIN_HANDLING[retained]
    const asked = filters.map((name) =>
      this.session.filters.add(name, subscription, { qos, noLocal, retainAsPublished, retainHandling }),
    )
    this.session.claim()
    try {
      await withSignal(Promise.all(asked), signal)
    } catch (error) {
      // Whoever gave up waiting does not wait for this either.
      subscription.unsubscribe().catch(() => {})
      throw error
    }
    return subscription
  }

  /** Ends every subscription of these filters here, and tells the server, which may know them from an earlier process. */
  async unsubscribe(filters: readonly string[], { signal }: WaitOptions): Promise<void> {
    this.#checkOpen()
    checkFilters(filters)
    const told = filters.map((name) => {
      const owners = [...(this.session.filters.get(name)?.owners ?? [])]
      if (owners.length === 0) return this.session.filters.removeUnknown(name)
      return Promise.all(
        owners.map((owner) => {
          owner.without(name)
          return this.session.filters.remove(name, owner)
        }),
      )
    })
    await withSignal(Promise.all(told), signal)
  }

  diagnostics(): Diagnostics {
    const { publications, receipts, unclaimed } = this.session
    return {
      state: this.#link.state,
      ...this.#link.figures,
      messagesSent: publications.sent,
      messagesReceived: receipts.received,
      inFlight: publications.inFlight,
      unacknowledged: receipts.unacknowledged,
      queued: this.#opened?.outbox.depthOf(this.#settings.destination) ?? 0,
      unclaimed,
    }
  }

  /** As a cut cable would: for tests of one's own, and for a network that is known to have changed. */
  cut(): void {
    this.#link.cut(new HalyardError('ERR_MQTT_CUT', 'the connection was cut by its own client'))
  }

  /** @throws {UsageError} `ERR_USAGE` */
  close(reasonCode: number = REASON.success, sessionExpiry?: number): Promise<void> {
    // 5.0 §3.14.2.2.2: what CONNECT did not ask for cannot be asked for at the end.
    const expiry = sessionExpiry === undefined ? undefined : wireExpiry(sessionExpiry)
    if (expiry !== undefined && expiry > 0 && this.#settings.sessionExpiry === 0) {
      throw new UsageError(
        'ERR_USAGE',
        'a session that ends with its connection cannot be kept: give sessionExpiry before',
      )
    }
    this.#closing ??= this.#close(reasonCode, expiry)
    return this.#closing
  }

  async #close(reasonCode: number, sessionExpiry: number | undefined): Promise<void> {
    const error = closedError()
    this.#connected.reject(error)
    this.requests.close(error)
    const outbox = await this.outbox.catch(() => undefined)
    // On the wire: acknowledged, or given back to the outbox when it has waited long enough.
    if (this.#ownsOutbox) await outbox?.close()
    else await this.#quiet()
    await this.#link.stop(reasonCode, sessionExpiry)
    this.session.close(error)
    if (!this.#ownsOutbox) this.#opened?.attachment[Symbol.dispose]()
  }

  /** An outbox that was handed in stays open: nothing more of it goes out here. */
  async #quiet(): Promise<void> {
    this.#opened?.attachment.hold()
    let timer: Timer | undefined
    const enough = new Promise<void>((resolve) => (timer = this.#clock.setTimer(CLOSE_WITHIN, resolve)))
    await Promise.race([this.session.publications.quiet(), enough])
    timer?.cancel()
  }

  #open(options: OutboxOptions | undefined): Promise<Outbox> {
    return Outbox.open(options, this.#settings.logger && { logger: this.#settings.logger })
  }

  #attach(outbox: Outbox): void {
    if (this.#closing !== undefined) return
    const { destination, window } = this.#settings
    const { publications } = this.session
    const deliver: Parameters<Outbox['attach']>[1] = (message, options) => publications.deliver(message, options)
    const attachment = outbox.attach(destination, deliver, { pipeline: window })
    this.#opened = { outbox, attachment }
    if (this.#link.connection === undefined) attachment.hold()
  }

  /** Nothing that was published before waits: what goes past the outbox overtakes nothing. */
  #nothingOlder(): boolean {
    return this.#opened !== undefined && this.#opened.outbox.depthOf(this.#settings.destination) === 0
  }

  #changed(info: ConnectionInfo | undefined, error: HalyardError | undefined): void {
    if (info !== undefined) this.#connected.resolve(info)
    else if (error !== undefined && this.#link.state !== 'connecting') this.#connected.reject(error)
  }

  #broken(error: HalyardError): void {
    this.#logger.error({ err: error }, error.message)
    this.#events.emit('error', error)
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closedError()
    if (this.#link.state === 'closed') throw this.#overError()
  }

  /** With `reconnect: false`, after the connection. */
  #overError(): HalyardError {
    const cause = this.#link.figures.lastError
    const why = cause === undefined ? '' : `: ${cause.message}`
    return new HalyardError('ERR_MQTT_CLOSED', `the connection is over, and reconnect is false${why}`, { cause })
  }
}

/** milliseconds for what is on the wire when the client is closed, as the outbox has them */
const CLOSE_WITHIN = 10_000

function closedError(): HalyardError {
  return new HalyardError('ERR_MQTT_CLOSED', 'the client is closed; make another one')
}

/** A message of QoS 0 past the outbox. */
class Direct implements Written {
  id = 0
  readonly #resolve: (outcome: Outcome) => void
  readonly #otherwise: () => void

  constructor(resolve: (outcome: Outcome) => void, otherwise: () => void) {
    this.#resolve = resolve
    this.#otherwise = otherwise
  }

  written(ok: boolean): void {
    if (ok) this.#resolve({ id: `direct-${this.id}`, state: 'delivered', reason: undefined })
    else this.#otherwise()
  }
}

/** The outbox need not know of it. */
function isPlain({ id, latest, expires, priority }: SendOptions): boolean {
  return id === undefined && latest === undefined && expires === undefined && priority === undefined
}

/** @throws {UsageError} `ERR_MQTT_FILTER` */
function checkFilters(filters: readonly string[]): void {
  if (!Array.isArray(filters))
    throw new UsageError('ERR_MQTT_FILTER', 'a topic filter is a text; or give a list of them')
  if (filters.length === 0) throw new UsageError('ERR_MQTT_FILTER', 'name at least one topic filter')
  for (const filter of filters) {
    const problem = typeof filter === 'string' ? checkFilter(filter) : 'it is no text'
    if (problem === undefined) continue
    throw new UsageError('ERR_MQTT_FILTER', `${shownTopic(filter)} is no topic filter: ${problem}`)
  }
}

/** @throws {UsageError} `ERR_USAGE` */
function checkSubscription(filters: readonly string[], options: SubscribeOptions): void {
  const { qos = 1, buffer = 1000, bufferBytes = 1, acknowledge = 'handled', overflow = 'wait' } = options
  const { retained = 'always', onMessage, noLocal } = options
  const usage = (message: string): never => {
    throw new UsageError('ERR_USAGE', message)
  }
  if (qos !== 0 && qos !== 1 && qos !== 2) usage('qos is 0, 1 or 2')
  if (!Number.isInteger(buffer) || buffer < 1) usage('buffer is a whole number from 1')
  if (!Number.isInteger(bufferBytes) || bufferBytes < 1) usage('bufferBytes is a whole number from 1')
  if (!['handled', 'received', 'manual'].includes(acknowledge)) usage('acknowledge is handled, received or manual')
  if (overflow !== 'wait' && overflow !== 'drop-oldest') usage('overflow is wait or drop-oldest')
  if (!Object.hasOwn(RETAIN_HANDLING, retained)) usage('retained is always, new or never')
  if (onMessage !== undefined && typeof onMessage !== 'function') usage('onMessage is a function')
  // [MQTT-3.8.3-4]
  if (noLocal && filters.some(isShared)) usage('a shared subscription cannot have noLocal')
}
