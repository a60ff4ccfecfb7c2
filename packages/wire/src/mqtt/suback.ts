import type { Cursor } from './cursor.ts'
import { requireInteger, requirePacketId, writeUint16 } from './output.ts'
import type { ProtocolVersion, Suback } from './packet.ts'
import { given, readProperties, sizeOfProperties, writeProperties } from './property-codec.ts'
import { readReason, requireReason } from './reason.ts'
import { nothingAsked } from './subscribe.ts'

/** SUBACK, 5.0 §3.9: packet identifier · [properties] · one code per filter, in their order [MQTT-3.9.3-1]. */
export function readSuback(cursor: Cursor): Suback {
  const packetId = cursor.packetId()
  const properties = readProperties(cursor, 'suback')
  const reasonCodes: number[] = []
  while (cursor.left > 0) reasonCodes.push(readReason(cursor, 'suback'))
  // [MQTT-3.8.4-6]
  if (reasonCodes.length === 0) throw nothingAsked('MQTT-3.8.4-6')
  return { type: 'suback', packetId, reasonCodes, ...given(properties) }
}

export function sizeOfSuback(packet: Suback, version: ProtocolVersion): number {
  requirePacketId(packet.packetId)
  requireInteger('the number of reason codes', packet.reasonCodes.length, 1, Infinity)
  for (const code of packet.reasonCodes) requireReason('suback', code, version)
  return 2 + sizeOfProperties('suback', packet.properties, version) + packet.reasonCodes.length
}

export function writeSuback(packet: Suback, version: ProtocolVersion, out: Uint8Array, from: number): number {
  const at = writeUint16(packet.packetId, out, from)
  const end = writeProperties('suback', packet.properties, version, out, at)
  out.set(packet.reasonCodes, end)
  return end + packet.reasonCodes.length
}
