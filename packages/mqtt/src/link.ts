/** One connection after the other: when to try, with which version, and what to say when it does not work. */
import { backoff, describeError, HalyardError } from '@halyard/core'
import type { Clock, EventBus, Logger, Timer } from '@halyard/core'
import { MqttProtocolError, REASON, TopicMemo } from '@halyard/wire/mqtt'
import type { Connack } from '@halyard/wire/mqtt'
import { Connection } from './connection.ts'
import { MqttRefusedError } from './errors.ts'
import type { ConnectionInfo, MqttEvents, MqttState } from './events.ts'
import type { Settings } from './options.ts'
import { isLasting } from './refusals.ts'
import type { Session } from './session.ts'
import type { Dial } from './transport.ts'

export interface LinkParts {
  readonly settings: Settings
  readonly session: Session
  readonly dial: Dial
  readonly clock: Clock
  readonly random: () => number
  readonly events: EventBus<MqttEvents>
  readonly logger: Logger
  /** Publishing may go on, or not. */
  readonly onUp: () => void
  readonly onDown: () => void
  /** Told of every change, and of every try that failed. */
  readonly onChange: (info: ConnectionInfo | undefined, error: HalyardError | undefined) => void
}

/** Topics that repeat are decoded once. */
const MEMO_TOPICS = 256

export class Link {
  readonly #parts: LinkParts
  readonly #topics = new TopicMemo(MEMO_TOPICS)
  #connection: Connection | undefined
  #info: ConnectionInfo | undefined
  #version: 4 | 5
  #state: MqttState = 'waiting'
  #timer: Timer | undefined
  #failures = 0
  #connections = 0
  #lastError: HalyardError | undefined
  /** of connections that are over */
  #past = { bytesSent: 0, bytesReceived: 0 }
  #onEnded: (() => void) | undefined

  constructor(parts: LinkParts) {
    this.#parts = parts
    this.#version = parts.settings.version ?? 5
  }

  get state(): MqttState {
    return this.#state
  }

  get info(): ConnectionInfo | undefined {
    return this.#info
  }

  get connection(): Connection | undefined {
    return this.#info && this.#connection
  }

  get figures(): {
    readonly version: 0 | 4 | 5
    readonly connections: number
    readonly failures: number
    readonly bytesSent: number
    readonly bytesReceived: number
    readonly roundTrip: number | undefined
    readonly lastError: HalyardError | undefined
  } {
    const connection = this.#connection
    return {
      version: this.#connections === 0 ? 0 : this.#version,
      connections: this.#connections,
      failures: this.#failures,
      bytesSent: this.#past.bytesSent + (connection?.outlet.bytes ?? 0),
      bytesReceived: this.#past.bytesReceived + (connection?.bytesReceived ?? 0),
      roundTrip: connection?.roundTrip,
      lastError: this.#lastError,
    }
  }

  /** Tries now, also in the middle of a wait. */
  start(): void {
    if (this.#state !== 'waiting') return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#state = 'connecting'
    const { settings, dial, clock } = this.#parts
    let connection: Connection | undefined
    const isCurrent = (): boolean => this.#connection === connection
    connection = new Connection({
      settings,
      version: this.#version,
      dial,
      clock,
      topics: this.#topics,
      owner: {
        accepted: (connack) => void (isCurrent() && this.#accepted(connection!, connack)),
        publish: (packet) => this.#parts.session.publish(packet),
        packet: (packet) => this.#parts.session.packet(packet),
        closed: (error) => isCurrent() && this.#closed(error),
      },
    })
    this.#connection = connection
  }

  /** Ends the connection with a DISCONNECT of this reason code; resolves when it is over. Nothing is tried again. */
  async stop(reasonCode: number, sessionExpiry: number | undefined): Promise<void> {
    if (this.#state === 'closed') return
    this.#timer?.cancel()
    this.#state = 'closed'
    const connection = this.#connection
    if (connection === undefined) return
    const properties = sessionExpiry === undefined ? undefined : { sessionExpiryInterval: sessionExpiry }
    const is5 = connection.version === 5
    await new Promise<void>((resolve) => {
      this.#onEnded = resolve
      connection.end({ type: 'disconnect', reasonCode: is5 ? reasonCode : 0, ...(is5 && properties && { properties }) })
    })
  }

  /** Ends the connection as a cut cable would. */
  cut(error: HalyardError): void {
    this.#connection?.destroy(error)
  }

  async #accepted(connection: Connection, connack: Connack): Promise<void> {
    const { settings, session, events, onUp, onChange } = this.#parts
    const { properties = {}, sessionPresent } = connack
    this.#connections++
    this.#failures = 0
    this.#info = {
      version: connection.version,
      sessionPresent,
      clientId: properties.assignedClientIdentifier ?? settings.clientId,
      keepalive: properties.serverKeepAlive ?? settings.keepalive,
    }
    const subscribed = session.up(connection, connack)
    onUp()
    await subscribed
    // It may be gone by now.
    if (this.#connection !== connection || !connection.isOpen) return
    this.#state = 'connected'
    this.#parts.logger.info({ ...this.#info }, 'connected')
    onChange(this.#info, undefined)
    events.emit('connect', this.#info)
  }

  #closed(error: HalyardError | undefined): void {
    const { session, events, logger, onDown, onChange } = this.#parts
    const connection = this.#connection
    const wasUp = this.#info !== undefined
    this.#past.bytesSent += connection?.outlet.bytes ?? 0
    this.#past.bytesReceived += connection?.bytesReceived ?? 0
    this.#connection = undefined
    this.#info = undefined
    const reason = error === undefined ? 'the connection was closed' : describeError(error)
    // First the outbox learns that nothing goes, then what was on the wire comes back to it.
    if (wasUp) onDown()
    session.down(reason)
    if (this.#state !== 'closed') {
      this.#lastError = error
      this.#state = 'waiting'
      this.#again(error, wasUp)
    }
    if (wasUp) events.emit('disconnect', error)
    if (error !== undefined) {
      logger.warn({ err: error }, reason)
      onChange(undefined, error)
      events.emit('error', error)
    }
    this.#onEnded?.()
  }

  #again(error: HalyardError | undefined, wasUp: boolean): void {
    const { settings, clock, random, events } = this.#parts
    if (this.#isTooNew(error)) {
      this.#version = 4
      return this.start()
    }
    if (settings.reconnect === undefined) {
      this.#state = 'closed'
      return
    }
    if (!wasUp && this.#failures++ === 0) events.emit('offline')
    const { base = 1, cap = 60 } = settings.reconnect
    const lasting = error instanceof MqttRefusedError && isLasting(error.reasonCode)
    // What does not pass by itself is tried seldom, but tried: the account may be mended meanwhile.
    const wait = lasting ? (cap * 1000 * (1 + random())) / 2 : backoff(this.#failures, { base, cap, random })
    this.#timer = clock.setTimer(wait, () => this.start())
  }

  /** The server has no 5.0, and nobody asked for it: 3.1.1 it is, from now on. */
  #isTooNew(error: HalyardError | undefined): boolean {
    if (this.#parts.settings.version !== undefined || this.#version !== 5 || this.#connections > 0) return false
    if (error instanceof MqttRefusedError) return error.reasonCode === REASON.unsupportedProtocolVersion
    // Some close without a word, some answer in a way that 5.0 does not know.
    return error instanceof MqttProtocolError || error?.code === 'ERR_MQTT_CONNECTION_LOST'
  }
}
