import type { Cursor } from './cursor.ts'
import { requireInteger, requirePacketId, writeUint16 } from './output.ts'
import type { ProtocolVersion, Unsuback } from './packet.ts'
import { given, readProperties, sizeOfProperties, writeProperties } from './property-codec.ts'
import { readReason, requireReason } from './reason.ts'
import { nothingAsked } from './subscribe.ts'

/** UNSUBACK, 5.0 §3.11: packet identifier, in 5.0 also properties · one code per filter [MQTT-3.11.3-1]. */
export function readUnsuback(cursor: Cursor): Unsuback {
  const packetId = cursor.packetId()
  if (cursor.version !== 5) return { type: 'unsuback', packetId, reasonCodes: [] }
  const properties = readProperties(cursor, 'unsuback')
  const reasonCodes: number[] = []
  while (cursor.left > 0) reasonCodes.push(readReason(cursor, 'unsuback'))
  if (reasonCodes.length === 0) throw nothingAsked('MQTT-3.11.3-1')
  return { type: 'unsuback', packetId, reasonCodes, ...given(properties) }
}

export function sizeOfUnsuback(packet: Unsuback, version: ProtocolVersion): number {
  requirePacketId(packet.packetId)
  if (version !== 5) return 2
  requireInteger('the number of reason codes', packet.reasonCodes.length, 1, Infinity)
  for (const code of packet.reasonCodes) requireReason('unsuback', code, version)
  return 2 + sizeOfProperties('unsuback', packet.properties, version) + packet.reasonCodes.length
}

export function writeUnsuback(packet: Unsuback, version: ProtocolVersion, out: Uint8Array, from: number): number {
  const at = writeUint16(packet.packetId, out, from)
  if (version !== 5) return at
  const end = writeProperties('unsuback', packet.properties, version, out, at)
  out.set(packet.reasonCodes, end)
  return end + packet.reasonCodes.length
}
