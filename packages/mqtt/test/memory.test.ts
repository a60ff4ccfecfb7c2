/** Memory that is used again: the piece in which packets leave, the slab in which payloads come. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import { Outlet } from '../src/outlet.ts'
import { Payloads } from '../src/payloads.ts'
import type { Transport } from '../src/transport.ts'

const text = new TextDecoder()

describe('what leaves', () => {
  /** Keeps what it was given, as a transport does whose peer is slow, until `waiting` is 0 again. */
  class Slow implements Transport {
    waiting = 0
    isSlow = false
    readonly held: Uint8Array[] = []
    readonly taken: string[] = []

    write(bytes: Uint8Array): boolean {
      if (this.isSlow) {
        this.held.push(bytes)
        this.waiting += bytes.length
      } else this.taken.push(text.decode(bytes))
      return true
    }

    leave(): void {
      for (const bytes of this.held.splice(0)) this.taken.push(text.decode(bytes))
      this.waiting = 0
    }

    pause(): void {}
    resume(): void {}
    end(): void {}
    destroy(): void {}
  }

  const parts = (payload: string) => {
    const bytes = new TextEncoder().encode(payload)
    const topic = Uint8Array.of(0x61)
    return { topic, properties: new Uint8Array(0), payload: bytes, payloadAt: 0, payloadEnd: bytes.length }
  }

  it('is not written over while the transport holds it', () => {
    const transport = new Slow()
    const outlet = new Outlet(transport, 4)
    let count = 0
    for (const isSlow of [false, true, true, false, true, true]) {
      if (!isSlow) transport.leave()
      transport.isSlow = isSlow
      for (let i = 0; i < 3; i++) {
        outlet.publish(parts(`${count++} ${'x'.repeat(100)}`), 0, false, false, 0)
        outlet.flush()
      }
    }
    transport.leave()
    const numbers = transport.taken.map((packet) => Number(/\d+ /u.exec(packet)?.[0]))
    expect(numbers).toEqual(Array.from({ length: 18 }, (_, i) => i))
  })

  it('of one large packet nothing stays, and small ones leave from the same piece', () => {
    const transport = new Slow()
    const outlet = new Outlet(transport, 4)
    const rooms: number[] = []
    const write = transport.write.bind(transport)
    transport.write = (bytes) => {
      rooms.push(bytes.buffer.byteLength)
      return write(bytes)
    }
    for (const size of [10, 300_000, 10, 10]) {
      outlet.publish(parts('x'.repeat(size)), 0, false, false, 0)
      outlet.flush()
    }
    expect(rooms[1]).toBeGreaterThan(300_000)
    expect(Math.max(...rooms.slice(2))).toBeLessThanOrEqual(64 * 1024)
    expect(rooms[3]).toBe(rooms[2])
  })
})

describe('what comes', () => {
  const payload = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 900, maxLength: 1100 }))

  it('stays as it came, also when the next chunk lies in the same memory', () => {
    fc.assert(
      fc.property(fc.array(fc.array(payload, { maxLength: 20 }), { maxLength: 5 }), (chunks) => {
        const payloads = new Payloads()
        const kept: Uint8Array[] = []
        let number = 0
        const reader = new PacketReader(
          { publish: (packet) => kept.push(payloads.copyOf(packet, number)), packet() {} },
          { version: 4 },
        )
        const expected: Uint8Array[] = []
        const memory = new Uint8Array(32 * 1024)
        for (const sent of chunks) {
          let end = 0
          const add = (bytes: Uint8Array): void => {
            const facts = { topic: 'a', qos: 0, retain: false, dup: false } as const
            const packet = encodeToBytes({ type: 'publish', payload: bytes, ...facts }, 4)
            memory.set(packet, end)
            end += packet.length
            expected.push(bytes)
          }
          sent.forEach(add)
          // The rest is PINGRESPs of two bytes each: the chunk is always the same array.
          if (end % 2 === 1) add(new Uint8Array(0))
          for (; end < memory.length; end += 2) memory.set([0xd0, 0], end)
          number++
          reader.push(memory)
        }
        expect(kept).toEqual(expected)
      }),
    )
  })

  it('holds 8 KiB at most for one that is kept', () => {
    const payloads = new Payloads()
    const sizes: number[] = []
    const reader = new PacketReader(
      { publish: (packet) => sizes.push(payloads.copyOf(packet, 1).buffer.byteLength), packet() {} },
      { version: 4 },
    )
    const facts = { topic: 'a', qos: 0, retain: false, dup: false } as const
    const packet = encodeToBytes({ type: 'publish', payload: new Uint8Array(500), ...facts }, 4)
    const chunk = new Uint8Array(100 * packet.length)
    for (let i = 0; i < 100; i++) chunk.set(packet, i * packet.length)
    reader.push(chunk)
    expect(sizes).toEqual(Array(100).fill(8 * 1024))
  })
})
