import type { Packet, PacketHandler } from '../../src/mqtt/index.ts'

/** A handler that keeps every packet as a value. */
export function collect(packets: Packet[]): PacketHandler {
  return { publish: (packet) => packets.push(packet.toPacket()), packet: (packet) => packets.push(packet) }
}

/** The same value with `hex:…` for bytes, to compare and to print. */
export function bytesToText(value: unknown): unknown {
  if (value instanceof Uint8Array) return `hex:${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return value.map(bytesToText)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, bytesToText(inner)]))
}

export function textToBytes(value: unknown): unknown {
  if (typeof value === 'string' && value.startsWith('hex:')) return new Uint8Array(Buffer.from(value.slice(4), 'hex'))
  if (Array.isArray(value)) return value.map(textToBytes)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, textToBytes(inner)]))
}
