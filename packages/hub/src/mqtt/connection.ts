import { MqttProtocolError, PacketReader, REASON, connectReturnCode } from '@halyard/wire/mqtt'
import type {
  Auth,
  Connect,
  ConnackProperties,
  ControlPacket,
  Disconnect,
  IncomingPublish,
  PacketHandler,
} from '@halyard/wire/mqtt'
import { describeError } from '@halyard/core'
import type { Transport, TransportHandler } from '../domain/transport.ts'
import { Acknowledging } from './acknowledging.ts'
import type { Broker } from './broker.ts'
import { ClientOutput } from './client-output.ts'
import { openSession, willOf } from './connecting.ts'
import type { DialectConnection, Principal, ReasonCode } from './dialect.ts'
import { DialectView } from './dialect-view.ts'
import { Entering } from './entering.ts'
import type { EnteringClient } from './entering.ts'
import { leave } from './leaving.ts'
import type { DeliveryTerms, Link } from './link.ts'
import type { OutputOwner } from './output.ts'
import { Pace } from './pace.ts'
import type { Paced } from './pace.ts'
import type { Passing } from './passing.ts'
import { Openings } from './openings.ts'
import type { OpeningClient } from './openings.ts'
import { Publishing } from './publishing.ts'
import type { Session } from './session.ts'
import { recheck, subscribe, unsubscribe } from './subscribing.ts'
import type { WillMessage } from './wills.ts'

/** Who has accepted it. */
export interface ConnectionOwner {
  /** Once. */
  closed(connection: Connection): void
}

type Roles = TransportHandler & PacketHandler & Link & EnteringClient & OpeningClient & OutputOwner & Paced

/**
 * One connection, from its first byte to its last.
 *
 * ```
 * waiting ──CONNECT──▶ authenticating ──granted──▶ open ──DISCONNECT, end, error──▶ closed
 *    └──5 s, rubbish──────────┴──refused: CONNACK──────────────────────────────────▲
 * ```
 */
export class Connection implements Roles {
  readonly output: ClientOutput
  readonly transport: Transport
  readonly #broker: Broker
  readonly #reader: PacketReader
  readonly #owner: ConnectionOwner
  /** Of those that its owner has accepted. */
  readonly #number: number
  #phase: 'waiting' | 'authenticating' | 'open' | 'closed' = 'waiting'
  #entering: Entering | undefined
  #session: Session | undefined
  #isBridge = false
  #will: WillMessage | undefined
  #publishing: Publishing | undefined
  #acknowledging: Acknowledging | undefined
  #openings: Openings | undefined
  #dialectConnection: DialectConnection | undefined
  /** Monotonic ms at which it is closed; Infinity. Moved by {@link sweep} if anything came. */
  #deadline: number
  /** Milliseconds without a packet; 0: for ever. */
  #patience = 0
  #wasHeard = false
  readonly #pace: Pace

  constructor(broker: Broker, transport: Transport, number: number, owner: ConnectionOwner) {
    const { limits } = broker
    this.#broker = broker
    this.transport = transport
    this.#number = number
    this.#owner = owner
    this.output = new ClientOutput(broker, transport, this)
    this.#pace = new Pace(this, limits)
    this.#reader = new PacketReader(this, broker.reading)
    this.#deadline = broker.now() + limits.connectTimeout * 1000
    transport.start(this)
  }

  get version(): 3 | 4 | 5 {
    return this.output.version
  }

  get isBridge(): boolean {
    return this.#isBridge
  }

  /** There from CONNACK on. */
  get session(): Session {
    return this.#session as Session
  }

  get principal(): Principal {
    return this.session.principal
  }

  /** Made for those who ask for it: most dialects never do. */
  get dialectConnection(): DialectConnection {
    return (this.#dialectConnection ??= new DialectView(this.#broker, this, this.#number.toString(36)))
  }

  get openings(): Openings {
    return (this.#openings ??= new Openings(this.#broker, this))
  }

  get unanswered(): number {
    return this.#openings?.unanswered ?? 0
  }

  get waiting(): number {
    return this.output.waiting
  }

  /** A session that lasts adds to what waits for the disk with nearly everything that it sends. */
  get isBusy(): boolean {
    const isBehind = this.#session !== undefined && this.#session.number !== 0 && this.#broker.keeper.isBehind
    return isBehind || this.#publishing?.isTooMuch === true
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
      this.failed(error)
    }
    this.#broker.flusher.read()
    if (this.#phase === 'open') this.#pace.hold()
  }

  drained(): void {
    if (this.#phase !== 'open') return
    this.#pace.readOn()
    this.output.flush()
    this.goOn()
  }

  /** There is room, or may be: what waits for it goes out. */
  goOn(): void {
    if (this.#phase !== 'open') return
    this.#broker.delivery.drain(this.session)
    this.#openings?.continue()
  }

  closed(): void {
    this.#end(this.#will)
  }

  // What the reader tells.

  publish(packet: IncomingPublish): void {
    if (this.#phase !== 'open') return this.#outOfTurn('publish')
    this.#broker.counters.packetsReceived++
    this.#publishing ??= new Publishing(this.#broker, this)
    this.#publishing.receive(packet)
  }

  packet(packet: ControlPacket): void {
    this.#broker.counters.packetsReceived++
    // Between CONNECT and CONNACK: AUTH and DISCONNECT alone ([MQTT-4.12.0-7] asks a client to wait).
    if (this.#phase === 'authenticating' && packet.type !== 'auth' && packet.type !== 'disconnect') {
      return this.#outOfTurn(packet.type)
    }
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
        this.output.send({ type: 'pingresp' })
        return
      case 'disconnect':
        return this.#disconnect(packet)
      case 'auth':
        return void (this.#entering?.receiveAuth(packet) || this.#outOfTurn('auth'))
      default:
        return this.#outOfTurn(packet.type)
    }
  }

  // What the session asks for.

  deliver(message: Passing, terms: DeliveryTerms, packetId: number, dup: boolean, many: boolean): boolean {
    return this.output.deliver(message, terms, packetId, dup, many)
  }

  release(packetId: number): void {
    this.output.acknowledge('pubrel', packetId)
  }

  unkept(): void {
    this.close(REASON.quotaExceeded, 'an acknowledgement could not be stored')
  }

  takenOver(): void {
    this.close(REASON.sessionTakenOver, 'another connection has taken its session over')
  }

  // What its authentication comes to.

  send(auth: Auth): void {
    this.output.send(auth)
  }

  wait(): void {
    this.#reader.pause()
    this.transport.pause()
  }

  readAgain(waited: number): void {
    if (this.#phase === 'closed') return
    if (this.#phase === 'authenticating') this.#deadline += waited
    this.transport.resume()
    try {
      this.#reader.resume()
    } catch (error) {
      this.failed(error)
    }
    this.#broker.flusher.read()
  }

  enter(connect: Connect, principal: Principal, more: ConnackProperties): void {
    const broker = this.#broker
    const opened = openSession(broker, connect, principal)
    if ('reason' in opened) return this.#refuse(opened.reason, opened.why)
    const { session, isPresent, keepAlive } = opened
    const properties = { ...opened.properties, ...more }
    this.#phase = 'open'
    // Who came in by a password is not asked again.
    if (connect.properties?.authenticationMethod === undefined) this.#entering = undefined
    this.#session = session
    this.#isBridge = connect.bridge === true
    session.link = this
    this.#will = willOf(connect.will, principal)
    if (this.#will) broker.keeper.willMade(session, this.#will)
    this.#reader.maxPacketBytes = principal.packetBytes ?? broker.limits.packetBytes
    this.#reader.anyTopic = principal.ownTopics === true
    this.output.adapt(connect.properties)
    this.#patience = keepAlive * 1500 || (principal.silence ?? 0) * 1000
    this.#deadline = this.#patience === 0 ? Infinity : broker.now() + this.#patience
    broker.counters.connected()
    // [MQTT-3.2.0-1]: the first packet that a server sends.
    if (!this.output.send({ type: 'connack', sessionPresent: isPresent, reasonCode: REASON.success, properties })) {
      return this.#finish(undefined)
    }
    const ended = isPresent ? recheck(broker, session) : []
    principal.dialect.connected?.(this.dialectConnection)
    for (const name of ended) this.subscriptionEnded(name)
    if (isPresent) broker.delivery.resume(session, this)
  }

  turnAway(reason: ReasonCode, why: string): void {
    if (this.#phase === 'open') this.close(reason, why)
    else if (this.#phase === 'authenticating') this.#refuse(reason, why)
  }

  // Answers.

  acknowledge(qos: 1 | 2, packetId: number, reason: ReasonCode): void {
    this.output.acknowledge(qos === 1 ? 'puback' : 'pubrec', packetId, reason)
    this.#pace.look()
  }

  subscriptionEnded(name: string): void {
    const { dialect } = this.principal
    this.#broker.guard('the end of a subscription', () => dialect.ended?.(this.dialectConnection, name))
  }

  /** The server ends it. 5.0 is told why ([MQTT-4.13.1-1], [MQTT-4.13.2-1]); its will is published. */
  close(reason: ReasonCode, why: string): void {
    if (this.#phase === 'closed') return
    const { clientId } = this.#session ?? {}
    this.#broker.logger.debug({ clientId, address: this.transport.peer.address, reason }, `mqtt: closed: ${why}`)
    if (this.#phase === 'open' && this.version === 5) this.output.send({ type: 'disconnect', reasonCode: reason })
    this.#finish(this.#will)
  }

  /** Once a second. */
  sweep(now: number): void {
    const isStuck = this.#pace.isStuck()
    if ((this.#wasHeard || this.#pace.isHeld) && this.#patience > 0) this.#deadline = now + this.#patience
    this.#wasHeard = false
    this.#entering?.sweep(now)
    if (this.#openings?.isOver === true) this.#openings = undefined
    if (this.#phase === 'closed') return
    if (this.#deadline <= now && this.#entering?.isWaiting !== true) {
      if (this.#phase !== 'open') return this.transport.destroy()
      // [MQTT-3.1.2-22]
      return this.close(REASON.keepAliveTimeout, 'nothing came for one and a half times its keep-alive')
    }
    if (!isStuck) return
    const { clientId } = this.#session ?? {}
    this.#broker.logger.debug({ clientId }, 'mqtt: closed: it takes nothing of what it is owed')
    this.transport.destroy()
  }

  #connect(connect: Connect): void {
    this.output.version = connect.version
    this.#phase = 'authenticating'
    this.#entering = new Entering(this.#broker, this.transport, this)
    this.#entering.receive(connect)
  }

  /** [MQTT-3.2.2-4], [MQTT-3.2.2-7]: CONNACK says why, then the connection ends. */
  #refuse(reason: ReasonCode, why: string): void {
    const { address } = this.transport.peer
    this.#broker.logger.debug({ address, reason }, `mqtt: a connection was refused: ${why}`)
    const reasonCode = this.version === 5 ? reason : connectReturnCode(reason)
    if (reasonCode !== undefined) this.output.send({ type: 'connack', sessionPresent: false, reasonCode })
    this.#finish(undefined)
  }

  #outOfTurn(type: string): void {
    const why = `${type} at a time at which it means nothing`
    if (this.#phase === 'open') this.close(REASON.protocolError, why)
    else this.#refuse(REASON.protocolError, why)
  }

  #disconnect({ reasonCode, properties }: Disconnect): void {
    if (this.#phase !== 'open') return this.#finish(undefined)
    const { session } = this
    const expiry = properties?.sessionExpiryInterval
    if (expiry !== undefined && session.principal.mayPersist) {
      // [MQTT-3.14.2-2]: a session that ends with its connection cannot be made to last now.
      if (session.expiry === 0 && expiry !== 0) {
        return this.close(REASON.protocolError, 'its session was to end with the connection and shall last now')
      }
      session.expiry = Math.min(expiry, this.#broker.limits.sessionExpiry)
    }
    // [MQTT-3.14.4-3]: a normal end takes the will back, an error of which the client tells does not ([MQTT-3.1.2-8]).
    this.#finish(reasonCode === REASON.success ? undefined : this.#will)
  }

  failed(error: unknown): void {
    if (!(error instanceof MqttProtocolError)) {
      this.#broker.logger.error({ err: error }, `mqtt: a packet could not be served: ${describeError(error)}`)
      if (this.#phase === 'open' || this.#phase === 'closed') {
        return this.close(REASON.unspecifiedError, 'the hub has failed')
      }
      return this.#refuse(REASON.serverUnavailable, 'the hub has failed')
    }
    if (this.#phase === 'closed') return
    if (this.#phase === 'open') return this.close(error.reasonCode, error.message)
    if (this.#phase === 'waiting') {
      const { version } = this.#reader
      if (version !== undefined) this.output.version = version
      // [MQTT-3.1.2-2] of 3.1.1: a version that is not known is told in its CONNACK, which all versions can read.
      if (version !== undefined || error.reasonCode === REASON.unsupportedProtocolVersion) {
        return this.#refuse(error.reasonCode, error.message)
      }
    }
    this.#broker.logger.debug({ address: this.transport.peer.address }, `mqtt: closed: ${error.message}`)
    this.transport.destroy()
    this.#end(undefined)
  }

  /** What was written goes out, nothing more comes in. */
  #finish(will: WillMessage | undefined): void {
    if (this.#phase === 'closed') return
    this.output.finish()
    this.transport.end()
    this.#end(will)
  }

  /** Once. */
  #end(will: WillMessage | undefined): void {
    if (this.#phase === 'closed') return
    const wasOpen = this.#phase === 'open'
    this.#phase = 'closed'
    this.#entering?.end()
    this.#reader.stop()
    this.output.close()
    if (wasOpen) leave(this.#broker, this, { will, kept: this.#will, openings: this.#openings })
    this.#openings = undefined
    this.#owner.closed(this)
  }
}
