import { MqttEncodeError } from '../errors.ts'

/** Identifiers from 1 to 65,535, as both sides give them to what they send: 5.0 §2.2.1, 3.1.1 §2.3.1. */
export const MAX_PACKET_ID = 65_535

/**
 * Which packet identifiers wait for an answer. A set, since few are in use at a time: it costs nothing while nothing is
 * in flight, where a table of all would cost every connection 8 KiB.
 *
 * @example
 * ```ts
 * import { PacketIds } from '@halyard/wire/mqtt'
 * const ids = new PacketIds()
 * const id = ids.take() // 1
 * ids.release(id) // true
 * ```
 */
export class PacketIds {
  readonly #used = new Set<number>()
  #last = 0

  get size(): number {
    return this.#used.size
  }

  has(packetId: number): boolean {
    return this.#used.has(packetId)
  }

  /**
   * One that is not in use [MQTT-2.2.1-3], [MQTT-2.2.1-4], [MQTT-4.3.2-1], [MQTT-4.3.3-1], and was not lately, so that a
   * late answer meets nobody. Throws `ERR_MQTT_PACKET_IDS` if all are in use.
   */
  take(): number {
    if (this.#used.size === MAX_PACKET_ID) {
      throw new MqttEncodeError(
        'ERR_MQTT_PACKET_IDS',
        'all 65,535 packet identifiers wait for an answer; keep fewer messages in flight',
      )
    }
    do this.#last = (this.#last % MAX_PACKET_ID) + 1
    while (this.#used.has(this.#last))
    this.#used.add(this.#last)
    return this.#last
  }

  /** Marks one as in use that was given before: of a session that is resumed. */
  reserve(packetId: number): void {
    this.#used.add(packetId)
  }

  /** Whether it was in use. */
  release(packetId: number): boolean {
    return this.#used.delete(packetId)
  }
}
