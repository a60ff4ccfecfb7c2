import { protocolError } from '../cursor.ts'
import { PacketTable } from './packet-table.ts'

/**
 * The sender of QoS 1 and 2, of either side: what is in flight, what an acknowledgement settles, how much more may be
 * sent, and what is sent again on the next connection. 5.0 §4.3, §4.4, §4.6, §4.9.
 *
 *     QoS 1   send ── PUBACK ─────────────────────────▶ settled
 *     QoS 2   send ── PUBREC ──▶ PUBREL ── PUBCOMP ───▶ settled
 *                 └── PUBREC ≥ 0x80 ──────────────────▶ settled, refused
 */

export interface InFlight<Message> {
  readonly packetId: number
  readonly qos: 1 | 2
  /** Whatever the caller sends it from: a position in a queue, a packet. */
  readonly message: Message
  /** QoS 2: PUBREC was seen, the message has arrived, PUBREL is owed or sent. */
  readonly released: boolean
}

/**
 * What a PUBREC asks: `release` PUBREL, and the message need not be kept any longer; `refused` nothing, it is settled;
 * `unknown` PUBREL with 0x92 in 5.0, plain before, so that the peer forgets the identifier.
 */
export type PubrecOutcome = 'release' | 'refused' | 'unknown'

/** Nobody limits a window before 5.0, and nobody who says nothing in 5.0: §3.1.2.11.3. */
const UNLIMITED = 65_535

/** It is told from those of an earlier connection by the number of the connection that saw it. */
class Sent<Message> implements InFlight<Message> {
  readonly packetId: number
  readonly qos: 1 | 2
  readonly message: Message
  released: boolean
  /** the connection whose quota it uses; 0: none yet */
  seenBy: number
  /** beside it, in the order of sending */
  previous: Sent<Message> | undefined = undefined
  next: Sent<Message> | undefined = undefined

  constructor(packetId: number, qos: 1 | 2, message: Message, released: boolean, seenBy: number) {
    this.packetId = packetId
    this.qos = qos
    this.message = message
    this.released = released
    this.seenBy = seenBy
  }
}

export class OutgoingFlow<Message> {
  readonly #byId = new PacketTable<Sent<Message>>()
  /** In the order in which they were sent; a released one moves to the end, so that PUBRELs stand in their order. */
  #oldest: Sent<Message> | undefined
  #newest: Sent<Message> | undefined
  /** Identifiers of PUBLISHes that the present connection has not seen yet, in order. */
  #resends: number[] = []
  #nextResend = 0
  /** PUBLISHes that the present connection has seen and that are not settled: they use its quota. */
  #counted = 0
  #receiveMaximum = UNLIMITED
  /** counts connections */
  #connection = 1

  /** Messages that are not settled. */
  get size(): number {
    return this.#byId.size
  }

  /** Whether a new message may go: the peer takes more, and nothing older waits to be sent again [MQTT-4.6.0-1]. */
  get ready(): boolean {
    return this.#counted < this.#receiveMaximum && this.#nextResend >= this.#resends.length
  }

  has(packetId: number): boolean {
    return this.#byId.get(packetId) !== undefined
  }

  get(packetId: number): InFlight<Message> | undefined {
    return this.#byId.get(packetId)
  }

  /** Everything that is not settled, in the order in which it was sent. */
  *entries(): IterableIterator<InFlight<Message>> {
    for (let entry = this.#oldest; entry !== undefined; entry = entry.next) yield entry
  }

  /**
   * Begins a connection: the quota is the peer's Receive Maximum [MQTT-4.9.0-1], and everything unacknowledged is to be
   * sent again [MQTT-4.4.0-1]. Returns the identifiers whose PUBREL goes first, in the order of their PUBRECs
   * [MQTT-4.6.0-4]; the PUBLISHes come from {@link resend}. Never a PUBLISH after its PUBREL [MQTT-4.3.3-6].
   */
  begin(receiveMaximum: number = UNLIMITED): readonly number[] {
    this.#receiveMaximum = receiveMaximum
    this.#counted = 0
    this.#connection++
    const entries = [...this.entries()]
    this.#resends = entries.filter((entry) => !entry.released).map(({ packetId }) => packetId)
    this.#nextResend = 0
    return entries.filter((entry) => entry.released).map(({ packetId }) => packetId)
  }

  /** The next message to send again, with DUP and its old identifier [MQTT-3.3.1-1]; `undefined`: none, or not now. */
  resend(): InFlight<Message> | undefined {
    while (this.#nextResend < this.#resends.length && this.#counted < this.#receiveMaximum) {
      const entry = this.#byId.get(this.#resends[this.#nextResend++]!)
      // It may have been acknowledged meanwhile: the peer had it all the time.
      if (!entry || entry.released) continue
      this.#counted++
      entry.seenBy = this.#connection
      return entry
    }
    return undefined
  }

  /** A message is sent for the first time, without DUP. Ask {@link ready} before; the identifier must be free. */
  send(packetId: number, qos: 1 | 2, message: Message): void {
    this.#counted++
    this.#add(new Sent(packetId, qos, message, false, this.#connection))
  }

  /** Takes over what a stored session had in flight, in its order, before {@link begin}. */
  restore({ packetId, qos, message, released }: InFlight<Message>): void {
    const known = this.#byId.get(packetId)
    if (known !== undefined) this.#remove(known)
    this.#add(new Sent(packetId, qos, message, released, known?.seenBy ?? 0))
  }

  /**
   * The message that a PUBACK settles, whatever its reason code [MQTT-4.4.0-2]; `undefined` if none waits for it, which
   * is no error: it may be late. Throws `ERR_MQTT_PROTOCOL` for a message of QoS 2.
   */
  puback(packetId: number): InFlight<Message> | undefined {
    const entry = this.#byId.get(packetId)
    if (entry?.qos === 2) throw protocolError('MQTT-3.3.4-1', 'PUBACK answers a PUBLISH of QoS 2')
    return this.#settle(entry)
  }

  /** Throws `ERR_MQTT_PROTOCOL` for a message of QoS 1. A second PUBREC gets its PUBREL again. */
  pubrec(packetId: number, reasonCode: number): PubrecOutcome {
    const entry = this.#byId.get(packetId)
    if (!entry) return 'unknown'
    if (entry.qos === 1) throw protocolError('MQTT-3.3.4-1', 'PUBREC answers a PUBLISH of QoS 1')
    if (entry.released) return 'release'
    if (reasonCode >= 0x80) {
      this.#settle(entry)
      return 'refused'
    }
    // [MQTT-4.3.3-4]; behind those that were released before.
    this.#remove(entry)
    entry.released = true
    this.#add(entry)
    return 'release'
  }

  /** The message that a PUBCOMP settles [MQTT-4.3.3-5]; `undefined` if none waits for it. */
  pubcomp(packetId: number): InFlight<Message> | undefined {
    const entry = this.#byId.get(packetId)
    if (entry && !entry.released) throw protocolError('MQTT-4.3.3-5', 'PUBCOMP came before PUBREC')
    return this.#settle(entry)
  }

  /**
   * What the present connection has not seen does not give it quota: so a PUBCOMP for an older one lets nothing through,
   * where the letter of 5.0 §4.9 would pass the Receive Maximum of [MQTT-3.3.4-7] by one.
   */
  #settle(entry: Sent<Message> | undefined): InFlight<Message> | undefined {
    if (!entry) return undefined
    this.#remove(entry)
    if (entry.seenBy === this.#connection) this.#counted--
    return entry
  }

  #add(entry: Sent<Message>): void {
    this.#byId.set(entry.packetId, entry)
    entry.previous = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.next = entry
    this.#newest = entry
  }

  #remove(entry: Sent<Message>): void {
    const { packetId, previous, next } = entry
    this.#byId.delete(packetId)
    if (previous === undefined) this.#oldest = next
    else previous.next = next
    if (next === undefined) this.#newest = previous
    else next.previous = previous
    entry.previous = undefined
    entry.next = undefined
  }
}
