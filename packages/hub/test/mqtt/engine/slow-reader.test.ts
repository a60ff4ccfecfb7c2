import { describe, expect, it } from 'vitest'
import { Stage } from '../stage.ts'
import type { MemoryClient } from '../stage.ts'
import { message, payloads, subscribe } from './support.ts'

/** What a client loses that does not read, and what it does not. */

describe('a client that does not read', () => {
  async function stuck(limits: ConstructorParameters<typeof Stage>[0]): Promise<[Stage, MemoryClient, MemoryClient]> {
    const stage = new Stage(limits)
    const slow = await stage.connect('slow', { properties: { sessionExpiryInterval: 60 } })
    slow.take()
    await subscribe(stage, slow, 'zero')
    await subscribe(stage, slow, 'one', 1)
    const publisher = await stage.connect('publisher')
    slow.transport.isStuck = true
    return [stage, slow, publisher]
  }

  it('loses QoS 0 beyond the limit, and nothing of QoS 1', async () => {
    const [stage, slow, publisher] = await stuck({ outputBytes: 10_000 })
    for (let number = 0; number < 30; number++) {
      publisher.send(message('zero', 1000), message('one', String(number), 1))
      await stage.settle()
    }
    const { broker } = stage.server
    expect(broker.counters.dropped).toBe(20)
    expect(slow.transport.pendingBytes + broker.heldBytes).toBeLessThan(20_000)
    slow.transport.isStuck = false
    slow.transport.take(Infinity)
    await stage.settle()
    const got = slow.take()
    expect(payloads(got.filter((packet) => packet.type === 'publish' && packet.topic === 'one'))).toEqual(
      Array.from({ length: 30 }, (_, number) => String(number)),
    )
    expect(payloads(got.filter((packet) => packet.type === 'publish' && packet.topic === 'zero'))).toHaveLength(10)
  })

  it('is closed when it has taken nothing for 30 s, and not while it takes a little', async () => {
    const [stage, slow, publisher] = await stuck({})
    for (let number = 0; number < 300; number++) publisher.send(message('zero', 1000))
    await stage.settle()
    for (let second = 0; second < 100; second += 20) {
      slow.transport.take(10_000)
      await stage.clock.advance(20_000)
    }
    expect(slow.isOver).toBe(false)
    await stage.clock.advance(32_000)
    expect(slow.isOver).toBe(true)
  })

  it('gets large repetitions as it reads them, not all at once', async () => {
    const [stage, slow, publisher] = await stuck({ outputBytes: 100_000, packetBytes: 100_000 })
    slow.transport.isStuck = false
    for (let number = 0; number < 50; number++) publisher.send(message('one', 50_000, 1))
    await stage.settleAll()
    expect(payloads(slow.take())).toHaveLength(50)
    slow.transport.close(false)
    const again = stage.open(5)
    again.transport.isStuck = true
    const properties = { sessionExpiryInterval: 60 }
    again.send({ type: 'connect', version: 5, clientId: 'slow', cleanStart: false, keepAlive: 0, properties })
    await stage.settleAll()
    expect(again.transport.pendingBytes).toBeLessThan(250_000)
    again.transport.isStuck = false
    again.transport.take(Infinity)
    await stage.settleAll()
    const got = again.take().filter((packet) => packet.type === 'publish')
    expect(got).toHaveLength(50)
    expect(got.every(({ dup }) => dup)).toBe(true)
  })

  it('gets no retained message behind the one that replaced it', async () => {
    const stage = new Stage({ outputBytes: 20_000 })
    const publisher = await stage.connect('publisher')
    for (let topic = 0; topic < 100; topic++)
      publisher.send(message(`t/${topic}`, 'x'.repeat(500), 0, { retain: true }))
    const reader = await stage.connect('reader')
    reader.take()
    reader.transport.isStuck = true
    const wish = { filter: 't/#', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    reader.send({ type: 'subscribe', packetId: 1, subscriptions: [wish] })
    await stage.settleAll()
    for (let topic = 0; topic < 100; topic += 10) publisher.send(message(`t/${topic}`, 'new', 0, { retain: true }))
    await stage.settleAll()
    reader.transport.isStuck = false
    reader.transport.take(Infinity)
    await stage.settleAll()
    const last = new Map(
      reader
        .take()
        .flatMap((packet) => (packet.type === 'publish' ? [[packet.topic, payloads([packet])[0]] as const] : [])),
    )
    expect(last.size).toBe(100)
    for (let topic = 0; topic < 100; topic += 10) expect(last.get(`t/${topic}`)).toBe('new')
  })

  it('that goes before its retained messages have come, finds those of QoS 1 later, however many of QoS 0 are among them', async () => {
    const stage = new Stage({ queuedMessages: 3 })
    const publisher = await stage.connect('publisher')
    for (let topic = 0; topic < 10; topic++) publisher.send(message(`t/${topic}`, 'zero', 0, { retain: true }))
    publisher.send(message('t/last', 'retained', 1, { retain: true }))
    const properties = { sessionExpiryInterval: 60, receiveMaximum: 1 }
    const reader = await stage.connect('reader', { properties })
    reader.take()
    await subscribe(stage, reader, 'live', 1)
    publisher.send(message('live', 'in flight', 1), message('live', 'queued', 1))
    await stage.settleAll()
    const wish = { filter: 't/#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    reader.send({ type: 'subscribe', packetId: 2, subscriptions: [wish] })
    await stage.settleAll()
    reader.drop()
    await stage.settleAll()
    const again = await stage.connect('reader', {
      cleanStart: false,
      properties: { ...properties, receiveMaximum: 10 },
    })
    await stage.settleAll()
    expect(payloads(again.take())).toEqual(['in flight', 'queued', 'retained'])
  })
})
