/**
 * What a server has taken over of one client's QoS 2 (5.0 §4.3.3, method B): which packet identifiers were taken over and not released yet, so
 * that a PUBLISH which comes again is acknowledged and not delivered again ([MQTT-4.3.3-10], [MQTT-4.3.3-12]).
 */
export class ServerReceipts {
  #ids: Set<number> | undefined

  /** Taken over and not released. */
  get size(): number {
    return this.#ids?.size ?? 0
  }

  /** A PUBLISH of QoS 2. False: it was here before; only PUBREC is owed. */
  receive(packetId: number): boolean {
    this.#ids ??= new Set()
    if (this.#ids.has(packetId)) return false
    this.#ids.add(packetId)
    return true
  }

  /** PUBREL. False: nothing is known of it; 5.0 answers PUBCOMP with 0x92 ([MQTT-4.3.3-11]). */
  release(packetId: number): boolean {
    const known = this.#ids?.delete(packetId) ?? false
    if (this.#ids?.size === 0) this.#ids = undefined
    return known
  }

  /** For who keeps the session on disk. */
  get packetIds(): readonly number[] {
    return [...(this.#ids ?? [])]
  }
}
