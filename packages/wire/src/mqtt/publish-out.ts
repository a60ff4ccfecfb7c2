import { MqttEncodeError } from './errors.ts'
import {
  copyBytes,
  MAX_VARIABLE_BYTE_INTEGER,
  sizeOfVariableByteInteger,
  writeUint16,
  writeVariableByteInteger,
} from './output.ts'
import type { ProtocolVersion, Qos } from './packet.ts'
import type { PublishProperties } from './properties.ts'
import { sizeOfProperties, writeProperties } from './property-codec.ts'
import { publishFlags } from './publish.ts'

/**
 * PUBLISH for many receivers: the parts are bytes already, so that only the header is made for each. Two ways:
 * {@link encodePublish} straight into each target's room, or {@link frameOf} once and {@link copyFrame} per target.
 */
export interface PublishParts {
  /** A topic name that was checked: of a `TopicName`, or by `checkTopicName`. */
  readonly topic: Uint8Array
  /** What {@link encodePublishProperties} gives for the receiver's version. */
  readonly properties: Uint8Array
  /** The payload is `payload[payloadAt, payloadEnd)`, for instance in the chunk in which it came. */
  readonly payload: Uint8Array
  readonly payloadAt: number
  readonly payloadEnd: number
}

/** The properties with their length, as every frame of a message repeats them; nothing before 5.0. */
export function encodePublishProperties(
  properties: PublishProperties | undefined,
  version: ProtocolVersion,
): Uint8Array {
  const bytes = new Uint8Array(sizeOfProperties('publish', properties, version))
  writeProperties('publish', properties, version, bytes, 0)
  return bytes
}

function bodySize(parts: PublishParts, qos: Qos): number {
  return 2 + parts.topic.length + (qos > 0 ? 2 : 0) + parts.properties.length + parts.payloadEnd - parts.payloadAt
}

/** All bytes of the packet: the room that {@link encodePublish} needs. */
export function sizeOfPublishParts(parts: PublishParts, qos: Qos): number {
  const body = bodySize(parts, qos)
  return 1 + sizeOfVariableByteInteger(body) + body
}

/**
 * Writes a PUBLISH at `at` and returns where it ends. The room is the caller's promise, {@link sizeOfPublishParts}; so
 * are the topic and, with QoS 1 and 2, a packet identifier from 1 to 65,535.
 */
export function encodePublish(
  parts: PublishParts,
  qos: Qos,
  retain: boolean,
  dup: boolean,
  packetId: number,
  out: Uint8Array,
  from: number,
): number {
  const body = bodySize(parts, qos)
  if (body > MAX_VARIABLE_BYTE_INTEGER) {
    throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', `a packet of ${body} bytes is longer than MQTT allows`)
  }
  out[from] = 0x30 | publishFlags(qos, retain, dup)
  let at = writeVariableByteInteger(body, out, from + 1)
  const { topic, properties } = parts
  at = writeUint16(topic.length, out, at)
  at = copyBytes(topic, 0, topic.length, out, at)
  if (qos > 0) at = writeUint16(packetId, out, at)
  at = copyBytes(properties, 0, properties.length, out, at)
  return copyBytes(parts.payload, parts.payloadAt, parts.payloadEnd, out, at)
}

/** One PUBLISH in bytes, for all receivers of the same version, QoS and RETAIN. */
export interface PublishFrame {
  readonly bytes: Uint8Array
  /** Where its two bytes of packet identifier stand; 0 with QoS 0, which has none. */
  readonly packetIdAt: number
}

export function frameOf(parts: PublishParts, qos: Qos, retain: boolean): PublishFrame {
  const bytes = new Uint8Array(sizeOfPublishParts(parts, qos))
  encodePublish(parts, qos, retain, false, 0, bytes, 0)
  const topicAt = bytes.length - bodySize(parts, qos)
  return { bytes, packetIdAt: qos > 0 ? topicAt + 2 + parts.topic.length : 0 }
}

/** Copies a frame for one receiver, with its packet identifier and DUP; returns where it ends. */
export function copyFrame(frame: PublishFrame, packetId: number, dup: boolean, out: Uint8Array, at: number): number {
  const end = copyBytes(frame.bytes, 0, frame.bytes.length, out, at)
  if (frame.packetIdAt > 0) {
    writeUint16(packetId, out, at + frame.packetIdAt)
    if (dup) out[at] = frame.bytes[0]! | 0x08
  }
  return end
}
