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
  OutboxEntry,
  OutboxOptions,
  Receipt,
  SendControl,
  Timer,
  WaitOptions,
} from '@halyard/core'
import { REASON, checkFilter } from '@halyard/wire/mqtt'
import { dial as dialOfPlatform } from '#dial'
import { MqttRefusedError } from './errors.ts'
import type { ConnectionInfo, Diagnostics, MqttEvents } from './events.ts'
import { Link } from './link.ts'
import type { Settings } from './options.ts'
import { KIND, keptPublish, payloadBytes } from './publish-call.ts'
import type { KeptPublish, PublishOptions } from './publish-call.ts'
import { refusalOf } from './refusals.ts'
import { Requests } from './requests.ts'
import { Session } from './session.ts'
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

/** What became of a message so far. */
export type Sent = Pick<OutboxEntry, 'id' | 'state' | 'reason'>
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
  #direct = 0
  #closing: Promise<void> | undefined

  constructor(settings: Settings, events: EventBus<MqttEvents>, ports: MqttPorts) {
    this.#settings = settings
    this.#events = events
    this.#clock = ports.clock ?? systemClock()
    this.#logger = loggerFor('Mqtt', settings.logger)
    this.session = new Session(settings, events, this.#logger)
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
    })
    this.requests = new Requests({
      clientId: settings.clientId,
      clock: this.#clock,
      version: async () => (await this.connected({})).version,
      publish: (topic, payload, options) => this.publish(topic, payload, options),
      subscribe: (filters, options) => this.subscribe(filters, options),
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
    this.#checkOpen()
    const { info } = this
    if (info !== undefined) return Promise.resolve(info)
    if (this.#link.state === 'closed') return Promise.reject(this.#link.figures.lastError ?? closedError())
    return this.#connected.join(signal)
  }

  reconnect(): void {
    this.#checkOpen()
    this.#link.start()
  }

  async publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<Receipt> {
    const entry = await this.send(keptPublish(topic, options), payloadBytes(payload), options)
    return receiptOf(entry, topic)
  }

  /** {@link publish} without a word about what became of it: the caller has his own for a message that was dropped. */
  async send(call: KeptPublish, body: Uint8Array, options: SendOptions): Promise<Sent> {
    this.#checkOpen()
    const { signal, expires, priority, latest, id } = options
    throwIfAborted(signal)
    const isPlain = id === undefined && latest === undefined && expires === undefined && priority === undefined
    if (call.qos === 0 && isPlain && this.#nothingOlder()) {
      const isWritten = await new Promise<boolean>((resolve) => {
        if (!this.session.publications.sendDirectly(call, body, resolve)) resolve(false)
      })
      if (isWritten) return { id: `direct-${++this.#direct}`, state: 'delivered' }
    }
    if (options.offline === 'reject' && this.#link.connection === undefined) {
      throw new HalyardError('ERR_MQTT_OFFLINE', 'there is no connection; wait for connected(), or let it be queued')
    }
    const outbox = this.#opened?.outbox ?? (await this.outbox)
    const { destination } = this.#settings
    const submission = { destination, kind: KIND, body, options: call as unknown as Record<string, unknown> }
    return outbox.submit(submission, { signal, expires, priority, latest, id })
  }

  async subscribe(filters: readonly string[], options: SubscribeOptions): Promise<Subscription> {
    this.#checkOpen()
    checkFilters(filters)
    const subscription = new Subscription(filters, this.session, options)
    const { qos = 1, noLocal = false, retainAsPublished = false, retained = 'always', signal } = options
    const retainHandling = RETAIN_HANDLING[retained]
    const asked = filters.map((name) =>
      this.session.filters.add(name, subscription, { qos, noLocal, retainAsPublished, retainHandling }),
    )
    this.session.claim()
    try {
      await withSignal(Promise.all(asked), signal)
    } catch (error) {
      await Promise.allSettled([subscription.unsubscribe()])
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

  close(reasonCode: number = REASON.success, sessionExpiry?: number): Promise<void> {
    this.#closing ??= this.#close(reasonCode, sessionExpiry)
    return this.#closing
  }

  async #close(reasonCode: number, sessionExpiry: number | undefined): Promise<void> {
    const error = closedError()
    this.#connected.reject(error)
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
  }
}

/** milliseconds for what is on the wire when the client is closed, as the outbox has them */
const CLOSE_WITHIN = 10_000

function closedError(): HalyardError {
  return new HalyardError('ERR_MQTT_CLOSED', 'the client is closed; make another one')
}

/** @throws {MqttRefusedError} `ERR_MQTT_PUBLISH` if the server did not take it */
function receiptOf({ id, state, reason = '' }: Sent, topic: string): Receipt {
  if (state !== 'dropped') return { id, state }
  const code = /\(0x([\da-f]{2})\)/u.exec(reason)?.[1]
  const message = `the message on ${topic} was dropped: ${reason}`
  if (code === undefined) throw new HalyardError('ERR_MQTT_DROPPED', message)
  throw new MqttRefusedError('ERR_MQTT_PUBLISH', message, refusalOf(Number.parseInt(code, 16)))
}

/** @throws {UsageError} `ERR_MQTT_FILTER` */
function checkFilters(filters: readonly string[]): void {
  if (filters.length === 0) throw new UsageError('ERR_MQTT_FILTER', 'name at least one topic filter')
  for (const filter of filters) {
    const problem = typeof filter === 'string' ? checkFilter(filter) : 'it is no text'
    if (problem === undefined) continue
    throw new UsageError('ERR_MQTT_FILTER', `${JSON.stringify(filter)} is no topic filter: ${problem}`)
  }
}
