import { MAX_VARIABLE_BYTE_INTEGER } from './output.ts'
import type { Packet, ProtocolVersion, Receiver } from './packet.ts'
import { PacketReader } from './packet-reader.ts'

export interface DecodeOptions {
  /** That of the connection; a CONNECT tells its own. */
  readonly version: ProtocolVersion
  readonly receiver?: Receiver
}

export interface DecodedPacket {
  readonly packet: Packet
  /** bytes that it took */
  readonly size: number
}

/**
 * The packet at the start of `bytes`, for tools and tests; `undefined` while it is not whole. Throws
 * `MqttProtocolError`. A connection is read by a {@link PacketReader}, which makes no copies.
 *
 * @example
 * ```ts
 * import { decodePacket } from '@halyard/wire/mqtt'
 * console.log(decodePacket(Uint8Array.of(0xc0, 0), { version: 5 })) // { packet: { type: 'pingreq' }, size: 2 }
 * ```
 */
export function decodePacket(bytes: Uint8Array, { version, receiver }: DecodeOptions): DecodedPacket | undefined {
  let packet: Packet | undefined
  const take = (taken: Packet): void => {
    packet = taken
    reader.pause()
  }
  const reader = new PacketReader(
    { publish: (view) => take(view.toPacket()), packet: take },
    { version, receiver, maxPacketBytes: MAX_VARIABLE_BYTE_INTEGER + 5 },
  )
  reader.push(bytes)
  return packet && { packet, size: bytes.length - reader.held }
}
