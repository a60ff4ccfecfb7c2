import { protocolError, type Cursor } from './cursor.ts'
import { MqttEncodeError } from './errors.ts'
import type { Auth } from './packet.ts'
import { given, hasProperties, readProperties, sizeOfProperties, writeProperties } from './property-codec.ts'
import { readReason, requireReason } from './reason.ts'

/** AUTH, 5.0 §3.15: [reason code · properties], both or neither; 5.0 alone. */
export function readAuth(cursor: Cursor): Auth {
  if (cursor.left === 0) return { type: 'auth', reasonCode: 0 }
  const reasonCode = readReason(cursor, 'auth')
  const properties = readProperties(cursor, 'auth')
  if (!('authenticationMethod' in properties)) {
    throw protocolError('5.0 §3.15.2.2.2', 'AUTH does not name the authentication method')
  }
  return { type: 'auth', reasonCode, ...given(properties) }
}

export function sizeOfAuth(packet: Auth): number {
  requireReason('auth', packet.reasonCode, 5)
  if (isEmpty(packet)) return 0
  if (packet.properties?.authenticationMethod === undefined) {
    throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'AUTH must name the authentication method')
  }
  return 1 + sizeOfProperties('auth', packet.properties, 5)
}

export function writeAuth(packet: Auth, out: Uint8Array, at: number): number {
  if (isEmpty(packet)) return at
  out[at] = packet.reasonCode
  return writeProperties('auth', packet.properties, 5, out, at + 1)
}

function isEmpty(packet: Auth): boolean {
  return packet.reasonCode === 0 && !hasProperties('auth', packet.properties)
}
