import { protocolError, type Cursor } from './cursor.ts'
import { MqttEncodeError, MqttProtocolError } from './errors.ts'
import type { Connack, ProtocolVersion } from './packet.ts'
import { given, readProperties, sizeOfProperties, writeProperties } from './property-codec.ts'
import { readReason, requireReason } from './reason.ts'
import { REASON } from './reason-codes.ts'

/** CONNACK, 5.0 §3.2 and 3.1.1 §3.2: acknowledge flags · reason or return code · [properties]. */
export function readConnack(cursor: Cursor): Connack {
  const flags = cursor.byte()
  // [MQTT-3.2.2-1] of 5.0. In 3.1 the whole byte is unused.
  if (cursor.version !== 3 && flags > 1) {
    throw new MqttProtocolError(
      'ERR_MQTT_CONNACK_FLAGS',
      REASON.malformedPacket,
      'MQTT-3.2.2-1',
      'reserved acknowledge flags are set',
    )
  }
  const sessionPresent = cursor.version !== 3 && flags === 1
  const reasonCode = readReason(cursor, 'connack')
  // [MQTT-3.2.2-6] of 5.0, [MQTT-3.2.2-4] of 3.1.1
  if (sessionPresent && reasonCode !== 0) {
    throw protocolError('MQTT-3.2.2-6', 'a refusal tells of a session that is present')
  }
  const properties = readProperties(cursor, 'connack')
  return { type: 'connack', sessionPresent, reasonCode, ...given(properties) }
}

export function sizeOfConnack(packet: Connack, version: ProtocolVersion): number {
  requireReason('connack', packet.reasonCode, version)
  if (packet.sessionPresent && packet.reasonCode !== 0) {
    throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'a CONNACK that refuses has no session present')
  }
  return 2 + sizeOfProperties('connack', packet.properties, version)
}

export function writeConnack(packet: Connack, version: ProtocolVersion, out: Uint8Array, at: number): number {
  out[at] = packet.sessionPresent && version !== 3 ? 1 : 0
  out[at + 1] = packet.reasonCode
  return writeProperties('connack', packet.properties, version, out, at + 2)
}
