import type { Packet } from '@halyard/wire/mqtt'
import { acknowledgement, publishPacket } from '../client.ts'
import type { MqttClient } from '../client.ts'
import { Later } from '../later.ts'
import type { Faults } from './faults.ts'
import type { Role } from './persistent-client.ts'

const WINDOW = 10

/** In flight: until PUBREC the message is sent again after a cut, from then on PUBREL [MQTT-4.4.0-1]. */
interface InFlight {
  readonly number: number
  readonly packetId: number
  isReleased: boolean
}

/**
 * Publishes the numbers from 1 on with QoS 2 until it is told to finish; keeps until PUBCOMP what the standard wants
 * kept, through every cut.
 */
export class Publisher implements Role {
  readonly #name: string
  readonly #faults: Faults
  /** In the order of their first sending. */
  readonly #inFlight = new Map<number, InFlight>()
  readonly #done = new Later<void>()
  #next = 1
  #last = Infinity
  #packetId = 0

  constructor(name: string, faults: Faults) {
    this.#name = name
    this.#faults = faults
  }

  /** One more message, and no other; gives its number when all are settled. */
  async finish(): Promise<number> {
    this.#last = this.#next
    // The next PUBCOMP, or the next connection, sends it.
    await this.#done.promise
    return this.#last
  }

  begin(client: MqttClient): void {
    for (const { number, packetId, isReleased } of this.#inFlight.values()) {
      this.#faults.send(client, isReleased ? acknowledgement('pubrel', packetId) : this.#packet(number, packetId, true))
    }
    this.#pump(client)
  }

  /** The server has forgotten the session: what it had not taken is published once more, as new messages. */
  forget(): void {
    const numbers = [...this.#inFlight.values()].filter(({ isReleased }) => !isReleased).map(({ number }) => number)
    this.#inFlight.clear()
    for (const number of numbers) this.#take(number)
  }

  receive(client: MqttClient, packet: Packet): void {
    if (packet.type === 'pubrec') {
      const entry = this.#inFlight.get(packet.packetId)
      if (packet.reasonCode >= 0x80) throw new Error(`${this.#name} was refused with ${packet.reasonCode}`)
      if (entry === undefined) throw new Error(`PUBREC for ${packet.packetId}, which ${this.#name} does not use`)
      entry.isReleased = true
      this.#faults.send(client, acknowledgement('pubrel', packet.packetId))
    } else if (packet.type === 'pubcomp') {
      this.#inFlight.delete(packet.packetId)
      this.#pump(client)
      if (this.#next > this.#last && this.#inFlight.size === 0) this.#done.resolve()
    }
  }

  #pump(client: MqttClient): void {
    while (this.#next <= this.#last && this.#inFlight.size < WINDOW && !client.isOver) {
      // Kept first, sent then: as on a disk.
      const { number, packetId } = this.#take(this.#next++)
      this.#faults.send(client, this.#packet(number, packetId, false))
    }
  }

  /** Identifiers come round soon, so that one is used again right after a cut. */
  #take(number: number): InFlight {
    do this.#packetId = (this.#packetId % (2 * WINDOW)) + 1
    while (this.#inFlight.has(this.#packetId))
    const entry = { number, packetId: this.#packetId, isReleased: false }
    this.#inFlight.set(entry.packetId, entry)
    return entry
  }

  #packet(number: number, packetId: number, dup: boolean): Packet {
    return publishPacket({ topic: `once/${this.#name}`, payload: String(number), qos: 2, packetId, dup })
  }
}
