import { MqttProtocolError, PacketReader, REASON, connectReturnCode } from '@halyard/wire/mqtt'
import type { Connect, ControlPacket, Disconnect, IncomingPublish, PacketHandler } from '@halyard/wire/mqtt'
import { describeError } from '@halyard/core'
import type { Transport, TransportHandler } from '../domain/transport.ts'
import { Acknowledging } from './acknowledging.ts'
import type { Broker } from './broker.ts'
import { ClientOutput } from './client-output.ts'
import { loginOf, objectionTo, openSession, willOf } from './connecting.ts'
import type { DialectConnection, Principal, ReasonCode, Verdict } from './dialect.ts'
import { DialectView } from './dialect-view.ts'
import type { DeliveryTerms, Link } from './link.ts'
import type { Passing } from './passing.ts'
import type { Publication } from './publication.ts'
import { Publishing } from './publishing.ts'
import { Replays } from './replays.ts'
import type { Session } from './session.ts'
import { dropSubscription, subscribe, unsubscribe } from './subscribing.ts'
import type { WillMessage } from './wills.ts'

/** More than any client has; 3.1's limit of 23 is nobody's any more. */
const MAX_CLIENT_ID = 65_535

/**
 * One connection, from its first byte to its last.
 *
 * ```
 * waiting ──CONNECT──▶ authenticating ──granted──▶ open ──DISCONNECT, end, error──▶ closed
 *    └──5 s, rubbish──────────┴──refused: CONNACK──────────────────────────────────▲
 * ```
 */
export class Connection implements TransportHandler, PacketHandler, Link {
  readonly output: ClientOutput
  readonly dialectConnection: DialectConnection
  readonly #broker: Broker
  readonly #transport: Transport
  readonly #reader: PacketReader
  readonly #onClosed: (connection: Connection) => void
  #phase: 'waiting' | 'authenticating' | 'open' | 'closed' = 'waiting'
  #session: Session | undefined
  #will: WillMessage | undefined
  #publishing: Publishing | undefined
  #acknowledging: Acknowledging | undefined
  #replays: Replays | undefined
  /** Monotonic ms at which it is closed; Infinity. Moved by {@link sweep} if anything came. */
  #deadline: number
  /** Milliseconds without a packet; 0: for ever. */
  #patience = 0
  #wasHeard = false
  #takenBefore = 0
  #stuckSince = Infinity

  constructor(broker: Broker, transport: Transport, id: string, onClosed: (connection: Connection) => void) {
    const { limits } = broker
    this.#broker = broker
    this.#transport = transport
    this.#onClosed = onClosed
    this.output = new ClientOutput(broker, transport)
    this.dialectConnection = new DialectView(this, id)
    this.#reader = new PacketReader(this, {
      receiver: 'server',
      maxPacketBytes: limits.connectBytes,
      maxUserProperties: limits.userProperties,
      maxClientIdCharacters: MAX_CLIENT_ID,
      topics: broker.topics,
    })
    this.#deadline = broker.now() + limits.connectTimeout * 1000
    transport.start(this)
  }

  get version(): 3 | 4 | 5 {
    return this.output.version
  }

  /** There from CONNACK on. */
  get session(): Session {
    return this.#session as Session
  }

  get principal(): Principal {
    return this.session.principal
  }

  get link(): Link {
    return this
  }

  get waiting(): number {
    return this.output.waiting
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  // What the transport tells.

  received(chunk: Uint8Array): void {
    this.#wasHeard = true
    this.#broker.counters.bytesReceived += chunk.length
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.#fail(error)
    }
    this.#broker.flusher.read()
  }

  drained(): void {
    if (this.#phase !== 'open') return
    this.#replays?.continue()
    this.#broker.delivery.drain(this.session)
  }

  closed(): void {
    this.#end(this.#will)
  }

  // What the reader tells.

  publish(packet: IncomingPublish): void {
    this.#broker.counters.packetsReceived++
    this.#publishing ??= new Publishing(this.#broker, this)
    this.#publishing.receive(packet)
  }

  packet(packet: ControlPacket): void {
    this.#broker.counters.packetsReceived++
    switch (packet.type) {
      case 'connect':
        return this.#connect(packet)
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        this.#acknowledging ??= new Acknowledging(this.#broker, this)
        return this.#acknowledging.receive(packet)
      case 'subscribe':
        return subscribe(this.#broker, this, packet)
      case 'unsubscribe':
        return unsubscribe(this.#broker, this, packet)
      case 'pingreq':
        return this.output.send({ type: 'pingresp' })
      case 'disconnect':
        return this.#disconnect(packet)
      default:
        // AUTH: no method was agreed on ([MQTT-4.12.0-6]); the rest is refused by the reader.
        return this.close(REASON.protocolError, `${packet.type} at a time at which it means nothing`)
    }
  }

  // What the session asks for.

  deliver(message: Passing, terms: DeliveryTerms, packetId: number, dup: boolean, many: boolean): boolean {
    return this.output.deliver(message, terms, packetId, dup, many)
  }

  release(packetId: number): void {
    this.output.acknowledge('pubrel', packetId)
  }

  replay(messages: readonly Publication[], send: (message: Publication) => void): void {
    this.#replays ??= new Replays(() => this.waiting <= this.#broker.limits.outputBytes / 2)
    this.#replays.add(messages, send)
  }

  takenOver(): void {
    this.close(REASON.sessionTakenOver, 'another connection has taken its session over')
  }

  // Answers.

  acknowledge(qos: 1 | 2, packetId: number, reason: ReasonCode): void {
    const type = qos === 1 ? 'puback' : 'pubrec'
    if (reason === REASON.success || this.version !== 5) this.output.acknowledge(type, packetId)
    else this.output.send({ type, packetId, reasonCode: reason })
  }

  suback(packetId: number, reasonCodes: readonly ReasonCode[]): void {
    this.output.send({ type: 'suback', packetId, reasonCodes })
  }

  unsuback(packetId: number, reasonCodes: readonly ReasonCode[]): void {
    this.output.send({ type: 'unsuback', packetId, reasonCodes: this.version === 5 ? reasonCodes : [] })
  }

  /** A dialect takes away what it gave. */
  dropSubscription(filter: string): void {
    dropSubscription(this.#broker, this, filter)
  }

  /** The server ends it. 5.0 is told why ([MQTT-4.13.1-1], [MQTT-4.13.2-1]); its will is published. */
  close(reason: ReasonCode, why: string): void {
    if (this.#phase === 'closed') return
    const { clientId } = this.#session ?? {}
    this.#broker.logger.debug({ clientId, address: this.#transport.peer.address, reason }, `mqtt: closed: ${why}`)
    if (this.#phase === 'open' && this.version === 5) this.output.send({ type: 'disconnect', reasonCode: reason })
    this.#finish(this.#will)
  }

  /** Once a second. */
  sweep(now: number): void {
    const { limits } = this.#broker
    if (this.#wasHeard && this.#patience > 0) this.#deadline = now + this.#patience
    this.#wasHeard = false
    if (this.#deadline <= now && this.#phase !== 'authenticating') return this.#late()
    const { taken } = this.output
    if (this.waiting === 0 || taken !== this.#takenBefore) this.#stuckSince = now
    this.#takenBefore = taken
    if (now - this.#stuckSince >= limits.stuckTimeout * 1000) {
      this.#broker.logger.debug(
        { clientId: this.#session?.clientId },
        'mqtt: closed: it takes nothing of what it is owed',
      )
      this.#transport.destroy()
    }
  }

  #late(): void {
    if (this.#phase === 'open') {
      // [MQTT-3.1.2-22]: one and a half times its keep-alive.
      return this.close(REASON.keepAliveTimeout, 'nothing came for one and a half times its keep-alive')
    }
    this.#transport.destroy()
  }

  #connect(connect: Connect): void {
    this.output.version = connect.version
    const objection = objectionTo(connect)
    if (objection) return this.#refuse(objection.reason, objection.why)
    const verdict = this.#broker.authenticate(loginOf(connect, this.#transport))
    if (!(verdict instanceof Promise)) return this.#judge(connect, verdict)
    this.#phase = 'authenticating'
    this.#reader.pause()
    this.#transport.pause()
    void verdict.then((known) => {
      if (this.#phase !== 'authenticating') return
      this.#judge(connect, known)
      if (this.#phase !== ('open' as string)) return
      this.#transport.resume()
      try {
        this.#reader.resume()
      } catch (error) {
        this.#fail(error)
      }
      this.#broker.flusher.read()
    })
  }

  #judge(connect: Connect, verdict: Verdict): void {
    if (!verdict.accepted) return this.#refuse(verdict.reason, verdict.why)
    const broker = this.#broker
    const { principal } = verdict
    const opened = openSession(broker, connect, principal)
    if ('reason' in opened) return this.#refuse(opened.reason, opened.why)
    const { session, isPresent, keepAlive, properties } = opened
    this.#phase = 'open'
    this.#session = session
    session.link = this
    this.#will = willOf(connect.will, broker.now())
    this.#reader.maxPacketBytes = principal.packetBytes ?? broker.limits.packetBytes
    this.output.maxPacketBytes = connect.properties?.maximumPacketSize ?? Infinity
    this.output.maxAliases = Math.min(connect.properties?.topicAliasMaximum ?? 0, broker.limits.topicAliases)
    this.#patience = keepAlive * 1500
    this.#deadline = keepAlive === 0 ? Infinity : broker.now() + this.#patience
    broker.counters.connected()
    // [MQTT-3.2.0-1]: the first packet that a server sends.
    this.output.send({ type: 'connack', sessionPresent: isPresent, reasonCode: REASON.success, properties })
    principal.dialect.connected?.(this.dialectConnection)
    if (isPresent) broker.delivery.resume(session, this)
    else broker.delivery.drain(session)
  }

  /** [MQTT-3.2.2-4], [MQTT-3.2.2-7]: CONNACK says why, then the connection ends. */
  #refuse(reason: ReasonCode, why: string): void {
    const { address } = this.#transport.peer
    this.#broker.logger.debug({ address, reason }, `mqtt: a connection was refused: ${why}`)
    const reasonCode = this.version === 5 ? reason : connectReturnCode(reason)
    if (reasonCode !== undefined) this.output.send({ type: 'connack', sessionPresent: false, reasonCode })
    this.#finish(undefined)
  }

  #disconnect({ reasonCode, properties }: Disconnect): void {
    const { session } = this
    const expiry = properties?.sessionExpiryInterval
    if (expiry !== undefined) {
      // [MQTT-3.14.2-2]: a session that ends with its connection cannot be made to last now.
      if (session.expiry === 0 && expiry !== 0) {
        return this.close(REASON.protocolError, 'its session was to end with the connection and shall last now')
      }
      session.expiry = Math.min(expiry, this.#broker.limits.sessionExpiry)
    }
    // [MQTT-3.14.4-3]: a normal end takes the will back.
    this.#finish(reasonCode === REASON.disconnectWithWill ? this.#will : undefined)
  }

  #fail(error: unknown): void {
    if (!(error instanceof MqttProtocolError)) {
      this.#broker.logger.error({ err: error }, `mqtt: a packet could not be served: ${describeError(error)}`)
      return this.close(REASON.unspecifiedError, 'the hub has failed')
    }
    if (this.#phase === 'open') return this.close(error.reasonCode, error.message)
    if (this.#phase === 'waiting' && this.#reader.version !== undefined) {
      this.output.version = this.#reader.version
      return this.#refuse(error.reasonCode, error.message)
    }
    this.#broker.logger.debug({ address: this.#transport.peer.address }, `mqtt: closed: ${error.message}`)
    this.#transport.destroy()
    this.#end(undefined)
  }

  /** What was written goes out, nothing more comes in. */
  #finish(will: WillMessage | undefined): void {
    this.output.flush()
    this.#transport.end()
    this.#end(will)
  }

  /** Once. */
  #end(will: WillMessage | undefined): void {
    if (this.#phase === 'closed') return
    const wasOpen = this.#phase === 'open'
    this.#phase = 'closed'
    this.#reader.stop()
    this.output.close()
    this.#replays = undefined
    if (wasOpen) this.#leave(will)
    this.#onClosed(this)
  }

  #leave(will: WillMessage | undefined): void {
    const broker = this.#broker
    const { session } = this
    broker.counters.connections--
    session.principal.dialect.disconnected?.(this.dialectConnection)
    session.link = undefined
    if (will) broker.wills.left(will, session, broker.now())
    if (!session.lasts) return broker.end(session)
    session.endsAt = broker.now() + session.expiry * 1000
    broker.delivery.handOn(session)
  }
}
