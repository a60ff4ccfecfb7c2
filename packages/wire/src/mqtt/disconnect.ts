import { protocolError, type Cursor } from './cursor.ts'
import type { Disconnect, ProtocolVersion } from './packet.ts'
import {
  given,
  hasProperties,
  NO_PROPERTIES,
  readProperties,
  sizeOfProperties,
  writeProperties,
} from './property-codec.ts'
import { readReason, requireReason } from './reason.ts'

/** DISCONNECT, 5.0 §3.14: [reason code · [properties]]. Empty before 5.0, and then sent by clients alone. */
export function readDisconnect(cursor: Cursor): Disconnect {
  if (cursor.version !== 5 || cursor.left === 0) return { type: 'disconnect', reasonCode: 0 }
  const reasonCode = readReason(cursor, 'disconnect')
  const properties = cursor.left === 0 ? NO_PROPERTIES : readProperties(cursor, 'disconnect')
  if (cursor.receiver === 'client' && 'sessionExpiryInterval' in properties) {
    throw protocolError('MQTT-3.14.2-2', "a server's DISCONNECT has a session expiry interval")
  }
  return { type: 'disconnect', reasonCode, ...given(properties) }
}

export function sizeOfDisconnect(packet: Disconnect, version: ProtocolVersion): number {
  requireReason('disconnect', packet.reasonCode, version)
  if (version !== 5) return 0
  if (hasProperties('disconnect', packet.properties)) return 1 + sizeOfProperties('disconnect', packet.properties, 5)
  return packet.reasonCode === 0 ? 0 : 1
}

export function writeDisconnect(packet: Disconnect, version: ProtocolVersion, out: Uint8Array, from: number): number {
  if (version !== 5) return from
  const more = hasProperties('disconnect', packet.properties)
  let at = from
  if (more || packet.reasonCode !== 0) out[at++] = packet.reasonCode
  return more ? writeProperties('disconnect', packet.properties, 5, out, at) : at
}
