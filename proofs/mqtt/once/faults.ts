/** Cuts of connections, by chance, at every step of the protocol that a client sees. */
import type { SeededRandom } from '@halyard/testkit'
import { encodeToBytes } from '@halyard/wire/mqtt'
import type { Packet } from '@halyard/wire/mqtt'
import type { MqttClient } from '../client.ts'

/** Where a packet is when the connection is cut. */
type Place = 'before it is sent' | 'in the middle' | 'when it is sent' | 'unread' | 'read'

export class Faults {
  /** How often each was the end of a connection: `publish in the middle`. */
  readonly counts = new Map<string, number>()
  readonly #random: SeededRandom
  readonly #likelihood: number
  /** No more of them: what is left comes to its end. */
  isOver = false

  constructor(random: SeededRandom, likelihood: number) {
    this.#random = random
    this.#likelihood = likelihood
  }

  /** Sends a packet, or what of it comes before the cut. */
  send(client: MqttClient, packet: Packet): void {
    if (client.isOver) return
    const bytes = encodeToBytes(packet, client.version)
    switch (this.#draw(packet, ['before it is sent', 'in the middle', 'when it is sent'])) {
      case undefined:
        return client.sendBytes(bytes)
      case 'before it is sent':
        return client.cut()
      case 'in the middle':
        return client.cutBehind(bytes.subarray(0, this.#random.integer(bytes.length)))
      default:
        client.cutBehind(bytes)
    }
  }

  /** Whether a packet that came is to be looked at: a cut may come before it, or behind what is made of it. */
  receives(client: MqttClient, packet: Packet, handle: () => void): void {
    // What the client has cut it hears no more of.
    if (client.isOver) return
    const place = this.#draw(packet, ['unread', 'read'])
    if (place === 'unread') return client.cut()
    // Before it answers: its answer goes to a connection that is no more.
    if (place === 'read') client.cut()
    handle()
  }

  #draw(packet: Packet, places: readonly Place[]): Place | undefined {
    if (this.isOver || !this.#random.chance(this.#likelihood)) return undefined
    const place = this.#random.pick(places)
    const what = `${packet.type} ${place}`
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
    return place
  }
}
