import {
  REASON,
  copyFrame,
  encode,
  encodeAcknowledgement,
  encodePublish,
  fitTo,
  sizeOf,
  sizeOfPublishParts,
} from '@halyard/wire/mqtt'
import type { Connack, ConnectProperties, Packet, PublishParts } from '@halyard/wire/mqtt'
import type { Transport } from '../domain/transport.ts'
import type { Broker } from './broker.ts'
import type { ReasonCode } from './dialect.ts'
import type { DeliveryTerms } from './link.ts'
import { Output } from './output.ts'
import type { OutputOwner } from './output.ts'
import type { Passing } from './passing.ts'

const NO_BYTES = new Uint8Array(0)
/** Shorter topics are not worth the property that stands for them. */
const WORTH_AN_ALIAS = 8
/** No packet is larger (5.0 §1.5.5). */
const LARGEST_PACKET: number = 5 + (2 ** 28 - 1)

/** Packets into the output of one connection: in its version, and no larger than its client takes. */
export class ClientOutput {
  version: 3 | 4 | 5 = 4
  /** [MQTT-3.1.2-24] */
  maxPacketBytes: number = LARGEST_PACKET
  /** Topic aliases that the client takes; 0 ([MQTT-3.1.2-26]). */
  maxAliases = 0
  readonly #broker: Broker
  readonly #output: Output
  /** By topic: those that were named to this client. */
  #aliases: Map<string, number> | undefined

  /** `owner`: told when there is room again for what was too much. */
  constructor(broker: Broker, transport: Transport, owner: OutputOwner) {
    this.#broker = broker
    this.#output = new Output(transport, broker.outputs, owner)
  }

  /** To what its client takes. */
  adapt({ maximumPacketSize = LARGEST_PACKET, topicAliasMaximum = 0 }: ConnectProperties = {}): void {
    this.maxPacketBytes = Math.min(maximumPacketSize, LARGEST_PACKET)
    this.maxAliases = Math.min(topicAliasMaximum, this.#broker.limits.topicAliases)
  }

  get waiting(): number {
    return this.#output.waiting
  }

  get taken(): number {
    return this.#output.taken
  }

  /** False: it is larger than the client takes. */
  deliver(message: Passing, terms: DeliveryTerms, packetId: number, dup: boolean, many: boolean): boolean {
    const { qos, retain, identifiers } = terms
    const output = this.#output
    const { counters } = this.#broker
    if (many && identifiers === undefined && this.maxAliases === 0) {
      const frame = message.frame(qos, retain, this.version, this.#expiryNow(message))
      const { length } = frame.bytes
      if (length > this.maxPacketBytes) return false
      if (qos === 0) {
        output.append(frame.bytes)
      } else {
        const region = output.reserve(length)
        output.wrote(copyFrame(frame, packetId, dup, region.bytes, region.at))
      }
      counters.bytesSent += length
    } else {
      let alias = this.maxAliases === 0 ? 0 : this.#aliasFor(message.topic.text)
      let parts = this.#partsOf(message, identifiers, alias)
      let size = sizeOfPublishParts(parts, qos)
      if (size > this.maxPacketBytes && alias < 0) {
        // What names the alias may be what makes it too large.
        alias = 0
        parts = this.#partsOf(message, identifiers, alias)
        size = sizeOfPublishParts(parts, qos)
      }
      if (size > this.maxPacketBytes) return false
      // Only now: an alias in a packet that was not sent would stand for nothing.
      if (alias < 0) (this.#aliases ??= new Map()).set(message.topic.text, -alias)
      const region = output.reserve(size)
      output.wrote(encodePublish(parts, qos, retain, dup, packetId, region.bytes, region.at))
      counters.bytesSent += size
    }
    counters.packetsSent++
    counters.publishSent++
    counters.publishBytesSent += message.payloadEnd - message.payloadAt
    return true
  }

  /** In four bytes if it is success, as nearly every one is, or before 5.0, which has no reasons there. */
  acknowledge(
    type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp',
    packetId: number,
    reasonCode: ReasonCode = REASON.success,
  ): void {
    if (reasonCode !== REASON.success && this.version === 5) return void this.send({ type, packetId, reasonCode })
    const region = this.#output.reserve(4)
    this.#output.wrote(encodeAcknowledgement(type, packetId, region.bytes, region.at))
    const { counters } = this.#broker
    counters.packetsSent++
    counters.bytesSent += 4
  }

  /** Any other packet. False: left out, since the client does not take so much ([MQTT-3.1.2-24]). */
  send(packet: Packet): boolean {
    const size = sizeOf(packet, this.version)
    if (size > this.maxPacketBytes) return packet.type === 'connack' && this.#sendBrief(packet)
    const region = this.#output.reserve(size)
    this.#output.wrote(encode(packet, this.version, region.bytes, region.at))
    const { counters } = this.#broker
    counters.packetsSent++
    counters.bytesSent += size
    return true
  }

  /** [MQTT-3.2.2-20]: a client that takes little is let in all the same. */
  #sendBrief(connack: Connack): boolean {
    const brief = fitTo(connack, this.maxPacketBytes)
    return brief !== undefined && this.send(brief)
  }

  flush(): void {
    this.#output.flush()
  }

  /** Also what the client has no room for: nothing follows. */
  finish(): void {
    this.#output.finish()
  }

  close(): void {
    this.#output.close()
  }

  /** 0: none; negative: one that the client does not know yet. */
  #aliasFor(text: string): number {
    const known = this.#aliases?.get(text)
    if (known !== undefined) return known
    const count = this.#aliases?.size ?? 0
    return count < this.maxAliases && text.length >= WORTH_AN_ALIAS ? -(count + 1) : 0
  }

  #partsOf(message: Passing, identifiers: readonly number[] | undefined, alias: number): PublishParts {
    const now = this.#expiryNow(message)
    if (alias !== 0) {
      const properties = message.properties(5, { identifiers, alias: Math.abs(alias) }, now)
      return message.parts(properties, alias > 0 ? NO_BYTES : message.topic.bytes)
    }
    const own = identifiers === undefined ? undefined : { identifiers }
    return message.parts(message.properties(this.version, own, now))
  }

  /** The clock is asked only where it matters. */
  #expiryNow({ expiresAt }: Passing): number {
    return expiresAt === Infinity ? 0 : this.#broker.now()
  }
}
