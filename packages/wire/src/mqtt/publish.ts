import { protocolError, truncated, zeroPacketId, type Cursor } from './cursor.ts'
import { MqttEncodeError, MqttProtocolError } from './errors.ts'
import { requireInteger, requirePacketId, sizeOfString, writeString, writeUint16 } from './output.ts'
import type { ProtocolVersion, Publish, Qos } from './packet.ts'
import type { PublishProperties } from './properties.ts'
import { given, NO_PROPERTIES, readProperties, sizeOfProperties, writeProperties } from './property-codec.ts'
import { REASON } from './reason-codes.ts'
import { RepeatedProperties } from './repeated-properties.ts'
import { NO_TOPIC, readTopicName, sameBytes } from './topic-name.ts'
import type { TopicMemo, TopicName } from './topic-name.ts'
import { hasWildcard } from './topic.ts'

/**
 * PUBLISH, 5.0 §3.3: topic · packet identifier if QoS > 0 · [properties] · payload, which is whatever is left.
 * The flags of the first byte: bit 3 DUP, bits 2 and 1 QoS, bit 0 RETAIN.
 */
const DUP = 0x08
const RETAIN = 0x01

/**
 * A PUBLISH where it lies: one object per reader, filled anew for each packet. **Valid until the handler returns**, but
 * `topic` and `properties`, which may be kept. What else is to last is copied: `copyPayload()`, `toPacket()`.
 */
export interface IncomingPublish {
  /** What the packet lies in: the caller's chunk or the reader's own memory. */
  readonly bytes: Uint8Array
  /** The topic is `bytes[topicAt, topicEnd)`. */
  readonly topicAt: number
  readonly topicEnd: number
  /** Decoded once for as long as it repeats: `===` the one before if the topic is the same as in the packet before. */
  readonly topic: TopicName
  readonly qos: Qos
  readonly dup: boolean
  readonly retain: boolean
  /** 0 with QoS 0 */
  readonly packetId: number
  /** Empty before 5.0. */
  readonly properties: PublishProperties
  /** The payload is `bytes[payloadAt, payloadEnd)`. */
  readonly payloadAt: number
  readonly payloadEnd: number
  /** The payload in place: a view, which costs more than the two numbers. */
  payload(): Uint8Array
  copyPayload(): Uint8Array
  /** The packet as a value, its payload copied. */
  toPacket(): Publish
}

const NOTHING: Uint8Array = new Uint8Array(0)

/** Longer topics are not kept between chunks: an idle connection holds little, whatever it sent before. */
const KEPT_TOPIC_BYTES = 256

export class PublishView implements IncomingPublish {
  bytes: Uint8Array = NOTHING
  topicAt = 0
  topicEnd = 0
  topic: TopicName = NO_TOPIC
  qos: Qos = 0
  dup = false
  retain = false
  packetId = 0
  properties: PublishProperties = NO_PROPERTIES
  readonly repeated: RepeatedProperties = new RepeatedProperties()
  payloadAt = 0
  payloadEnd = 0

  payload(): Uint8Array {
    return this.bytes.subarray(this.payloadAt, this.payloadEnd)
  }

  copyPayload(): Uint8Array {
    const copy = new Uint8Array(this.payloadEnd - this.payloadAt)
    copy.set(this.payload())
    return copy
  }

  toPacket(): Publish {
    return {
      type: 'publish',
      topic: this.topic.text,
      payload: this.copyPayload(),
      qos: this.qos,
      retain: this.retain,
      dup: this.dup,
      ...(this.qos > 0 && { packetId: this.packetId }),
      ...given(this.properties),
    }
  }

  /** Lets go of the caller's chunk. */
  release(): void {
    this.bytes = NOTHING
    this.properties = NO_PROPERTIES
    if (this.topic.bytes.length > KEPT_TOPIC_BYTES) this.topic = NO_TOPIC
  }
}

/**
 * Reads the body `bytes[from, end)` into `view`: the hot path, which makes no object for a topic that repeats and a
 * packet without properties. `anyTopic` lets through what is no topic name.
 */
export function readPublish(
  view: PublishView,
  cursor: Cursor,
  flags: number,
  bytes: Uint8Array,
  from: number,
  end: number,
  memo: TopicMemo | undefined,
  anyTopic: boolean,
): void {
  const qos = (flags >> 1) & 3
  checkFlags(flags, qos, cursor.version)
  // [MQTT-3.3.2-1]: the topic comes first.
  let at = from + 2
  if (at > end) throw truncated()
  const topicEnd = at + ((bytes[from]! << 8) | bytes[from + 1]!)
  if (topicEnd > end) throw truncated()
  if (!sameBytes(view.topic.bytes, bytes, at, topicEnd)) {
    view.topic = memo ? memo.get(bytes, at, topicEnd) : readTopicName(bytes, at, topicEnd)
  }
  view.topicAt = at
  view.topicEnd = topicEnd
  at = topicEnd
  let packetId = 0
  if (qos > 0) {
    // [MQTT-2.2.1-2]: with QoS 0 there is none.
    if (at + 2 > end) throw truncated()
    packetId = (bytes[at]! << 8) | bytes[at + 1]!
    if (packetId === 0) throw zeroPacketId()
    at += 2
  }
  if (cursor.version !== 5) view.properties = NO_PROPERTIES
  else if (at < end && bytes[at] === 0) {
    view.properties = NO_PROPERTIES
    at++
  } else {
    const { repeated } = view
    const known = repeated.endOf(bytes, at, end)
    if (known > 0) view.properties = repeated.properties
    else {
      cursor.point(bytes, at, end)
      view.properties = repeated.remember(readProperties(cursor, 'publish'), bytes, at, cursor.at)
    }
    at = known > 0 ? known : cursor.at
    checkProperties(view.properties, cursor)
  }
  if (!view.topic.valid && !anyTopic) checkTopic(view)
  view.bytes = bytes
  view.qos = qos as Qos
  view.dup = (flags & DUP) !== 0
  view.retain = (flags & RETAIN) !== 0
  view.packetId = packetId
  view.payloadAt = at
  view.payloadEnd = end
}

function checkFlags(flags: number, qos: number, version: ProtocolVersion | undefined): void {
  // [MQTT-3.3.1-4]
  if (qos === 3) throw badFlags('MQTT-3.3.1-4', 'PUBLISH has QoS 3')
  // [MQTT-3.3.1-2]; 3.1 does not forbid it
  if (qos === 0 && flags & DUP && version !== 3) throw badFlags('MQTT-3.3.1-2', 'PUBLISH with QoS 0 has DUP')
}

function badFlags(clause: string, message: string): MqttProtocolError {
  return new MqttProtocolError('ERR_MQTT_PUBLISH_FLAGS', REASON.malformedPacket, clause, message)
}

function checkProperties(properties: PublishProperties, cursor: Cursor): void {
  // [MQTT-3.3.4-6]
  if (cursor.receiver === 'server' && 'subscriptionIdentifiers' in properties) {
    throw protocolError('MQTT-3.3.4-6', "a client's PUBLISH has a subscription identifier")
  }
}

/** The topic is no topic name: only an alias may stand for it. */
function checkTopic(view: PublishView): void {
  if (view.topic.text !== '') {
    // [MQTT-3.3.2-2]
    throw new MqttProtocolError(
      'ERR_MQTT_TOPIC',
      REASON.malformedPacket,
      'MQTT-3.3.2-2',
      'the topic of PUBLISH has a wildcard',
    )
  }
  if ('topicAlias' in view.properties) return
  throw new MqttProtocolError(
    'ERR_MQTT_TOPIC',
    REASON.protocolError,
    'MQTT-4.7.3-1',
    'the topic of PUBLISH is empty, and no topic alias stands for it',
  )
}

export function sizeOfPublish(packet: Publish, version: ProtocolVersion): number {
  const { topic, qos, properties, payload } = packet
  requireInteger('the QoS', qos, 0, 2)
  if (hasWildcard(topic)) throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'the topic of PUBLISH has a wildcard')
  if (topic === '' && (version !== 5 || properties?.topicAlias === undefined)) {
    throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'the topic of PUBLISH is empty')
  }
  if (qos === 0 && packet.dup) throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'PUBLISH with QoS 0 has no DUP')
  if (qos > 0) requirePacketId(packet.packetId)
  return sizeOfString(topic) + (qos > 0 ? 2 : 0) + sizeOfProperties('publish', properties, version) + payload.length
}

/** The flags of the first byte, below the packet's type 3. */
export function publishFlags(qos: Qos, retain: boolean, dup: boolean): number {
  return (dup ? DUP : 0) | (qos << 1) | (retain ? RETAIN : 0)
}

export function writePublish(packet: Publish, version: ProtocolVersion, out: Uint8Array, from: number): number {
  let at = writeString(packet.topic, out, from)
  if (packet.qos > 0) at = writeUint16(packet.packetId ?? 0, out, at)
  at = writeProperties('publish', packet.properties, version, out, at)
  out.set(packet.payload, at)
  return at + packet.payload.length
}
