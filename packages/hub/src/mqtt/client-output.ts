import { copyFrame, encode, encodeAcknowledgement, encodePublish, sizeOf, sizeOfPublishParts } from '@halyard/wire/mqtt'
import type { Packet, PublishParts } from '@halyard/wire/mqtt'
import type { Transport } from '../domain/transport.ts'
import type { Broker } from './broker.ts'
import type { Counters } from './counters.ts'
import type { DeliveryTerms } from './link.ts'
import { Output } from './output.ts'
import type { Passing } from './passing.ts'

const NO_BYTES = new Uint8Array(0)
/** Shorter topics are not worth the property that stands for them. */
const WORTH_AN_ALIAS = 8

/** Packets into the output of one connection: in its version, and no larger than its client takes. */
export class ClientOutput {
  version: 3 | 4 | 5 = 4
  /** [MQTT-3.1.2-24] */
  maxPacketBytes: number = Infinity
  /** Topic aliases that the client takes; 0 ([MQTT-3.1.2-26]). */
  maxAliases = 0
  readonly #broker: Broker
  readonly #counters: Counters
  readonly #output: Output
  /** By topic: those that were named to this client. */
  #aliases: Map<string, number> | undefined

  constructor(broker: Broker, transport: Transport) {
    this.#broker = broker
    this.#counters = broker.counters
    this.#output = new Output(transport, broker.flusher, broker.slabs)
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
    const counters = this.#counters
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
      const parts = this.#partsOf(message, identifiers)
      const size = sizeOfPublishParts(parts, qos)
      if (size > this.maxPacketBytes) return false
      const region = output.reserve(size)
      output.wrote(encodePublish(parts, qos, retain, dup, packetId, region.bytes, region.at))
      counters.bytesSent += size
    }
    counters.packetsSent++
    counters.publishSent++
    counters.publishBytesSent += message.payloadEnd - message.payloadAt
    return true
  }

  /** Success, in four bytes: what nearly every acknowledgement is. */
  acknowledge(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: number): void {
    const region = this.#output.reserve(4)
    this.#output.wrote(encodeAcknowledgement(type, packetId, region.bytes, region.at))
    this.#counters.packetsSent++
    this.#counters.bytesSent += 4
  }

  /** Any other packet. Left out if the client does not take so much: what it asked for it gets, reasons it can do without. */
  send(packet: Packet): void {
    const size = sizeOf(packet, this.version)
    if (size > this.maxPacketBytes) return
    const region = this.#output.reserve(size)
    this.#output.wrote(encode(packet, this.version, region.bytes, region.at))
    this.#counters.packetsSent++
    this.#counters.bytesSent += size
  }

  flush(): void {
    this.#output.flush()
  }

  close(): void {
    this.#output.close()
  }

  #partsOf(message: Passing, identifiers: readonly number[] | undefined): PublishParts {
    const now = this.#expiryNow(message)
    if (this.maxAliases > 0) {
      const { text } = message.topic
      const known = this.#aliases?.get(text)
      if (known !== undefined) return message.parts(message.properties(5, { identifiers, alias: known }, now), NO_BYTES)
      const count = this.#aliases?.size ?? 0
      if (count < this.maxAliases && text.length >= WORTH_AN_ALIAS) {
        this.#aliases ??= new Map()
        this.#aliases.set(text, count + 1)
        return message.parts(message.properties(5, { identifiers, alias: count + 1 }, now))
      }
    }
    const own = identifiers === undefined ? undefined : { identifiers }
    return message.parts(message.properties(this.version, own, now))
  }

  /** The clock is asked only where it matters. */
  #expiryNow({ expiresAt }: Passing): number {
    return expiresAt === Infinity ? 0 : this.#broker.now()
  }
}
