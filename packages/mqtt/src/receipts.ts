/**
 * What comes in, and what is owed for it: PUBACK, PUBREC and PUBCOMP, in the order of the messages [MQTT-4.6.0-2],
 * [MQTT-4.6.0-3], each when everybody who got the message is done with it.
 *
 * ```
 * owed   | 7 done | 8 | 9 done | 10 |      PUBACK 7 goes, 9 waits for 8
 * ```
 *
 * A message that was not acknowledged when the connection ended comes again with its old identifier. If it is still being
 * handled here, it is the same one, and nobody gets it twice.
 */
import { IncomingAliases, IncomingFlow, MqttProtocolError, REASON } from '@halyard/wire/mqtt'
import type { Acknowledgement, Connack, IncomingPublish, TopicName } from '@halyard/wire/mqtt'
import type { Connection } from './connection.ts'
import { MqttMessage } from './message.ts'
import type { Handling } from './message.ts'
import type { Settings } from './options.ts'
import { Payloads } from './payloads.ts'

/** One message of QoS 1 or 2 that is being handled. */
class Receipt implements Handling {
  readonly packetId: number
  readonly qos: 1 | 2
  readonly #receipts: Receipts
  /** how many got it; unknown while it is handed out */
  #holders = Infinity
  #done = 0
  /** Its acknowledgement has left, or is not owed any more. */
  over = false
  /** in which it came, for the last time */
  connection: Connection | undefined = undefined

  constructor(receipts: Receipts, packetId: number, qos: 1 | 2) {
    this.#receipts = receipts
    this.packetId = packetId
    this.qos = qos
  }

  get isDone(): boolean {
    return this.#done >= this.#holders
  }

  /** It went to so many; to nobody: it is done. */
  hold(holders: number): void {
    this.#holders = holders
    if (this.isDone) this.#receipts.settle()
  }

  done(): void {
    this.#done++
    if (this.isDone) this.#receipts.settle()
  }
}

/** To whom a message goes: how many take it, each of whom says `done` once. */
export type Route = (message: MqttMessage, packet: IncomingPublish) => number

export class Receipts {
  readonly #settings: Settings
  readonly #route: Route
  #connection: Connection | undefined
  #flow = new IncomingFlow()
  #aliases = new IncomingAliases<TopicName>(0)
  /** In the order in which they came in this connection; those before `#first` are over. */
  #owed: Receipt[] = []
  #first = 0
  /** By packet identifier: what the server believes to be owed in this session. */
  readonly #open = new Map<number, Receipt>()
  #payloads = new Payloads()
  received = 0

  constructor(settings: Settings, route: Route) {
    this.#settings = settings
    this.#route = route
  }

  /** Messages that came and are not acknowledged. */
  get unacknowledged(): number {
    return this.#open.size
  }

  up(connection: Connection, { sessionPresent }: Connack): void {
    this.#connection = connection
    this.#payloads = new Payloads()
    this.#aliases = new IncomingAliases(this.#settings.topicAliasMaximum)
    if (!sessionPresent) {
      this.#flow = new IncomingFlow()
      for (const receipt of this.#open.values()) receipt.over = true
      this.#open.clear()
    }
    this.#flow.begin(connection.version === 5 ? this.#settings.receiveMaximum : undefined)
    this.#owed = []
    this.#first = 0
  }

  down(): void {
    this.#connection = undefined
  }

  /** A PUBLISH came. @throws {MqttProtocolError} the server broke the standard */
  publish(packet: IncomingPublish): void {
    const topic = this.#topicOf(packet)
    const { qos, packetId } = packet
    if (qos === 0) {
      this.received++
      this.#route(this.#messageOf(packet, topic.text, undefined), packet)
      return
    }
    const isNew = this.#flow.publish(qos, packetId)
    const earlier = this.#open.get(packetId)
    if (earlier !== undefined && (packet.dup || !isNew)) return this.#again(earlier)
    // Of QoS 2, PUBREC has left and was lost.
    if (!isNew) return this.#connection?.send({ type: 'pubrec', packetId, reasonCode: REASON.success })
    this.received++
    const receipt = new Receipt(this, packetId, qos)
    this.#open.set(packetId, receipt)
    receipt.connection = this.#connection
    this.#owed.push(receipt)
    receipt.hold(this.#route(this.#messageOf(packet, topic.text, receipt), packet))
  }

  /** [MQTT-4.3.3-11] */
  pubrel({ packetId }: Acknowledgement): void {
    const known = this.#flow.pubrel(packetId)
    const is5 = this.#connection?.version === 5
    const reasonCode = known || !is5 ? REASON.success : REASON.packetIdentifierNotFound
    this.#connection?.send({ type: 'pubcomp', packetId, reasonCode })
  }

  /** Sends what may go: as far as everything before it is done. */
  settle(): void {
    const connection = this.#connection
    if (connection === undefined) return
    for (let receipt = this.#owed[this.#first]; receipt?.isDone; receipt = this.#owed[this.#first]) {
      this.#first++
      this.#acknowledge(connection, receipt)
    }
    if (this.#first < 1024 && this.#first < this.#owed.length) return
    this.#owed.splice(0, this.#first)
    this.#first = 0
  }

  /** It is here already and being handled, or was handled while there was no connection. */
  #again(receipt: Receipt): void {
    if (receipt.connection === this.#connection) {
      // Some servers send again what is not acknowledged in time: one acknowledgement answers both.
      if (receipt.qos === 1) this.#flow.acknowledged()
      return
    }
    receipt.connection = this.#connection
    this.#owed.push(receipt)
    if (receipt.isDone) this.settle()
  }

  #acknowledge(connection: Connection, receipt: Receipt): void {
    if (receipt.over) return
    receipt.over = true
    const { packetId, qos } = receipt
    if (this.#open.get(packetId) === receipt) this.#open.delete(packetId)
    if (qos === 1) this.#flow.acknowledged()
    connection.acknowledge(qos === 1 ? 'puback' : 'pubrec', packetId)
  }

  #messageOf(packet: IncomingPublish, topic: string, handling: Handling | undefined): MqttMessage {
    const { qos, retain, dup, properties } = packet
    const payload = this.#payloads.copyOf(packet, this.#connection?.bytesReceived ?? 0)
    return new MqttMessage(topic, payload, { qos, retain, dup, properties, handling })
  }

  #topicOf({ topic, topicAt, topicEnd, properties }: IncomingPublish): TopicName {
    const alias = properties.topicAlias
    if (alias === undefined) {
      if (topic.valid) return topic
      throw new MqttProtocolError(
        'ERR_MQTT_TOPIC',
        REASON.topicNameInvalid,
        'MQTT-3.3.2-2',
        'PUBLISH has no topic name',
      )
    }
    return this.#aliases.resolve(alias, topicEnd > topicAt ? topic : undefined)
  }
}
