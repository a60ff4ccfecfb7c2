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
import { describeError } from '@halyard/core'
import type { Deliver, DeliverOptions, Delivery, OutboxMessage } from '@halyard/core'
import { OutgoingAliases, OutgoingFlow, REASON } from '@halyard/wire/mqtt'
import type { Acknowledgement, Connack } from '@halyard/wire/mqtt'
import type { Connection } from './connection.ts'
import type { Written } from './outlet.ts'
import type { Settings } from './options.ts'
import { KIND } from './publish-call.ts'
import type { KeptPublish } from './publish-call.ts'
import { PublishWriter } from './publish-writer.ts'
import { explainReason } from './refusals.ts'
import { StaleIds } from './stale-ids.ts'

/** Packet identifiers of messages; those above belong to SUBSCRIBE and UNSUBSCRIBE. */
export const PUBLISH_IDS = 61_440

/** QoS 2: PUBREC was seen, PUBREL is owed. What the outbox keeps, so that a crash does not publish it again. */
const RELEASED = 1

/** bytes that may wait in this process before a message of QoS 0 goes through the outbox, whose limits bound them */
const MAX_WAITING = 1024 * 1024

/** No packet is longer, whatever the server takes; bytes. 5.0 §2.1.4 */
const LONGEST = 268_435_460

/** Packet identifiers whose old exchange is ended in one round trip. */
const FREED_AT_ONCE = 256

const DELIVERED: Delivery = { outcome: 'delivered' }
const CUT: Delivery = { outcome: 'retry', reason: 'the connection ended before all was written' }

const NO_BODY = new Uint8Array(0)
const GONE: OutboxMessage = {
  ...{ id: '', kind: '', body: NO_BODY, options: {}, attempts: 0, order: 0, earlier: false, stage: 0 },
}
const OVER: DeliverOptions = { advance: () => Promise.resolve(), answer() {} }

/** A message that the outbox has handed out, and where its answer goes. */
class Entry implements Written {
  message: OutboxMessage
  options: DeliverOptions

  constructor(message: OutboxMessage, options: DeliverOptions) {
    this.message = message
    this.options = options
  }

  get call(): KeptPublish {
    return this.message.options as unknown as KeptPublish
  }

  resolve(delivery: Delivery): void {
    this.options.answer(delivery)
  }

  /** It has left the flow, whose map may point to it for a while yet: it lets go of what it held. */
  settle(delivery: Delivery): void {
    const { options } = this
    this.message = GONE
    this.options = OVER
    options.answer(delivery)
  }

  /** With QoS 0 nobody says more than that. */
  written(ok: boolean): void {
    this.resolve(ok ? DELIVERED : CUT)
  }
}

/** One connection's share. In flight without an entry: an identifier whose old exchange is being ended. */
interface Line {
  readonly connection: Connection
  readonly flow: OutgoingFlow<Entry | undefined>
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
  readonly #oldQos2Window: number
  /** Told whenever {@link isOwed} may have changed. */
  readonly #onOwed: () => void
  readonly #stale: StaleIds = new StaleIds()
  #onQuiet: (() => void) | undefined
  sent = 0
  /** The topic under which the server of this moment takes a message, where it has a shorter name for it. */
  topicOf: (call: KeptPublish) => string = ({ topic }) => topic

  constructor({ window, oldQos2Window }: Pick<Settings, 'window' | 'oldQos2Window'>, onOwed: () => void) {
    this.#window = window
    this.#oldQos2Window = oldQos2Window
    this.#onOwed = onOwed
  }

  /** The server owes an answer. */
  get isOwed(): boolean {
    return this.inFlight > 0
  }

  /** QoS 1 and 2 that wait for an acknowledgement. */
  get inFlight(): number {
    return this.#line?.flow.size ?? 0
  }

  up(connection: Connection, { sessionPresent, properties = {} }: Connack, aliasLimit: number): void {
    const flow = new OutgoingFlow<Entry | undefined>()
    this.#stale.up(sessionPresent)
    flow.begin(Math.min(this.#window, properties.receiveMaximum ?? Infinity))
    this.#line = {
      connection,
      flow,
      writer: new PublishWriter(connection.version, new OutgoingAliases(properties.topicAliasMaximum ?? 0, aliasLimit)),
      sessionPresent,
      maximumPacketSize: Math.min(properties.maximumPacketSize ?? LONGEST, LONGEST),
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
    for (const { message, qos, packetId } of line.flow.entries()) {
      if (qos === 2 && message !== undefined) this.#stale.left(packetId, message.message.id)
      message?.resolve(retry)
    }
    for (const entry of this.#waiting.slice(this.#next)) entry.resolve(retry)
    this.#waiting = []
    this.#next = 0
    this.#tellQuiet()
  }

  /** The outbox's turn. */
  deliver(message: OutboxMessage, options: DeliverOptions): ReturnType<Deliver> {
    const line = this.#line
    if (message.kind !== KIND) {
      return Promise.resolve<Delivery>({ outcome: 'refused', reason: `no MQTT client sends ${message.kind}` })
    }
    if (line === undefined) return Promise.resolve<Delivery>({ outcome: 'retry', reason: 'not connected' })
    const entry = new Entry(message, options)
    if (this.#next < this.#waiting.length || !this.#send(line, entry)) this.#waiting.push(entry)
    this.#onOwed()
    return 'later'
  }

  /** A message of QoS 0 that need not go through the outbox, with a connection that takes it. False: it must. */
  sendDirectly(call: KeptPublish, payload: Uint8Array, waiter: Written): boolean {
    const line = this.#line
    if (line === undefined || this.#next < this.#waiting.length) return false
    const { outlet } = line.connection
    if (outlet.waiting > MAX_WAITING || this.#refusal(line, call) !== undefined) return false
    const parts = line.writer.parts(call, this.topicOf(call), payload, line.maximumPacketSize)
    if (parts === undefined) return false
    outlet.publish(parts, 0, call.retain ?? false, false, 0)
    this.sent++
    outlet.whenWritten(waiter)
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
    else {
      this.#stale.ended(packetId)
      this.#settle(line.flow.pubcomp(packetId)?.message, undefined)
    }
    this.#more(line)
    this.#tellQuiet()
    this.#onOwed()
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
        this.#stale.ended(packetId)
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
      await entry?.options.advance(RELEASED)
    } catch (error) {
      // The disk does not take it: the outbox hands the message out again, in this connection or in the next.
      return entry?.resolve({ outcome: 'retry', reason: `PUBREC could not be kept: ${describeError(error)}` })
    }
    if (this.#line === line) line.connection.send({ type: 'pubrel', packetId, reasonCode: REASON.success })
  }

  #settle(entry: Entry | undefined, packet: Acknowledgement | undefined): void {
    if (entry === undefined) return
    if (packet === undefined || packet.reasonCode < 0x80) return entry.settle(DELIVERED)
    entry.settle({ outcome: 'refused', reason: explainReason(packet.reasonCode, packet.properties?.reasonString) })
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

  /** False: the window is full. What cannot be written is refused: it would be in the way for ever. */
  #send(line: Line, entry: Entry): boolean {
    try {
      return entry.message.stage === RELEASED ? this.#sendRelease(line, entry) : this.#sendPublish(line, entry)
    } catch (error) {
      entry.resolve({ outcome: 'refused', reason: `it cannot be written: ${describeError(error)}` })
      return true
    }
  }

  #sendPublish(line: Line, entry: Entry): boolean {
    const { connection, flow, writer } = line
    const { message, call } = entry
    const { qos } = call
    const packetId = qos === 0 ? 0 : packetIdOf(message.order)
    if (qos > 0 && !this.#mayUse(line, packetId, entry)) return false
    if (flow.get(packetId)?.message === entry) return true
    const refusal = this.#refusal(line, call)
    if (refusal !== undefined) {
      entry.resolve({ outcome: 'refused', reason: explainReason(refusal) })
      return true
    }
    const parts = writer.parts(call, this.topicOf(call), message.body, line.maximumPacketSize)
    if (parts === undefined) {
      const limit = `the server takes packets of at most ${line.maximumPacketSize} bytes`
      entry.resolve({ outcome: 'refused', reason: explainReason(REASON.packetTooLarge, limit) })
      return true
    }
    this.sent++
    if (qos === 0) {
      connection.outlet.publish(parts, 0, call.retain ?? false, false, 0)
      connection.outlet.whenWritten(entry)
      return true
    }
    // [MQTT-3.3.1-1]: it may have been sent in this session before.
    const dup = line.sessionPresent && (message.attempts > 0 || message.earlier)
    flow.send(packetId, qos, entry)
    connection.outlet.publish(parts, qos, call.retain ?? false, dup, packetId)
    return true
  }

  /** Whether the identifier is free for this message. */
  #mayUse({ connection, flow }: Line, packetId: number, entry: Entry): boolean {
    const known = flow.get(packetId)
    if (known?.released && known.message?.message.id === entry.message.id) {
      // PUBREC came for it, and could not be written down then.
      flow.restore({ ...known, message: entry })
      void this.#release(this.#line!, packetId, entry)
      return true
    }
    if (known !== undefined || !flow.ready) return false
    if (entry.call.qos === 2 && connection.version === 4 && flow.size >= this.#oldQos2Window) return false
    if (!this.#isStale(entry)) return true
    this.#free(connection, flow, packetId)
    // Those behind it need not wait for a round trip each.
    for (const other of this.#waiting.slice(this.#next, this.#next + FREED_AT_ONCE)) {
      if (this.#isStale(other)) this.#free(connection, flow, packetIdOf(other.message.order))
    }
    return false
  }

  #isStale({ message, call }: Entry): boolean {
    return call.qos === 2 && !message.earlier && this.#stale.has(packetIdOf(message.order), message.id)
  }

  #free(connection: Connection, flow: Line['flow'], packetId: number): void {
    if (flow.has(packetId)) return
    flow.restore({ packetId, qos: 2, message: undefined, released: true })
    connection.send({ type: 'pubrel', packetId, reasonCode: REASON.success })
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
