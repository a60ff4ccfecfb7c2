import { flagsOf } from './codec.ts'
import { protocolError } from './cursor.ts'
import { MqttProtocolError } from './errors.ts'
import { PACKET_TYPES } from './packet.ts'
import type { PacketType, ProtocolVersion, Receiver } from './packet.ts'
import { REASON } from './reason-codes.ts'

/** What the first byte of a packet tells, and whether it may stand here: 5.0 §2.1. */

/** What only one side sends: 5.0 table 2-1. The rest goes both ways. */
const TO_SERVER: ReadonlySet<PacketType> = new Set(['connect', 'subscribe', 'unsubscribe', 'pingreq'])
const TO_CLIENT: ReadonlySet<PacketType> = new Set(['connack', 'suback', 'unsuback', 'pingresp'])

/**
 * The type of the packet that begins with `first`. Without a version nothing was read yet on this connection; without a
 * receiver the reader takes the packets of both sides.
 */
export function typeOf(
  first: number,
  version: ProtocolVersion | undefined,
  receiver: Receiver | undefined,
): PacketType {
  const type = PACKET_TYPES[first >> 4]
  if (version === undefined && type !== 'connect') {
    throw new MqttProtocolError(
      'ERR_MQTT_NOT_CONNECTED',
      REASON.protocolError,
      'MQTT-3.1.0-1',
      'the first packet is not CONNECT',
    )
  }
  if (type === undefined || (type === 'auth' && version !== 5)) throw badType(first)
  // 3.1 §2.1: the flags of all but PUBLISH are unused, or DUP and QoS 1 where a packet is sent again.
  if (type !== 'publish' && (version ?? 4) !== 3 && (first & 0x0f) !== flagsOf(type)) throw badFlags(type, first)
  if (receiver === 'server' ? TO_CLIENT.has(type) : receiver === 'client' && TO_SERVER.has(type)) {
    throw protocolError('5.0 §2.1.2', `${type} was sent to a ${receiver}`)
  }
  // Only 5.0 lets a server say that it leaves.
  if (type === 'disconnect' && receiver === 'client' && version !== 5) {
    throw protocolError('3.1.1 §3.14', 'disconnect was sent to a client')
  }
  return type
}

function badType(first: number): MqttProtocolError {
  return new MqttProtocolError(
    'ERR_MQTT_PACKET_TYPE',
    REASON.malformedPacket,
    '5.0 §2.1.2',
    `there is no packet type ${first >> 4}`,
  )
}

function badFlags(type: PacketType, first: number): MqttProtocolError {
  return new MqttProtocolError(
    'ERR_MQTT_FLAGS',
    REASON.malformedPacket,
    'MQTT-2.1.3-1',
    `${type} has the flags ${(first & 0x0f).toString(2).padStart(4, '0')}`,
  )
}

/** [MQTT-3.1.0-2] */
export function connectedAlready(): MqttProtocolError {
  return new MqttProtocolError(
    'ERR_MQTT_CONNECTED',
    REASON.protocolError,
    'MQTT-3.1.0-2',
    'a second CONNECT on one connection',
  )
}

export function badLength(message: string): MqttProtocolError {
  return new MqttProtocolError('ERR_MQTT_LENGTH', REASON.malformedPacket, 'MQTT-1.5.5-1', message)
}

export function tooLarge(size: number, most: number): MqttProtocolError {
  return new MqttProtocolError(
    'ERR_MQTT_PACKET_TOO_LARGE',
    REASON.packetTooLarge,
    '5.0 §3.1.2.11.4',
    `a packet of ${size} bytes, where at most ${most} are taken`,
  )
}
