/**
 * What the history keeps of a message beside its payload:
 *
 * ```
 * byte 0   version, 1
 * byte 1   QoS in two bits, 4 RETAIN, 8 has expiry, 16 has more
 * f64      expiry, if flagged: milliseconds since 1970
 * rest     if flagged: a PUBLISH of 5.0 without payload, for its topic and properties
 * ```
 *
 * Without `more` its topic is the channel. A message that has none of all this was not published by a client of MQTT.
 */
import { encodePublish, sizeOfPublishParts } from '@halyard/wire/mqtt'
import type { Qos } from '@halyard/wire/mqtt'
import type { Clock } from '@halyard/core'
import type { KeptMessageCodec, KeptParts } from '../domain/message-history.ts'
import { RecordReader, RecordWriter, broken } from './ledger/bytes.ts'
import { propertiesOf } from './ledger/encoder.ts'
import { MessageReader } from './ledger/decoder.ts'
import { topicOf } from './publication.ts'
import type { Publication } from './publication.ts'

const VERSION = 1
const QOS = 3
const RETAIN = 4
const EXPIRY = 8
const MORE = 16
const NO_PAYLOAD = new Uint8Array(0)

/** The key of its publisher does not last: who it was is of no use for a message of the past. */
export class StoredPublications implements KeptMessageCodec<Publication> {
  readonly #clock: Clock
  readonly #writer = new RecordWriter()
  #reader = new MessageReader()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  encode({ topic, payload, qos, retain, properties, expiresAt }: Publication, channel: string): KeptParts {
    const expires = expiresAt !== Infinity
    const more = properties !== undefined || topic.text !== channel
    const flags = qos | (retain ? RETAIN : 0) | (expires ? EXPIRY : 0) | (more ? MORE : 0)
    const writer = this.#writer.begin(VERSION, flags)
    if (expires) writer.moment(this.#clock.now() + expiresAt - this.#clock.monotonic())
    if (more) {
      const parts = {
        topic: topic.bytes,
        properties: propertiesOf(properties),
        payload: NO_PAYLOAD,
        payloadAt: 0,
        payloadEnd: 0,
      }
      writer.room(sizeOfPublishParts(parts, 0), (bytes, at) => encodePublish(parts, 0, false, false, 0, bytes, at))
    }
    return { payload, options: writer.record }
  }

  decode({ payload, options }: KeptParts, channel: string): Publication {
    const plain = { topic: topicOf(channel), payload, properties: undefined, expiresAt: Infinity }
    if (options === undefined) return { ...plain, qos: 0, retain: false }
    const [version, flags = 0] = options
    const qos = flags & QOS
    if (version !== VERSION || options.length < 2 || qos === 3) throw broken()
    const reader = new RecordReader(options)
    const expiresAt = flags & EXPIRY ? this.#clock.monotonic() + reader.moment() - this.#clock.now() : Infinity
    const more = flags & MORE ? this.#publish(reader.rest()) : plain
    return {
      topic: more.topic,
      payload,
      properties: more.properties,
      expiresAt,
      qos: qos as Qos,
      retain: (flags & RETAIN) !== 0,
    }
  }

  #publish(bytes: Uint8Array): Publication {
    try {
      return this.#reader.read(bytes, Infinity)
    } catch (error) {
      // What it holds of a packet belongs to no other.
      this.#reader = new MessageReader()
      throw broken(error)
    }
  }
}
