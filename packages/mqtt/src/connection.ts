/** One connection, from the first byte to the last: what may be said when. What it means to a session is its owner's. */
import { ConnectionError, describeError } from '@halyard/core'
import type { Clock, Timer } from '@halyard/core'
import { ClientKeepAlive, MqttProtocolError, PacketReader, REASON } from '@halyard/wire/mqtt'
import type { Auth, Connack, ControlPacket, Disconnect, IncomingPublish, Packet, TopicMemo } from '@halyard/wire/mqtt'
import { addressText } from './address.ts'
import { connectPacket } from './connect-packet.ts'
import { MqttRefusedError } from './errors.ts'
import type { Settings } from './options.ts'
import { Outlet } from './outlet.ts'
import { connackReason, explainReason, refusalOf } from './refusals.ts'
import type { Dial, Transport } from './transport.ts'
import { explainBytes } from './wrong-port.ts'

/** Who owns a connection: the session. Called from the turn in which bytes arrived. */
export interface ConnectionOwner {
  /** CONNACK accepted it: packets may go out. */
  accepted(connack: Connack): void
  /** Valid during the call only. */
  publish(packet: IncomingPublish): void
  /** Acknowledgements, SUBACK, UNSUBACK. */
  packet(packet: ControlPacket): void
  /** Over, told once. Without an error it was we who ended it. */
  closed(error: ConnectionError | MqttProtocolError | undefined): void
}

export interface ConnectionParts {
  readonly settings: Settings
  readonly version: 4 | 5
  /** CONNECT asks for an empty session. */
  readonly cleanStart: boolean
  readonly dial: Dial
  readonly clock: Clock
  readonly topics: TopicMemo
  readonly owner: ConnectionOwner
}

/** bytes of the first answer that are looked at to see who answers */
const FIRST_BYTES = 64

export class Connection {
  readonly version: 4 | 5
  readonly outlet: Outlet
  readonly #parts: ConnectionParts
  readonly #transport: Transport
  readonly #reader: PacketReader
  #keepAlive: ClientKeepAlive
  #timer: Timer | undefined
  #state: 'dialling' | 'asking' | 'open' | 'ending' | 'over' = 'dialling'
  #paused = false
  /** when PINGREQ was sent, on the monotonic clock */
  #pinged = 0
  #receivedAtPing = 0
  bytesReceived = 0
  packetsReceived = 0
  /** milliseconds of the last PINGREQ and its answer */
  roundTrip: number | undefined = undefined

  constructor(parts: ConnectionParts) {
    const { settings, version, clock, dial } = parts
    this.#parts = parts
    this.version = version
    this.#reader = new PacketReader(
      { publish: (packet) => this.#onPublish(packet), packet: (packet) => this.#onPacket(packet) },
      { receiver: 'client', version, maxPacketBytes: settings.maximumPacketSize, topics: parts.topics },
    )
    this.#keepAlive = new ClientKeepAlive(0, clock.monotonic())
    this.#timer = clock.setTimer(settings.connectTimeout, () => this.#tooLate())
    const protocols = ['mqtt']
    this.#transport = dial(
      settings.address,
      { tls: settings.tls, protocols },
      {
        opened: () => this.#opened(),
        received: (bytes) => this.#received(bytes),
        drained: () => this.outlet.drained(),
        closed: (error) => this.#lost(error),
      },
    )
    this.outlet = new Outlet(this.#transport, version)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  send(packet: Packet): void {
    if (this.#state === 'open') this.outlet.packet(packet)
  }

  /** Says that a message has arrived; together with what else is acknowledged in this turn. */
  acknowledge(type: 'puback' | 'pubrec', packetId: number): void {
    if (this.#state === 'open') this.outlet.acknowledge(type, packetId)
  }

  /** Nothing more is read until `resume`: the server has to wait. */
  pause(): void {
    if (this.#paused || this.#state !== 'open') return
    this.#paused = true
    this.#transport.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    // Its answers waited behind what was not read.
    this.#keepAlive.answered()
    this.#transport.resume()
  }

  /** Says good-bye and closes when all is written; `closed` follows. */
  end(disconnect: Disconnect): void {
    if (this.#state === 'over' || this.#state === 'ending') return
    if (this.#state !== 'open') return this.#finish(undefined)
    this.outlet.packet(disconnect)
    this.outlet.flush()
    this.#state = 'ending'
    this.#timer?.cancel()
    this.#transport.end()
  }

  /** Ends at once, without a word: the server publishes the will. `closed` follows in this call. */
  destroy(error?: ConnectionError): void {
    this.#finish(error)
  }

  #opened(): void {
    this.#state = 'asking'
    try {
      this.outlet.packet(connectPacket(this.#parts.settings, this.version, this.#parts.cleanStart))
    } catch (error) {
      const message = `CONNECT cannot be written: ${describeError(error)}`
      this.#finish(new ConnectionError('ERR_MQTT_CONNECT', message, { cause: error }))
    }
  }

  #received(bytes: Uint8Array): void {
    if (this.#state === 'over') return
    if (this.#state === 'asking' && this.bytesReceived === 0 && this.#isNotMqtt5(bytes)) return
    const isFirst = this.bytesReceived === 0
    this.bytesReceived += bytes.length
    try {
      this.#reader.push(bytes)
    } catch (error) {
      this.#broken(error, isFirst ? bytes.subarray(0, FIRST_BYTES) : undefined)
      return
    }
    if (this.#state === 'open') this.outlet.flush()
  }

  /** A server that knows nothing of 5.0 answers with the CONNACK of 3.1.1, two bytes long, or says nothing and closes. */
  #isNotMqtt5(bytes: Uint8Array): boolean {
    if (this.version !== 5 || bytes[0] !== 0x20 || bytes[1] !== 2) return false
    const code = bytes[3] ?? 0
    const reasonCode = code > 1 ? connackReason(code, 4) : REASON.unsupportedProtocolVersion
    this.#refused(reasonCode)
    return true
  }

  /** The standard was broken, by the server or by whatever answers there. */
  #broken(error: unknown, first: Uint8Array | undefined): void {
    const explanation = first && explainBytes(first)
    if (this.#state === 'asking' && explanation !== undefined) {
      const message = `${addressText(this.#parts.settings.address)}: ${explanation}`
      return this.#finish(new ConnectionError('ERR_MQTT_WRONG_PORT', message, { cause: error }))
    }
    if (this.#state === 'ending') return this.#finish(undefined)
    if (!(error instanceof MqttProtocolError)) {
      // A bug of ours, or of an interceptor: what came from outside must not end the process.
      const message = `what the server sent could not be handled: ${describeError(error)}`
      return this.#finish(new ConnectionError('ERR_MQTT_HANDLING', message, { cause: error }))
    }
    // [MQTT-4.13.1-1]
    if (this.#state === 'open' && this.version === 5) {
      this.outlet.packet({ type: 'disconnect', reasonCode: error.reasonCode })
      this.outlet.flush()
    }
    this.#finish(error)
  }

  #onPublish(packet: IncomingPublish): void {
    this.packetsReceived++
    if (this.#state === 'open') this.#parts.owner.publish(packet)
    else if (this.#state === 'asking') throw notYet('PUBLISH')
  }

  #onPacket(packet: ControlPacket): void {
    this.packetsReceived++
    if (this.#state === 'asking') this.#answered(packet)
    else if (this.#state === 'open') this.#onOpenPacket(packet)
  }

  #onOpenPacket(packet: ControlPacket): void {
    switch (packet.type) {
      case 'pingresp':
        this.#keepAlive.answered()
        this.roundTrip = this.#parts.clock.monotonic() - this.#pinged
        return
      case 'disconnect':
        return this.#disconnected(packet)
      case 'auth':
        return void this.#continue(packet)
      case 'connack':
        throw notYet('a second CONNACK')
      default:
        this.#parts.owner.packet(packet)
    }
  }

  /** What comes before the connection is open. */
  #answered(packet: ControlPacket): void {
    if (packet.type === 'auth') return void this.#continue(packet)
    // [MQTT-3.2.0-1]
    if (packet.type !== 'connack') throw notYet(packet.type.toUpperCase())
    const { reasonCode, properties } = packet
    if (reasonCode !== 0) return this.#refused(connackReason(reasonCode, this.version), properties?.reasonString)
    const { cleanStart } = this.#parts
    // [MQTT-3.2.2-4]; 3.1.1 does not say what a client does then: its session is empty, whatever the server says.
    if (packet.sessionPresent && cleanStart && this.version === 5) throw notYet('the session that CONNECT ended')
    this.#timer?.cancel()
    this.#timer = undefined
    this.#state = 'open'
    const seconds = properties?.serverKeepAlive ?? this.#parts.settings.keepalive
    this.#keepAlive = new ClientKeepAlive(seconds, this.#parts.clock.monotonic(), Math.min(seconds, 30))
    this.#watch()
    this.#parts.owner.accepted(cleanStart ? { ...packet, sessionPresent: false } : packet)
  }

  #refused(reasonCode: number, said?: string): void {
    const why = explainReason(reasonCode, said)
    const message = `${addressText(this.#parts.settings.address)} refused the connection: ${why}`
    this.#finish(new MqttRefusedError('ERR_MQTT_REFUSED', message, refusalOf(reasonCode)))
  }

  /** 5.0 §3.14: the server ends it. */
  #disconnected({ reasonCode, properties }: Disconnect): void {
    const why = explainReason(reasonCode, properties?.reasonString)
    this.#finish(
      new MqttRefusedError('ERR_MQTT_DISCONNECTED', `the server ended the connection: ${why}`, refusalOf(reasonCode)),
    )
  }

  /** 5.0 §4.12: one step more. */
  async #continue(packet: Auth): Promise<void> {
    const { authentication } = this.#parts.settings
    if (authentication === undefined) {
      return this.#broken(notYet('AUTH'), undefined)
    }
    if (packet.reasonCode === REASON.success) return
    try {
      const authenticationData = await authentication.answer(packet.properties?.authenticationData)
      if (this.#state !== 'asking' && this.#state !== 'open') return
      const properties = { authenticationMethod: authentication.method, authenticationData }
      this.outlet.packet({ type: 'auth', reasonCode: REASON.continueAuthentication, properties })
    } catch (error) {
      const message = `the authentication method ${authentication.method} gave up: ${describeError(error)}`
      this.#finish(new ConnectionError('ERR_MQTT_AUTHENTICATION', message, { cause: error }))
    }
  }

  /** One timer, set again when it fires: what is sent meanwhile only moves the moment. */
  #watch(): void {
    const { clock } = this.#parts
    const deadline = this.#keepAlive.deadline()
    if (deadline === Infinity) return
    this.#timer = clock.setTimer(Math.max(1, deadline - clock.monotonic()), () => this.#elapsed())
  }

  #elapsed(): void {
    if (this.#state !== 'open') return
    const now = this.#parts.clock.monotonic()
    // Nothing is read, so the answer cannot be seen; or it waits behind what is being received.
    if (this.#paused || this.bytesReceived > this.#receivedAtPing) this.#keepAlive.answered()
    try {
      if (this.#keepAlive.elapse(now)) {
        this.outlet.packet({ type: 'pingreq' })
        this.#pinged = now
        this.#receivedAtPing = this.bytesReceived
      }
    } catch (error) {
      const message = `${addressText(this.#parts.settings.address)} is silent: ${describeError(error)}`
      return this.#finish(new ConnectionError('ERR_MQTT_SILENT', message, { cause: error }))
    }
    this.#watch()
  }

  #tooLate(): void {
    const { address, connectTimeout } = this.#parts.settings
    const what = this.#state === 'dialling' ? 'is not reached' : 'did not answer CONNECT'
    const message = `${addressText(address)} ${what} within ${connectTimeout / 1000} s; check the address, or raise connectTimeout`
    this.#finish(new ConnectionError('ERR_MQTT_TIMEOUT', message))
  }

  #lost(error: Error | undefined): void {
    if (this.#state === 'ending') return this.#finish(undefined)
    if (error !== undefined) return this.#finish(asConnectionError(error))
    const where = addressText(this.#parts.settings.address)
    // A TLS server that is spoken to in clear mostly says nothing.
    const { scheme } = this.#parts.settings.address
    const hint = scheme === 'mqtt' ? '; if the port speaks TLS, use mqtts://' : ''
    const early = `closed the connection instead of answering CONNECT${hint}`
    const what = this.#state === 'open' ? 'closed the connection' : early
    this.#finish(new ConnectionError('ERR_MQTT_CONNECTION_LOST', `${where} ${what}`))
  }

  #finish(error: ConnectionError | MqttProtocolError | undefined): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#timer?.cancel()
    this.#reader.stop()
    this.outlet.close()
    this.#transport.destroy()
    this.#parts.owner.closed(error)
  }
}

function notYet(what: string): MqttProtocolError {
  return new MqttProtocolError('ERR_MQTT_PROTOCOL', REASON.protocolError, 'MQTT-3.2.0-1', `${what} may not come now`)
}

function asConnectionError(error: Error): ConnectionError {
  if (error instanceof ConnectionError) return error
  return new ConnectionError('ERR_MQTT_CONNECTION_LOST', describeError(error), { cause: error })
}
