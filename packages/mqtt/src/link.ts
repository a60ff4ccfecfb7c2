/** One connection after the other: when to try, with which version, and what to say when it does not work. */
import { ConnectionError, backoff, describeError } from '@halyard/core'
import type { HalyardError } from '@halyard/core'
import type { Clock, EventBus, Logger, Timer } from '@halyard/core'
import { MqttProtocolError, REASON, TopicMemo } from '@halyard/wire/mqtt'
import type { Connack } from '@halyard/wire/mqtt'
import { addressText } from './address.ts'
import { Connection } from './connection.ts'
import { MqttRefusedError } from './errors.ts'
import type { ConnectionInfo, MqttEvents, MqttState } from './events.ts'
import type { ReconnectOptions, Settings } from './options.ts'
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
  /** It is not tried again: `reconnect` is false. */
  readonly onOver: (error: HalyardError) => void
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
  /** Connections that ended soon after they began, one after the other: a server that is tried at once would end them all. */
  #shortLived = 0
  #acceptedAt = 0
  /** 3.1.1 is tried since 5.0 got no answer, which may have had other reasons; and how often 3.1.1 got one then. */
  #isGuess = false
  #rightGuesses = 0
  /** The server has accepted 5.0. */
  #isProven = false
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
    const isCurrent = (): boolean => this.#connection === connection
    const connection: Connection = new Connection({
      settings,
      version: this.#version,
      cleanStart: settings.clean && (this.#connections === 0 || settings.sessionExpiry === 0),
      dial,
      clock,
      topics: this.#topics,
      owner: {
        accepted: (connack) => isCurrent() && this.#accepted(connection, connack),
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
      // Before 5.0 a will is published only for who leaves without a word.
      if (reasonCode !== REASON.success && !is5) connection.destroy()
      else
        connection.end({
          type: 'disconnect',
          reasonCode: is5 ? reasonCode : 0,
          ...(is5 && properties && { properties }),
        })
    })
  }

  /** Ends the connection as a cut cable would. */
  cut(error: HalyardError): void {
    this.#connection?.destroy(error)
  }

  #accepted(connection: Connection, connack: Connack): void {
    const { settings, session, onUp, clock } = this.#parts
    const { properties = {}, sessionPresent } = connack
    this.#connections++
    this.#failures = 0
    if (connection.version === 5) this.#isProven = true
    else if (this.#isGuess) this.#rightGuesses++
    this.#acceptedAt = clock.monotonic()
    this.#info = {
      version: connection.version,
      sessionPresent,
      clientId: properties.assignedClientIdentifier ?? settings.clientId,
      keepalive: properties.serverKeepAlive ?? settings.keepalive,
    }
    const patience = clock.setTimer(settings.connectTimeout, () => connection.destroy(unanswered(settings)))
    const subscribed = session.up(connection, connack)
    onUp()
    subscribed.then(
      () => {
        patience.cancel()
        this.#subscribed(connection)
      },
      (error: unknown) => {
        const message = `what was subscribed could not be subscribed again: ${describeError(error)}`
        connection.destroy(new ConnectionError('ERR_MQTT_HANDLING', message, { cause: error }))
      },
    )
  }

  #subscribed(connection: Connection): void {
    // It may be gone by now.
    if (this.#connection !== connection || !connection.isOpen || this.#info === undefined) return
    const { logger, onChange, events } = this.#parts
    this.#state = 'connected'
    logger.info({ ...this.#info }, 'connected')
    onChange(this.#info, undefined)
    events.emit('connect', this.#info)
  }

  #closed(error: HalyardError | undefined): void {
    const { session, events, logger, onDown, onChange, settings, clock } = this.#parts
    const connection = this.#connection
    const wasUp = this.#info !== undefined
    this.#past.bytesSent += connection?.outlet.bytes ?? 0
    this.#past.bytesReceived += connection?.bytesReceived ?? 0
    this.#connection = undefined
    this.#info = undefined
    const reason = error === undefined ? 'the connection was closed' : describeError(error)
    // First the outbox learns that nothing goes, then what was on the wire comes back to it.
    if (wasUp) {
      onDown()
      const isShort = clock.monotonic() - this.#acceptedAt < SHORT_LIVED
      this.#shortLived = isShort ? this.#shortLived + 1 : 0
    }
    session.down(reason)
    if (this.#state === 'closed') {
      if (wasUp) events.emit('disconnect', error)
      return this.#onEnded?.()
    }
    this.#lastError = error
    this.#state = 'waiting'
    if (this.#isTooNew(error)) {
      logger.info({ err: error }, `${reason}; it is tried with MQTT 3.1.1`)
      this.#version = 4
      return this.start()
    }
    // Perhaps it was not the version: the next try says 5.0 again.
    if (this.#isGuess && this.#rightGuesses < SURE) this.#version = 5
    this.#isGuess = false
    if (settings.reconnect !== undefined) this.#again(error, wasUp, settings.reconnect)
    else this.#state = 'closed'
    if (wasUp) events.emit('disconnect', error)
    if (error === undefined) return
    logger.warn({ err: error }, reason)
    onChange(undefined, error)
    events.emit('error', error)
    if (settings.reconnect === undefined) this.#parts.onOver(error)
  }

  #again(error: HalyardError | undefined, wasUp: boolean, { base = 1, cap = 60 }: ReconnectOptions): void {
    const { clock, random, events } = this.#parts
    if (!wasUp && this.#failures++ === 0) events.emit('offline')
    const lasting = error instanceof MqttRefusedError && isLasting(error.reasonCode)
    const failures = Math.max(this.#failures, this.#shortLived)
    // What does not pass by itself is tried seldom, but tried: the account may be mended meanwhile.
    const wait = lasting ? (cap * 1000 * (1 + random())) / 2 : backoff(failures, { base, cap, random })
    this.#timer = clock.setTimer(wait, () => this.start())
  }

  /** The server has no 5.0, and nobody asked for it: 3.1.1 it is, from now on. */
  #isTooNew(error: HalyardError | undefined): boolean {
    if (this.#parts.settings.version !== undefined || this.#version !== 5 || this.#isProven) return false
    if (error instanceof MqttRefusedError) return error.reasonCode === REASON.unsupportedProtocolVersion
    // Some close without a word, some answer in a way that 5.0 does not know.
    this.#isGuess = error instanceof MqttProtocolError || error?.code === 'ERR_MQTT_CONNECTION_LOST'
    return this.#isGuess
  }
}

/** milliseconds */
const SHORT_LIVED = 5000
/** right guesses after which 3.1.1 is the version */
const SURE = 2

function unanswered({ address, connectTimeout }: Settings): ConnectionError {
  const what = `${addressText(address)} accepted the connection, but did not answer SUBSCRIBE`
  return new ConnectionError('ERR_MQTT_TIMEOUT', `${what} within ${connectTimeout / 1000} s`)
}
