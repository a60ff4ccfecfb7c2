import { MqttProtocolError } from '../errors.ts'
import { REASON } from '../reason-codes.ts'

/**
 * The receiver of QoS 1 and 2, of either side: which message is new, and whether the sender keeps to the Receive Maximum
 * that it was told. 5.0 §4.3, §4.9. The identifiers of QoS 2 belong to the session, the count to the connection.
 */
export class IncomingFlow {
  /** QoS 2: received, PUBREL not seen yet. At most the 65,535 that there are. */
  readonly #received = new Set<number>()
  #receiveMaximum = 65_535
  #unanswered = 0

  /** The identifiers of QoS 2 that the session must remember. */
  get received(): ReadonlySet<number> {
    return this.#received
  }

  /** Begins a connection with the Receive Maximum that we told; the sender's count begins anew. */
  begin(receiveMaximum: number = 65_535): void {
    this.#receiveMaximum = receiveMaximum
    this.#unanswered = 0
  }

  /** Takes over an identifier of a stored session. */
  restore(packetId: number): void {
    this.#received.add(packetId)
  }

  /**
   * Whether a PUBLISH of QoS 1 or 2 is a new message. One of QoS 1 always is, whatever its DUP [MQTT-4.3.2-5]; one of
   * QoS 2 until its PUBREL only once, and is answered each time [MQTT-4.3.3-10]. Throws `ERR_MQTT_RECEIVE_MAXIMUM`.
   */
  publish(qos: 1 | 2, packetId: number): boolean {
    // [MQTT-3.3.4-7], [MQTT-3.3.4-9]
    if (++this.#unanswered > this.#receiveMaximum) {
      throw new MqttProtocolError(
        'ERR_MQTT_RECEIVE_MAXIMUM',
        REASON.receiveMaximumExceeded,
        'MQTT-3.3.4-7',
        `more than ${this.#receiveMaximum} messages wait for an answer`,
      )
    }
    if (qos === 1) return true
    const isNew = !this.#received.has(packetId)
    if (isNew) this.#received.add(packetId)
    // A repeated one has its place already.
    else this.#answered()
    return isNew
  }

  /** Our PUBACK has left. */
  acknowledged(): void {
    this.#answered()
  }

  /** Our PUBREC of 0x80 or more has left: the identifier is free for a new message [MQTT-4.3.3-9]. */
  refused(packetId: number): void {
    if (this.#received.delete(packetId)) this.#answered()
  }

  /**
   * A PUBREL came: its identifier is free [MQTT-4.3.3-12]. Whether it was known; a PUBCOMP goes out either way
   * [MQTT-4.3.3-11], with 0x92 for an unknown one in 5.0.
   */
  pubrel(packetId: number): boolean {
    const known = this.#received.delete(packetId)
    if (known) this.#answered()
    return known
  }

  /**
   * May fall below 0: the answer to a PUBREL of an older connection adds to the sender's quota by the letter of 5.0 §4.9,
   * though it took nothing from it, and a sender that reads it so is not refused.
   */
  #answered(): void {
    this.#unanswered--
  }
}
