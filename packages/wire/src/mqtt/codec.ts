import { readAcknowledgement, sizeOfAcknowledgement, writeAcknowledgement } from './acknowledgement.ts'
import { readAuth, sizeOfAuth, writeAuth } from './auth.ts'
import { readConnack, sizeOfConnack, writeConnack } from './connack.ts'
import { readConnect, sizeOfConnect, writeConnect } from './connect.ts'
import type { Cursor } from './cursor.ts'
import { readDisconnect, sizeOfDisconnect, writeDisconnect } from './disconnect.ts'
import { MqttEncodeError } from './errors.ts'
import { MAX_VARIABLE_BYTE_INTEGER, sizeOfVariableByteInteger, writeVariableByteInteger } from './output.ts'
import { PACKET_TYPES } from './packet.ts'
import type { ControlPacket, Packet, PacketType, ProtocolVersion } from './packet.ts'
import { publishFlags, sizeOfPublish, writePublish } from './publish.ts'
import { readSuback, sizeOfSuback, writeSuback } from './suback.ts'
import { readSubscribe, sizeOfSubscribe, writeSubscribe } from './subscribe.ts'
import { readUnsuback, sizeOfUnsuback, writeUnsuback } from './unsuback.ts'
import { readUnsubscribe, sizeOfUnsubscribe, writeUnsubscribe } from './unsubscribe.ts'

/**
 * The bytes of a packet, all of them: what {@link encode} needs. Throws `ERR_MQTT_UNENCODABLE` for a packet that the
 * standard does not allow. A CONNECT has its own version; `version` is that of the connection for all others.
 */
export function sizeOf(packet: Packet, version: ProtocolVersion): number {
  const body = bodySizeOf(packet, version)
  return 1 + sizeOfVariableByteInteger(body) + body
}

/**
 * Writes a packet at `at` and returns where it ends. Throws before it writes anything: `ERR_MQTT_UNENCODABLE` as
 * {@link sizeOf} does, `ERR_MQTT_ROOM` if `out` ends before the packet.
 *
 * @example
 * ```ts
 * import { encode } from '@halyard/wire/mqtt'
 * const out = new Uint8Array(64)
 * const packet = { type: 'publish', topic: 'a', payload: new Uint8Array(1), qos: 0, retain: false, dup: false } as const
 * console.log(encode(packet, 4, out, 0)) // 6
 * ```
 */
export function encode(packet: Packet, version: ProtocolVersion, out: Uint8Array, at: number): number {
  const body = bodySizeOf(packet, version)
  const needed = 1 + sizeOfVariableByteInteger(body) + body
  if (at + needed > out.length) {
    throw new MqttEncodeError('ERR_MQTT_ROOM', `${packet.type} needs ${needed} bytes of room, not ${out.length - at}`)
  }
  out[at] = firstByteOf(packet)
  return writeBody(packet, version, out, writeVariableByteInteger(body, out, at + 1))
}

/** {@link encode} into an array of its own, where speed is no matter. */
export function encodeToBytes(packet: Packet, version: ProtocolVersion): Uint8Array {
  const bytes = new Uint8Array(sizeOf(packet, version))
  encode(packet, version, bytes, 0)
  return bytes
}

function firstByteOf(packet: Packet): number {
  const { type } = packet
  const high = PACKET_TYPES.indexOf(type) << 4
  return high | (type === 'publish' ? publishFlags(packet.qos, packet.retain, packet.dup) : flagsOf(type))
}

/** The fixed flags of a packet, table 2-2 [MQTT-2.1.3-1]; in 3.1.1 [MQTT-2.2.2-1]. PUBLISH has its own. */
export function flagsOf(type: PacketType): number {
  return type === 'pubrel' || type === 'subscribe' || type === 'unsubscribe' ? 2 : 0
}

function bodySizeOf(packet: Packet, version: ProtocolVersion): number {
  const size = uncheckedBodySizeOf(packet, version)
  if (size <= MAX_VARIABLE_BYTE_INTEGER) return size
  throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', `a packet of ${size} bytes is longer than MQTT allows`)
}

function uncheckedBodySizeOf(packet: Packet, version: ProtocolVersion): number {
  switch (packet.type) {
    case 'connect':
      return sizeOfConnect(packet)
    case 'connack':
      return sizeOfConnack(packet, version)
    case 'publish':
      return sizeOfPublish(packet, version)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return sizeOfAcknowledgement(packet, version)
    case 'subscribe':
      return sizeOfSubscribe(packet, version)
    case 'suback':
      return sizeOfSuback(packet, version)
    case 'unsubscribe':
      return sizeOfUnsubscribe(packet, version)
    case 'unsuback':
      return sizeOfUnsuback(packet, version)
    case 'pingreq':
    case 'pingresp':
      return 0
    case 'disconnect':
      return sizeOfDisconnect(packet, version)
    case 'auth':
    default:
      if (version === 5) return sizeOfAuth(packet)
      throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'AUTH is a packet of MQTT 5.0')
  }
}

function writeBody(packet: Packet, version: ProtocolVersion, out: Uint8Array, at: number): number {
  switch (packet.type) {
    case 'connect':
      return writeConnect(packet, out, at)
    case 'connack':
      return writeConnack(packet, version, out, at)
    case 'publish':
      return writePublish(packet, version, out, at)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return writeAcknowledgement(packet, version, out, at)
    case 'subscribe':
      return writeSubscribe(packet, version, out, at)
    case 'suback':
      return writeSuback(packet, version, out, at)
    case 'unsubscribe':
      return writeUnsubscribe(packet, version, out, at)
    case 'unsuback':
      return writeUnsuback(packet, version, out, at)
    case 'pingreq':
    case 'pingresp':
      return at
    case 'disconnect':
      return writeDisconnect(packet, version, out, at)
    case 'auth':
    default:
      return writeAuth(packet, out, at)
  }
}

/** Reads the body that the cursor points at, to its end; PUBLISH is read elsewhere. */
export function readBody(type: ControlPacket['type'], cursor: Cursor): ControlPacket {
  const packet = readOne(type, cursor)
  cursor.finish()
  return packet
}

function readOne(type: ControlPacket['type'], cursor: Cursor): ControlPacket {
  switch (type) {
    case 'connect':
      return readConnect(cursor)
    case 'connack':
      return readConnack(cursor)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return readAcknowledgement(cursor, type)
    case 'subscribe':
      return readSubscribe(cursor)
    case 'suback':
      return readSuback(cursor)
    case 'unsubscribe':
      return readUnsubscribe(cursor)
    case 'unsuback':
      return readUnsuback(cursor)
    case 'pingreq':
    case 'pingresp':
      return { type }
    case 'disconnect':
      return readDisconnect(cursor)
    case 'auth':
    default:
      return readAuth(cursor)
  }
}
