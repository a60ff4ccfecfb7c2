import type { Cursor } from './cursor.ts'
import { requireInteger, requirePacketId, sizeOfString, writeString, writeUint16 } from './output.ts'
import type { ProtocolVersion, Unsubscribe } from './packet.ts'
import { given, readProperties, sizeOfProperties, writeProperties } from './property-codec.ts'
import { nothingAsked } from './subscribe.ts'

/** UNSUBSCRIBE, 5.0 §3.10: packet identifier · [properties] · one or more topic filters. */
export function readUnsubscribe(cursor: Cursor): Unsubscribe {
  const packetId = cursor.packetId()
  const properties = readProperties(cursor, 'unsubscribe')
  const filters: string[] = []
  // [MQTT-3.10.3-1]
  while (cursor.left > 0) filters.push(cursor.string())
  if (filters.length === 0) throw nothingAsked('MQTT-3.10.3-2')
  return { type: 'unsubscribe', packetId, filters, ...given(properties) }
}

export function sizeOfUnsubscribe(packet: Unsubscribe, version: ProtocolVersion): number {
  requirePacketId(packet.packetId)
  requireInteger('the number of filters', packet.filters.length, 1, Infinity)
  let size = 2 + sizeOfProperties('unsubscribe', packet.properties, version)
  for (const filter of packet.filters) {
    requireInteger('the characters of a filter', filter.length, 1, Infinity)
    size += sizeOfString(filter)
  }
  return size
}

export function writeUnsubscribe(packet: Unsubscribe, version: ProtocolVersion, out: Uint8Array, from: number): number {
  let at = writeUint16(packet.packetId, out, from)
  at = writeProperties('unsubscribe', packet.properties, version, out, at)
  for (const filter of packet.filters) at = writeString(filter, out, at)
  return at
}
