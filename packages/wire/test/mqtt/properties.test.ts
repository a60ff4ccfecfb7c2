import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePacket, encode, encodeToBytes, PacketReader, sizeOf } from '../../src/mqtt/index.ts'
import type { Packet } from '../../src/mqtt/index.ts'
import { packets } from '../../../../proofs/mqtt-fuzz/packets.ts'
import { foreignDecode, foreignEncode, withoutUserOrder } from './foreign.ts'
import { bytesToText, collect } from './helpers.ts'

const same = (found: unknown, expected: unknown): void => deepStrictEqual(bytesToText(found), bytesToText(expected))

for (const version of [3, 4, 5] as const) {
  describe(`any packet of version ${version}`, () => {
    it('is read as mqtt-packet reads what we write', () => {
      fc.assert(
        fc.property(packets(version), (packet) => {
          same(withoutUserOrder(foreignDecode(encodeToBytes(packet, version), version)), withoutUserOrder(packet))
        }),
        { numRuns: 800 },
      )
    })

    it('is read by us as mqtt-packet writes it', () => {
      fc.assert(
        fc.property(packets(version), (packet) => {
          // mqtt-packet refuses to write this, which 5.0 §3.1.2.9 allows; it reads it.
          fc.pre(!(packet.type === 'connect' && packet.password && packet.username === undefined))
          const bytes = foreignEncode(packet, version)
          const decoded = decodePacket(bytes, { version })
          expect(decoded?.size).toBe(bytes.length)
          same(decoded && withoutUserOrder(decoded.packet), withoutUserOrder(packet))
        }),
        { numRuns: 800 },
      )
    })

    it('takes the bytes that sizeOf says, none beside them, and comes back the same', () => {
      fc.assert(
        fc.property(packets(version), fc.nat(9), (packet, at) => {
          const size = sizeOf(packet, version)
          const out = new Uint8Array(at + size + 9).fill(0xa5)
          expect(encode(packet, version, out, at)).toBe(at + size)
          expect(out.subarray(0, at).every((byte) => byte === 0xa5)).toBe(true)
          expect(out.subarray(at + size).every((byte) => byte === 0xa5)).toBe(true)
          same(decodePacket(out.subarray(at, at + size), { version }), { packet, size })
          expect(() => encode(packet, version, out.subarray(0, at + size - 1), at)).toThrow(/needs \d+ bytes of room/)
        }),
        { numRuns: 500 },
      )
    })

    it('comes the same however a stream of them is cut', () => {
      const others = packets(version).filter(({ type }) => type !== 'connect')
      fc.assert(
        fc.property(fc.array(others, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 60 })), (sent, cuts) => {
          const all = Buffer.concat(sent.map((packet) => encodeToBytes(packet, version)))
          const read: Packet[] = []
          const reader = new PacketReader(collect(read), { version })
          let at = 0
          for (const cut of [...cuts, all.length]) {
            reader.push(all.subarray(at, at + cut))
            at += cut
          }
          same(read, sent)
          expect(reader.held).toBe(0)
        }),
        { numRuns: 200 },
      )
    })
  })
}
