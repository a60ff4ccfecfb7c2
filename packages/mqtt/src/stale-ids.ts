/**
 * Packet identifiers of QoS 2 which the server may still hold for a message that nobody here owes any more: one that an
 * earlier process sent and forgot, or that was dropped from the outbox while there was no connection. The server would
 * take the next message with such an identifier for the old one, acknowledge it, and pass it to nobody [MQTT-4.3.3-10].
 * A PUBREL before it ends the old exchange, whether the server knows of it or not [MQTT-4.3.3-11].
 *
 * ```
 * PUBREL 7 ──▶ PUBCOMP 7 (known, or 0x92) ──▶ 7 is free ──▶ PUBLISH 7
 * ```
 */

export class StaleIds {
  /** The session is of an earlier process: every identifier may be held, but those that ended since. */
  #isForeign = false
  #isFirst = true
  readonly #ended = new Set<number>()
  /** Sent by this process when a connection ended: for which message. */
  readonly #left = new Map<number, string>()

  /** A connection is there; without a session the server holds nothing. */
  up(sessionPresent: boolean): void {
    if (!sessionPresent) this.#left.clear()
    this.#isForeign = sessionPresent && (this.#isFirst || this.#isForeign)
    if (!this.#isForeign) this.#ended.clear()
    this.#isFirst = false
  }

  /** It was in flight when the connection ended. */
  left(packetId: number, messageId: string): void {
    this.#left.set(packetId, messageId)
  }

  /** The server said that it is over. */
  ended(packetId: number): void {
    this.#left.delete(packetId)
    if (this.#isForeign) this.#ended.add(packetId)
  }

  /** Whether the server may hold it for another message than this one. */
  has(packetId: number, messageId: string): boolean {
    const left = this.#left.get(packetId)
    if (left !== undefined) return left !== messageId
    return this.#isForeign && !this.#ended.has(packetId)
  }
}
