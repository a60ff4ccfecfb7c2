import { loadVectors, runVectors } from '@halyard/testkit'
import type { Decoded } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { decodePacket, encodeToBytes, PacketReader, sizeOf } from '../../src/mqtt/index.ts'
import type { Packet, ProtocolVersion } from '../../src/mqtt/index.ts'
import { bytesToText, collect, textToBytes } from './helpers.ts'

/** Packets as JSON has them: bytes are `hex:…`. */
type Plain = Record<string, unknown>

const FILES = { 'mqtt-3.1': 3, 'mqtt-3.1.1': 4, 'mqtt-5.0': 5 } as const satisfies Record<string, ProtocolVersion>

for (const [name, version] of Object.entries(FILES)) {
  const file = loadVectors<Plain>(new URL(`../../../../vectors/mqtt/${name}.json`, import.meta.url))
  runVectors<Plain>(
    file,
    {
      encode: (message) => encodeToBytes(textToBytes(message) as Packet, version),
      decode: (bytes) => {
        const decoded = decodePacket(bytes, { version })
        return decoded && { message: bytesToText(decoded.packet) as Plain, size: decoded.size }
      },
      open: () => {
        const packets: Packet[] = []
        const reader = new PacketReader(collect(packets), { version })
        let size = 0
        return (chunk): Decoded<Plain> | undefined => {
          size += chunk.length
          reader.push(chunk)
          return packets[0] && { message: bytesToText(packets[0]) as Plain, size: size - reader.held }
        }
      },
    },
    { describe, it },
  )

  describe(`${file.about} Sizes and streams`, () => {
    const packets = file.vectors.filter((vector) => vector.message)
    it('sizeOf is exact', () => {
      for (const { message, hex, direction } of packets) {
        if (direction === 'both') expect(sizeOf(textToBytes(message) as Packet, version)).toBe(hex.length / 2)
      }
    })

    it('[MQTT-6.0.0-2] all packets behind each other are the same packets, however they are cut', () => {
      // A connection has one CONNECT, so that the others follow the first.
      const rest = packets.filter(({ message }) => message?.['type'] !== 'connect')
      const all = Buffer.from(rest.map(({ hex }) => hex).join(''), 'hex')
      const expected = rest.map(({ message }) => message)
      for (let size = 1; size <= 64; size++) {
        const read: Packet[] = []
        const reader = new PacketReader(collect(read), { version })
        // The chunk's memory is used again for each, as a socket may do.
        const memory = new Uint8Array(size)
        for (let at = 0; at < all.length; at += size) {
          const part = all.subarray(at, at + size)
          memory.set(part)
          reader.push(memory.subarray(0, part.length))
          memory.fill(0xee)
        }
        expect(bytesToText(read)).toEqual(expected)
        expect(reader.held).toBe(0)
      }
    })
  })
}
