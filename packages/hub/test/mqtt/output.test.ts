import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Flusher } from '../../src/mqtt/flush.ts'
import type { Flushable } from '../../src/mqtt/flush.ts'
import { Output } from '../../src/mqtt/output.ts'
import { SlabPool } from '../../src/mqtt/slab.ts'
import { MemoryTransport } from './memory-transport.ts'

interface Opened {
  readonly transport: MemoryTransport
  readonly output: Output
  readonly read: number[]
}

function open(flusher: Flusher, slabs: SlabPool): Opened {
  const transport = new MemoryTransport()
  const read: number[] = []
  transport.onWritten = (bytes) => read.push(...bytes)
  return { transport, output: new Output(transport, { flusher, slabs, much: Infinity }, { goOn: () => {} }), read }
}

function put({ output }: Opened, bytes: Uint8Array): void {
  const region = output.reserve(bytes.length)
  region.bytes.set(bytes, region.at)
  output.wrote(region.at + bytes.length)
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the output of a connection', () => {
  const sizes = fc.oneof(
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 2000, max: 2100 }),
    fc.constantFrom(32_767, 32_768, 32_769, 70_000),
  )
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('put', 'append'), who: fc.nat({ max: 2 }), size: sizes }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('flush'), who: fc.nat({ max: 2 }), size: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('stick'), who: fc.nat({ max: 2 }), size: fc.constant(0) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('take'), who: fc.nat({ max: 2 }), size: fc.nat({ max: 100_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('finish'), who: fc.nat({ max: 2 }), size: fc.constant(0) }) },
  )

  it('is what was put in, in its order, whoever shares its memory and however slowly it is read', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const slabs = new SlabPool()
        const flusher = new Flusher()
        const all = [0, 1, 2].map(() => ({ ...open(flusher, slabs), sent: [] as number[], isOver: false }))
        let next = 0
        for (const { do: what, who, size } of steps) {
          const one = all[who]
          if (!one || one.isOver) continue
          const { transport, output, sent } = one
          if (what === 'put' || what === 'append') {
            const bytes = new Uint8Array(size).fill(++next % 251)
            sent.push(...bytes)
            if (what === 'put') put(one, bytes)
            else output.append(bytes)
          } else if (what === 'flush') {
            output.flush()
          } else if (what === 'stick') {
            transport.isStuck = true
          } else if (what === 'take') {
            transport.isStuck = false
            transport.take(size)
            output.flush()
          } else {
            output.finish()
            output.close()
            one.isOver = true
          }
          if (!one.isOver) expect(output.waiting).toBe(sent.length - one.read.length)
        }
        for (const one of all) {
          one.transport.isStuck = false
          one.transport.take(Infinity)
          one.output.flush()
          expect(Buffer.compare(Buffer.from(one.read), Buffer.from(one.sent))).toBe(0)
          expect(one.transport.spoilt).toBe(0)
        }
      }),
      { numRuns: 150 },
    )
  })

  it('is one write for all frames of a turn', async () => {
    const one = open(new Flusher(), new SlabPool())
    for (let frame = 0; frame < 100; frame++) put(one, new Uint8Array(20).fill(frame))
    expect(one.transport.writes).toBe(0)
    await turn()
    expect([one.transport.writes, one.read.length]).toEqual([1, 2000])
  })

  it('waits while the client does not read, then goes out 64 KiB at a time', () => {
    const one = open(new Flusher(), new SlabPool())
    one.transport.isStuck = true
    put(one, new Uint8Array(10))
    one.output.flush()
    for (let frame = 0; frame < 3000; frame++) put(one, new Uint8Array(100))
    one.output.flush()
    expect([one.transport.writes, one.transport.pendingBytes, one.output.waiting]).toEqual([1, 10, 300_010])
    const before = one.output.taken
    one.transport.take(10)
    one.output.flush()
    expect(one.transport.writes).toBe(2)
    expect(one.transport.pendingBytes).toBeLessThan(200_000)
    expect(one.output.taken).toBeGreaterThan(before)
    one.transport.isStuck = false
    one.transport.take(Infinity)
    one.output.flush()
    expect([one.read.length, one.output.waiting]).toEqual([300_010, 0])
  })

  it('holds no more memory for a slow client than it owes, and not the slabs that it shares with others', () => {
    const slabs = new SlabPool()
    const flusher = new Flusher()
    const slow = open(flusher, slabs)
    const fast = open(flusher, slabs)
    slow.transport.isStuck = true
    put(slow, new Uint8Array(10))
    slow.output.flush()
    const buffers = new Set<ArrayBufferLike>()
    for (let frame = 0; frame < 1000; frame++) {
      put(fast, new Uint8Array(2000))
      fast.output.flush()
      const region = slow.output.reserve(100)
      buffers.add(region.bytes.buffer)
      slow.output.wrote(region.at + 100)
      slow.output.flush()
    }
    const held = [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0)
    expect(held).toBeLessThan(3 * slow.output.waiting)
  })

  it('says nothing once it is closed', async () => {
    const one = open(new Flusher(), new SlabPool())
    put(one, new Uint8Array(10))
    one.output.close()
    put(one, new Uint8Array(10))
    one.output.flush()
    one.output.finish()
    await turn()
    expect(one.transport.writes).toBe(0)
  })
})

describe('the flusher', () => {
  function marked(flusher: Flusher, order: string[], name: string): void {
    const output: Flushable = { flush: () => order.push(name) }
    flusher.mark(output)
  }

  it('flushes right behind the reader while few sockets are read', async () => {
    const flusher = new Flusher()
    const order: string[] = []
    for (let round = 0; round < 3; round++) {
      marked(flusher, order, `answer ${round}`)
      flusher.read()
      process.nextTick(() => order.push('tick'))
      await turn()
    }
    expect(order).toEqual(['answer 0', 'tick', 'answer 1', 'tick', 'answer 2', 'tick'])
  })

  it('flushes at the end of the turn once many sockets were read in one', async () => {
    const flusher = new Flusher()
    const order: string[] = []
    for (let socket = 0; socket < 3; socket++) flusher.read()
    await turn()
    marked(flusher, order, 'answer')
    flusher.read()
    process.nextTick(() => order.push('tick'))
    await turn()
    expect(order).toEqual(['tick', 'answer'])
  })

  it('gives what is marked while it flushes the next turn', async () => {
    const flusher = new Flusher()
    let flushes = 0
    const output: Flushable = {
      flush: () => {
        if (++flushes < 3) flusher.mark(output)
      },
    }
    flusher.mark(output)
    await turn()
    expect(flushes).toBe(1)
    await turn()
    await turn()
    expect(flushes).toBe(3)
  })
})
