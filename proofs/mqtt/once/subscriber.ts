import type { Packet } from '@halyard/wire/mqtt'
import { acknowledgement } from '../client.ts'
import type { MqttClient } from '../client.ts'
import { Later } from '../later.ts'
import type { Faults } from './faults.ts'
import type { Role } from './persistent-client.ts'

/** Takes messages of QoS 2, each identifier once until its PUBREL [MQTT-4.3.3-10], and counts them. */
export class Subscriber implements Role {
  readonly #faults: Faults
  /** Received, PUBREL not seen yet. */
  readonly #received = new Set<number>()
  readonly #numbers = new Map<string, Map<number, number>>()
  readonly #highest = new Map<string, number>()
  readonly #subscribed = new Later<void>()
  #isSubscribed = false
  disordered = 0
  /** Called for every message. */
  onMessage: (publisher: string, number: number) => void = () => {}

  constructor(faults: Faults) {
    this.#faults = faults
  }

  begin(client: MqttClient): void {
    if (this.#isSubscribed) return
    const rest = { qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    client.send({ type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'once/#', ...rest }] })
  }

  forget(): void {
    this.#received.clear()
    this.#isSubscribed = false
  }

  receive(client: MqttClient, packet: Packet): void {
    if (packet.type === 'suback') {
      this.#isSubscribed = true
      this.#subscribed.resolve()
    }
    if (packet.type === 'publish') {
      const { packetId = 0, qos, topic, payload } = packet
      if (qos !== 2) throw new Error(`a message came with QoS ${qos}`)
      if (!this.#received.has(packetId)) {
        this.#received.add(packetId)
        this.#count(topic.slice('once/'.length), Number(Buffer.from(payload).toString()))
      }
      this.#faults.send(client, acknowledgement('pubrec', packetId))
    }
    if (packet.type === 'pubrel') {
      this.#received.delete(packet.packetId)
      this.#faults.send(client, acknowledgement('pubcomp', packet.packetId))
    }
  }

  /** The server has the subscription. */
  get subscribed(): Promise<void> {
    return this.#subscribed.promise
  }

  /** How often each number of a publisher came. */
  countsOf(publisher: string): ReadonlyMap<number, number> {
    return this.#numbers.get(publisher) ?? new Map<number, number>()
  }

  #count(publisher: string, number: number): void {
    const numbers = this.#numbers.get(publisher) ?? new Map<number, number>()
    this.#numbers.set(publisher, numbers)
    const times = (numbers.get(number) ?? 0) + 1
    numbers.set(number, times)
    const highest = this.#highest.get(publisher) ?? 0
    if (times === 1 && number < highest) this.disordered++
    this.#highest.set(publisher, Math.max(highest, number))
    this.onMessage(publisher, number)
  }
}
