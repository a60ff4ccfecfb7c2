import { describe, expect, it } from 'vitest'
import { encodeToBytes, PacketReader, ReadingDesk, TopicMemo } from '../../src/mqtt/index.ts'
import type { IncomingPublish, Packet, TopicName } from '../../src/mqtt/index.ts'
import { collect } from './helpers.ts'

const publish = (topic: string, payload = 'x', qos: 0 | 1 = 0): Uint8Array =>
  encodeToBytes(
    {
      type: 'publish',
      topic,
      payload: Buffer.from(payload),
      qos,
      retain: false,
      dup: false,
      packetId: qos || undefined,
    },
    4,
  )
const hex = (text: string): Uint8Array => Buffer.from(text, 'hex')

/** The PUBLISHes of one push, as whatever `see` makes of them while they are valid. */
function seen<T>(chunk: Uint8Array, see: (packet: IncomingPublish) => T, reader?: PacketReader): T[] {
  const out: T[] = []
  const own =
    reader ?? new PacketReader({ publish: (packet) => out.push(see(packet)), packet: () => {} }, { version: 4 })
  own.push(chunk)
  return out
}

describe('a PUBLISH in place', () => {
  it('is told by offsets into the chunk, and its payload is a view of it', () => {
    const chunk = Buffer.concat([hex('c000'), publish('a/b', 'hello')])
    const [told] = seen(chunk, (packet) => ({
      bytes: packet.bytes === chunk,
      topic: Buffer.from(packet.bytes.subarray(packet.topicAt, packet.topicEnd)).toString(),
      payload: Buffer.from(packet.bytes.subarray(packet.payloadAt, packet.payloadEnd)).toString(),
      shared: packet.payload().buffer === chunk.buffer,
      copied: packet.copyPayload().buffer === chunk.buffer,
    }))
    expect(told).toEqual({ bytes: true, topic: 'a/b', payload: 'hello', shared: true, copied: false })
  })

  it('gives the same topic object while the topic repeats, without a memo', () => {
    const topics = seen(
      Buffer.concat([publish('a'), publish('a'), publish('b'), publish('a')]),
      (packet) => packet.topic,
    )
    expect(topics[1]).toBe(topics[0])
    expect(topics[3]).not.toBe(topics[0])
  })

  it('shares topics among readers that share a memo', () => {
    const topics = new TopicMemo()
    const found: TopicName[] = []
    for (let i = 0; i < 2; i++) {
      const reader = new PacketReader({ publish: (p) => found.push(p.topic), packet: () => {} }, { version: 4, topics })
      reader.push(Buffer.concat([publish('a'), publish('b')]))
    }
    expect(found[2]).toBe(found[0])
    expect(found[3]).toBe(found[1])
  })

  it('is read at a desk that readers of different versions share, also by one whose handler pushes to another', () => {
    const desk = new ReadingDesk()
    const told: string[] = []
    const inner = new PacketReader(
      { publish: ({ topic, packetId }) => told.push(`inner ${topic.text} ${packetId}`), packet: () => {} },
      { version: 5, desk },
    )
    const inV5 = (topic: string): Uint8Array =>
      encodeToBytes(
        { type: 'publish', topic, payload: new Uint8Array(0), qos: 1, retain: false, dup: false, packetId: 7 },
        5,
      )
    const outer = new PacketReader(
      {
        publish: (packet) => {
          inner.push(inV5('b'))
          told.push(`outer ${packet.topic.text} ${String.fromCodePoint(...packet.payload())}`)
        },
        packet: () => {},
      },
      { version: 4, desk },
    )
    outer.push(Buffer.concat([publish('a', '1'), publish('c', '2')]))
    inner.push(inV5('d'))
    outer.push(publish('e', '3'))
    expect(told).toEqual([
      ...['inner b 7', 'outer a 1', 'inner b 7', 'outer c 2'],
      ...['inner d 7', 'inner b 7', 'outer e 3'],
    ])
  })

  it('holds nothing of the chunk when push returns', () => {
    let kept: IncomingPublish | undefined
    const reader = new PacketReader({ publish: (packet) => (kept = packet), packet: () => {} }, { version: 4 })
    reader.push(publish('a'))
    expect(kept?.bytes.length).toBe(0)
    expect(kept?.topic.text).toBe('a')
    reader.push(publish('x'.repeat(300)))
    expect(kept?.topic.text).toBe('')
  })

  it('goes to dialects that ask for any topic', () => {
    const told: [string, boolean][] = []
    const reader = new PacketReader(
      { publish: ({ topic }) => told.push([topic.text, topic.valid]), packet: () => {} },
      { version: 4, anyTopic: true },
    )
    reader.push(Buffer.concat([publish('key/a/'), hex('3005000361 2f2b'.replace(' ', '')), hex('30020000')]))
    expect(told).toEqual([
      ['key/a/', true],
      ['a/+', false],
      ['', false],
    ])
    reader.anyTopic = false
    expect(() => reader.push(hex('30020000'))).toThrow(/topic of PUBLISH is empty/)
  })
})

describe('limits', () => {
  it('a packet of exactly the limit passes, one byte more does not, and the header tells', () => {
    const bytes = publish('a', 'x'.repeat(100))
    const reader = (maxPacketBytes: number): PacketReader =>
      new PacketReader(collect([]), { version: 4, maxPacketBytes })
    expect(() => reader(bytes.length).push(bytes)).not.toThrow()
    expect(() => reader(bytes.length - 1).push(bytes.subarray(0, 2))).toThrow(
      /a packet of 105 bytes, where at most 104/,
    )
  })

  it("Emitter's 65,536 bytes of body are 65,540 of packet", () => {
    const reader = new PacketReader(collect([]), { version: 4, maxPacketBytes: 65_540 })
    reader.push(publish('a', 'x'.repeat(65_533)))
    expect(() => reader.push(publish('a', 'x'.repeat(65_534)))).toThrow(/65541 bytes/)
  })

  it('may change between packets: a server takes small CONNECTs, then large packets', () => {
    const packets: Packet[] = []
    const reader = new PacketReader(
      {
        ...collect(packets),
        packet: () => {
          reader.maxPacketBytes = 10_000
        },
      },
      { receiver: 'server', maxPacketBytes: 100 },
    )
    reader.push(Buffer.concat([hex('100d00044d5154540402003c000161'), publish('a', 'x'.repeat(5000))]))
    expect(packets).toHaveLength(1)
  })

  it('what is announced costs nothing: memory grows with the bytes that came', () => {
    const reader = new PacketReader(collect([]), { version: 4, maxPacketBytes: 268_435_460 })
    reader.push(hex('30ffffff7f0001'))
    expect(reader.held).toBe(7)
    for (let i = 0; i < 100; i++) reader.push(new Uint8Array(1000))
    expect(reader.held).toBe(100_007)
    reader.stop()
    expect(reader.held).toBe(0)
  })
})

describe('pause and resume', () => {
  const connect = '100d00044d5154540402003c000161'
  it('keeps what follows in the chunk, and what is pushed meanwhile, until the CONNECT is decided', () => {
    const packets: Packet[] = []
    const reader: PacketReader = new PacketReader(
      {
        publish: (packet) => packets.push(packet.toPacket()),
        packet: (packet) => {
          packets.push(packet)
          if (packet.type === 'connect') reader.pause()
        },
      },
      { receiver: 'server' },
    )
    const chunk = Buffer.from(`${connect}c00030`, 'hex')
    reader.push(chunk)
    chunk.fill(0)
    reader.push(hex('0400'))
    reader.push(hex('0161'))
    expect(packets.map(({ type }) => type)).toEqual(['connect'])
    reader.resume()
    expect(packets.map(({ type }) => type)).toEqual(['connect', 'pingreq'])
    reader.push(hex('21'))
    expect(packets[2]).toMatchObject({ topic: 'a', payload: Uint8Array.of(0x21) })
    reader.resume()
    expect(reader.held).toBe(0)
  })

  it('keeps no more than 1 MiB while it is paused, for a driver that reads on', () => {
    const reader = new PacketReader(collect([]), { version: 4 })
    reader.pause()
    for (let i = 0; i < 16; i++) reader.push(new Uint8Array(65_536))
    expect(() => reader.push(new Uint8Array(1))).toThrow(/more than 1048576 bytes came while/)
    expect(reader.held).toBe(0)
  })

  it('reads what was kept though its own rest is kept again', () => {
    const packets: Packet[] = []
    const reader = new PacketReader(collect(packets), { version: 4 })
    reader.pause()
    const all = Buffer.concat([publish('a', '1'), publish('b', '2'), publish('c', '3')])
    reader.push(all.subarray(0, all.length - 2))
    reader.resume()
    reader.push(all.subarray(all.length - 2))
    expect(packets.map((packet) => packet.type === 'publish' && packet.topic)).toEqual(['a', 'b', 'c'])
  })

  it('[3.1.1 MQTT-3.1.4-5] stop in a handler: nothing behind it is read', () => {
    const packets: Packet[] = []
    const reader: PacketReader = new PacketReader(
      { ...collect(packets), packet: () => reader.stop() },
      { receiver: 'server' },
    )
    reader.push(Buffer.concat([hex(connect), publish('a')]))
    reader.push(publish('a'))
    reader.resume()
    expect(packets).toEqual([])
    expect(reader.held).toBe(0)
  })

  it('what a handler throws comes out of push, and ends the reader', () => {
    const failing = (): never => {
      throw new Error('the disk is full')
    }
    const reader = new PacketReader({ publish: failing, packet: failing }, { version: 4 })
    expect(() => reader.push(publish('a'))).toThrow('the disk is full')
    expect(() => reader.push(publish('a'))).not.toThrow()
  })
})
