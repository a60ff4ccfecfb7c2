/**
 * What goes out: the outbox's deliverer. The outbox owns what is owed, also what is in flight; here lives only what one
 * connection must know of it. When the connection ends, all of it goes back, and comes again with the next.
 *
 * ```
 * outbox ── deliver ──▶ waiting ── window ──▶ in flight ── PUBACK, PUBCOMP ──▶ delivered
 *    ▲                     └────────┬───────────┘    └──── reason ≥ 0x80 ────▶ refused
 *    └───────── retry: connection lost
 * ```
 */
import type { DeliverOptions, Delivery, OutboxMessage } from '@halyard/core'
import { OutgoingAliases, OutgoingFlow, REASON, sizeOfPublishParts } from '@halyard/wire/mqtt'
import type { Acknowledgement, Connack, PublishParts } from '@halyard/wire/mqtt'
import type { Connection } from './connection.ts'
import { PublishWriter } from './publish-call.ts'
import type { KeptPublish } from './publish-call.ts'
import { explainReason } from './refusals.ts'

/** Packet identifiers of messages; those above belong to SUBSCRIBE and UNSUBSCRIBE. */
export const PUBLISH_IDS = 61_440

/** QoS 2: PUBREC was seen, PUBREL is owed. What the outbox keeps, so that a crash does not publish it again. */
const RELEASED = 1

/** bytes that may wait in this process before a message of QoS 0 goes through the outbox, whose limits bound them */
const MAX_WAITING = 1024 * 1024

const DELIVERED: Delivery = { outcome: 'delivered' }
const CUT: Delivery = { outcome: 'retry', reason: 'the connection ended before all was written' }

interface Entry {
  readonly message: OutboxMessage
  readonly call: KeptPublish
  readonly advance: (stage: number) => Promise<void>
  readonly resolve: (delivery: Delivery) => void
}

/** One connection's share. */
interface Line {
  readonly connection: Connection
  readonly flow: OutgoingFlow<Entry>
  readonly writer: PublishWriter
  readonly sessionPresent: boolean
  readonly maximumPacketSize: number
  readonly maximumQos: 0 | 1 | 2
  readonly retainAvailable: boolean
}

export class Publications {
  #line: Line | undefined
  /** Behind a window that is full, in order; those before `#next` have gone. */
  #waiting: Entry[] = []
  #next = 0
  readonly #window: number
  #onQuiet: (() => void) | undefined
  sent = 0
  /** The topic under which the server of this moment takes a message, where it has a shorter name for it. */
  topicOf: (call: KeptPublish) => string = ({ topic }) => topic

  constructor(window: number) {
    this.#window = window
  }

  /** QoS 1 and 2 that wait for an acknowledgement. */
  get inFlight(): number {
    return this.#line?.flow.size ?? 0
  }

  up(connection: Connection, { sessionPresent, properties = {} }: Connack, aliasLimit: number): void {
    const flow = new OutgoingFlow<Entry>()
    flow.begin(Math.min(this.#window, properties.receiveMaximum ?? Infinity))
    this.#line = {
      connection,
      flow,
      writer: new PublishWriter(connection.version, new OutgoingAliases(properties.topicAliasMaximum ?? 0, aliasLimit)),
      sessionPresent,
      maximumPacketSize: properties.maximumPacketSize ?? Infinity,
      maximumQos: properties.maximumQos ?? 2,
      retainAvailable: properties.retainAvailable ?? true,
    }
  }

  /** The connection is gone: everything goes back to the outbox, which keeps its order. */
  down(reason: string): void {
    const line = this.#line
    if (line === undefined) return
    this.#line = undefined
    const retry: Delivery = { outcome: 'retry', reason }
    for (const { message } of line.flow.entries()) message.resolve(retry)
    for (const entry of this.#waiting.slice(this.#next)) entry.resolve(retry)
    this.#waiting = []
    this.#next = 0
    this.#tellQuiet()
  }

  /** The outbox's turn. */
  deliver(message: OutboxMessage, { advance }: DeliverOptions): Promise<Delivery> {
    return new Promise((resolve) => {
      const entry = { message, call: message.options as unknown as KeptPublish, advance, resolve }
      if (this.#line === undefined) return resolve({ outcome: 'retry', reason: 'not connected' })
      if (this.#next < this.#waiting.length || !this.#send(this.#line, entry)) this.#waiting.push(entry)
    })
  }

  /** A message of QoS 0 that need not go through the outbox, with a connection that takes it. False: it must. */
  sendDirectly(call: KeptPublish, payload: Uint8Array, written: (ok: boolean) => void): boolean {
    const line = this.#line
    if (line === undefined || this.#next < this.#waiting.length) return false
    const { outlet } = line.connection
    if (outlet.waiting > MAX_WAITING || this.#refusal(line, call) !== undefined) return false
    const parts = line.writer.parts(call, this.topicOf(call), payload, true)
    if (sizeOfPublishParts(parts, 0) > line.maximumPacketSize) return false
    outlet.publish(parts, 0, call.retain ?? false, false, 0)
    this.sent++
    outlet.whenWritten(written)
    return true
  }

  /** The server said in words of its own that it did not take a message in flight; its PUBACK still follows. */
  refuse(packetId: number, explain: (topic: string) => string): boolean {
    const entry = this.#line?.flow.get(packetId)?.message
    entry?.resolve({ outcome: 'refused', reason: explain(entry.call.topic) })
    return entry !== undefined
  }

  /** Resolves when nothing is on the wire. */
  quiet(): Promise<void> {
    return new Promise((resolve) => {
      this.#onQuiet = resolve
      this.#tellQuiet()
    })
  }

  acknowledged(packet: Acknowledgement): void {
    const line = this.#line
    if (line === undefined) return
    const { packetId } = packet
    if (packet.type === 'puback') this.#settle(line.flow.puback(packetId)?.message, packet)
    else if (packet.type === 'pubrec') this.#received(line, packet)
    else this.#settle(line.flow.pubcomp(packetId)?.message, undefined)
    this.#more(line)
    this.#tellQuiet()
  }

  #tellQuiet(): void {
    if (this.#line === undefined || (this.#line.flow.size === 0 && this.#waiting.length === 0)) this.#onQuiet?.()
  }

  /** [MQTT-4.3.3-4]: PUBREL follows PUBREC, here when it is kept that PUBREC was seen. */
  #received(line: Line, packet: Acknowledgement): void {
    const { packetId, reasonCode } = packet
    const entry = line.flow.get(packetId)?.message
    switch (line.flow.pubrec(packetId, reasonCode)) {
      case 'refused':
        return this.#settle(entry, packet)
      case 'unknown': {
        // [MQTT-4.3.3-5]; before 5.0 there is no word for it.
        const code = line.connection.version === 5 ? REASON.packetIdentifierNotFound : REASON.success
        return line.connection.send({ type: 'pubrel', packetId, reasonCode: code })
      }
      case 'release':
      default:
        void this.#release(line, packetId, entry)
    }
  }

  async #release(line: Line, packetId: number, entry: Entry | undefined): Promise<void> {
    try {
      await entry?.advance(RELEASED)
    } catch (error) {
      // The disk does not take it: the message stays as it was, and goes out again with the next connection.
      return entry?.resolve({ outcome: 'retry', reason: `PUBREC could not be kept: ${(error as Error).message}` })
    }
    if (this.#line === line) line.connection.send({ type: 'pubrel', packetId, reasonCode: REASON.success })
  }

  #settle(entry: Entry | undefined, packet: Acknowledgement | undefined): void {
    if (entry === undefined) return
    if (packet === undefined || packet.reasonCode < 0x80) return entry.resolve(DELIVERED)
    entry.resolve({ outcome: 'refused', reason: explainReason(packet.reasonCode, packet.properties?.reasonString) })
  }

  /** What waits goes, as far as the window lets it. */
  #more(line: Line): void {
    while (this.#next < this.#waiting.length) {
      if (!this.#send(line, this.#waiting[this.#next]!)) break
      this.#next++
    }
    if (this.#next < this.#waiting.length) {
      if (this.#next >= this.#window) this.#waiting.splice(0, this.#next)
      else return
    } else this.#waiting = []
    this.#next = 0
  }

  /** False: the window is full. */
  #send(line: Line, entry: Entry): boolean {
    const { connection, flow, writer } = line
    const { message, call, resolve } = entry
    if (message.stage === RELEASED) return this.#sendRelease(line, entry)
    const { qos } = call
    const packetId = qos === 0 ? 0 : packetIdOf(message.order)
    if (qos > 0 && (!flow.ready || flow.has(packetId))) return false
    const refusal = this.#refusal(line, call)
    if (refusal !== undefined) {
      resolve({ outcome: 'refused', reason: explainReason(refusal) })
      return true
    }
    const isTooLarge = (parts: PublishParts): boolean => sizeOfPublishParts(parts, qos) > line.maximumPacketSize
    if (line.maximumPacketSize < Infinity && isTooLarge(writer.parts(call, call.topic, message.body, false))) {
      const limit = `the server takes packets of at most ${line.maximumPacketSize} bytes`
      resolve({ outcome: 'refused', reason: explainReason(REASON.packetTooLarge, limit) })
      return true
    }
    const parts = writer.parts(call, this.topicOf(call), message.body, true)
    this.sent++
    if (qos === 0) {
      connection.outlet.publish(parts, 0, call.retain ?? false, false, 0)
      connection.outlet.whenWritten((ok) => resolve(ok ? DELIVERED : CUT))
      return true
    }
    // [MQTT-3.3.1-1]: it may have been sent in this session before.
    const dup = line.sessionPresent && (message.attempts > 0 || message.earlier)
    flow.send(packetId, qos, entry)
    connection.outlet.publish(parts, qos, call.retain ?? false, dup, packetId)
    return true
  }

  /** The message arrived in an earlier connection: only the end of its handshake is owed, if the server knows of it. */
  #sendRelease({ connection, flow, sessionPresent }: Line, entry: Entry): boolean {
    const packetId = packetIdOf(entry.message.order)
    if (!sessionPresent) {
      entry.resolve(DELIVERED)
      return true
    }
    if (!flow.ready || flow.has(packetId)) return false
    flow.restore({ packetId, qos: 2, message: entry, released: true })
    connection.send({ type: 'pubrel', packetId, reasonCode: REASON.success })
    return true
  }

  /** Why the server would not take it: what CONNACK said [MQTT-3.2.2-11], [MQTT-3.2.2-14]. */
  #refusal({ maximumQos, retainAvailable }: Line, { qos, retain }: KeptPublish): number | undefined {
    if (qos > maximumQos) return REASON.qosNotSupported
    return retain === true && !retainAvailable ? REASON.retainNotSupported : undefined
  }
}

/** The same at every attempt and in every process, so that it needs no writing. */
function packetIdOf(order: number): number {
  return 1 + (order % PUBLISH_IDS)
}
