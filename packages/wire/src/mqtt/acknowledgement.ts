import type { Cursor } from './cursor.ts'
import { requirePacketId, writeUint16 } from './output.ts'
import type { Acknowledgement, ProtocolVersion } from './packet.ts'
import {
  given,
  hasProperties,
  NO_PROPERTIES,
  readProperties,
  sizeOfProperties,
  writeProperties,
} from './property-codec.ts'
import { readReason, requireReason } from './reason.ts'

/**
 * PUBACK, PUBREC, PUBREL and PUBCOMP, 5.0 §3.4 to §3.7, four packets of one form:
 *
 *     packet identifier · [reason code · [properties]]
 *
 * With 2 bytes the reason is 0, with 3 there are no properties.
 */
export function readAcknowledgement(cursor: Cursor, type: Acknowledgement['type']): Acknowledgement {
  const packetId = cursor.packetId()
  if (cursor.version !== 5 || cursor.left === 0) return { type, packetId, reasonCode: 0 }
  const reasonCode = readReason(cursor, type)
  const properties = cursor.left === 0 ? NO_PROPERTIES : readProperties(cursor, type)
  return { type, packetId, reasonCode, ...given(properties) }
}

export function sizeOfAcknowledgement(packet: Acknowledgement, version: ProtocolVersion): number {
  requirePacketId(packet.packetId)
  requireReason(packet.type, packet.reasonCode, version)
  if (version !== 5) return 2
  if (hasProperties(packet.type, packet.properties)) return 3 + sizeOfProperties(packet.type, packet.properties, 5)
  return packet.reasonCode === 0 ? 2 : 3
}

export function writeAcknowledgement(
  packet: Acknowledgement,
  version: ProtocolVersion,
  out: Uint8Array,
  from: number,
): number {
  let at = writeUint16(packet.packetId, out, from)
  if (version !== 5) return at
  const more = hasProperties(packet.type, packet.properties)
  if (more || packet.reasonCode !== 0) out[at++] = packet.reasonCode
  return more ? writeProperties(packet.type, packet.properties, 5, out, at) : at
}

/** The first byte of each. PUBREL has the flags 0010 [MQTT-3.6.1-1]. */
const FIRST_BYTES = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const

/**
 * An acknowledgement that says success, in its four bytes, the same in all versions: what a server writes for nearly
 * every PUBLISH. `out` must have room for 4 bytes, and `packetId` be one that came.
 */
export function encodeAcknowledgement(
  type: Acknowledgement['type'],
  packetId: number,
  out: Uint8Array,
  at: number,
): number {
  out[at] = FIRST_BYTES[type]
  out[at + 1] = 2
  return writeUint16(packetId, out, at + 2)
}
