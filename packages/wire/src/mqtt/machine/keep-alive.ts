import { MqttProtocolError } from '../errors.ts'
import { REASON } from '../reason-codes.ts'

/**
 * Keep Alive of both sides, 5.0 §3.1.2.10, without a timer: the driver asks for the deadline, waits, and calls `elapse`.
 * Times are milliseconds of a clock that never goes back.
 *
 *     server   |── 1.5 × keep alive without a packet ──▶ it closes the connection
 *     client   |── keep alive without sending ──▶ PINGREQ ── grace without an answer ──▶ it closes the connection
 */
export class ServerKeepAlive {
  readonly #limit: number
  #last: number

  /** `seconds` of CONNECT, or what CONNACK told instead [MQTT-3.1.2-21], [MQTT-3.2.2-22]; 0 is none */
  constructor(seconds: number, now: number) {
    this.#limit = seconds === 0 ? Infinity : seconds * 1500
    this.#last = now
  }

  /** A whole packet came; any will do. */
  received(now: number): void {
    this.#last = now
  }

  /** When the client has been silent for too long; `Infinity` without a keep alive. */
  deadline(): number {
    return this.#last + this.#limit
  }

  /** Throws `ERR_MQTT_KEEP_ALIVE` at the deadline [MQTT-3.1.2-22]; 3.1.1 [MQTT-3.1.2-24]. */
  elapse(now: number): void {
    if (now >= this.deadline()) throw silent('MQTT-3.1.2-22', `the client was silent for ${this.#limit / 1000} s`)
  }
}

export class ClientKeepAlive {
  readonly #interval: number
  readonly #grace: number
  #sent: number
  #pinged: number | undefined

  /** Seconds: the keep alive in force, 0 for none; and how long an answer to PINGREQ may take, the same if left out */
  constructor(seconds: number, now: number, graceSeconds: number = seconds) {
    this.#interval = seconds === 0 ? Infinity : seconds * 1000
    this.#grace = graceSeconds * 1000
    this.#sent = now
  }

  /** A packet was sent, whichever. */
  sent(now: number): void {
    this.#sent = now
  }

  /** PINGRESP came. */
  answered(): void {
    this.#pinged = undefined
  }

  /** When `elapse` has something to say. */
  deadline(): number {
    const ping = this.#sent + this.#interval
    return this.#pinged === undefined ? ping : Math.min(ping, this.#pinged + this.#grace)
  }

  /** True: send PINGREQ now [MQTT-3.1.2-20]. Throws `ERR_MQTT_KEEP_ALIVE` if the last one was not answered. */
  elapse(now: number): boolean {
    if (this.#pinged !== undefined && now >= this.#pinged + this.#grace) {
      throw silent('5.0 §3.1.2.10', `the server did not answer a PINGREQ for ${this.#grace / 1000} s`)
    }
    if (now < this.#sent + this.#interval) return false
    this.#sent = now
    this.#pinged ??= now
    return true
  }
}

function silent(clause: string, message: string): MqttProtocolError {
  return new MqttProtocolError('ERR_MQTT_KEEP_ALIVE', REASON.keepAliveTimeout, clause, message)
}
