import { describe, expect, it } from 'vitest'
import { ALL, OLD, inVersions, lasting, startBroker } from '../broker.ts'
import { publishPacket, subscribePacket } from '../raw-client.ts'

/** §3.3.1.3 and §3.8.3.1: what is kept of a topic, and who gets it when. */

describe('a retained message', () => {
  inVersions(
    ALL,
    'is sent to who subscribes later: the last one, with RETAIN and its QoS [MQTT-3.3.1-5] [MQTT-3.3.1-9] [3.1.1 MQTT-3.3.1-5] [3.1.1 MQTT-3.3.1-6] [3.1.1 MQTT-3.3.1-8]',
    async (version) => {
      const broker = await startBroker()
      const publisher = await broker.client({ version })
      await publisher.publish('a/1', 'old', { retain: true })
      await publisher.publish('a/1', 'new', { retain: true, qos: 1 })
      await publisher.publish('a/2', 'two', { retain: true, qos: 2 })
      await publisher.publish('b', 'other', { retain: true })
      const client = await broker.client({ version })
      await client.subscribe('a/+', { qos: 2 })
      const came = [await client.message('a/1', 'new', { retain: true, qos: 1, dup: false })]
      came.push(await client.message('a/2', 'two', { retain: true, qos: 2, dup: false }))
      expect(came).toHaveLength(2)
      await client.quiet()
    },
  )

  inVersions(
    ALL,
    'is sent to who is subscribed already as any other: RETAIN 0 [MQTT-3.3.1-12] [3.1.1 MQTT-3.3.1-9]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      await client.subscribe('a', { qos: 1 })
      const publisher = await broker.client({ version })
      for (const qos of [0, 1] as const) {
        await publisher.publish('a', 'live', { retain: true, qos })
        await client.message('a', 'live', { retain: false, qos })
      }
    },
  )

  inVersions(ALL, 'of QoS 0 takes the place of one of QoS 2 [MQTT-3.3.1-5] [3.1.1 MQTT-3.3.1-7]', async (version) => {
    const broker = await startBroker()
    const publisher = await broker.client({ version })
    await publisher.publish('a', 'old', { retain: true, qos: 2 })
    await publisher.publish('a', 'new', { retain: true, qos: 0 })
    const client = await broker.client({ version })
    await client.subscribe('a', { qos: 2 })
    await client.message('a', 'new', { retain: true, qos: 0 })
    await client.quiet()
  })

  inVersions(
    ALL,
    'is taken away by an empty one, which is delivered and not kept [MQTT-3.3.1-6] [MQTT-3.3.1-7] [3.1.1 MQTT-3.3.1-10] [3.1.1 MQTT-3.3.1-11]',
    async (version) => {
      const broker = await startBroker()
      const [watcher, publisher] = [await broker.client({ version }), await broker.client({ version })]
      await publisher.publish('a', 'kept', { retain: true })
      await watcher.subscribe('#')
      await watcher.message('a', 'kept', { retain: true })
      await publisher.publish('a', '', { retain: true })
      await watcher.message('a', '', { retain: false })
      await publisher.publish('never/kept', '', { retain: true })
      await watcher.message('never/kept', '', { retain: false })
      const late = await broker.client({ version })
      await late.subscribe('#')
      await late.quiet()
    },
  )

  inVersions(
    ALL,
    'stays as it is when others come without RETAIN [MQTT-3.3.1-8] [3.1.1 MQTT-3.3.1-12]',
    async (version) => {
      const broker = await startBroker()
      const publisher = await broker.client({ version })
      await publisher.publish('a', 'kept', { retain: true })
      await publisher.publish('a', 'passing')
      await publisher.publish('a', '')
      await publisher.publish('b', 'never kept')
      const client = await broker.client({ version })
      await client.subscribe('#')
      await client.message('a', 'kept', { retain: true })
      await client.quiet()
    },
  )

  inVersions(
    ALL,
    'comes again with the same filter, whose QoS may be another one, and nothing is lost [MQTT-3.8.4-3] [MQTT-3.8.4-4] [3.1.1 MQTT-3.8.4-3]',
    async (version) => {
      const broker = await startBroker()
      const [client, publisher] = [await broker.client({ version }), await broker.client({ version })]
      await publisher.publish('a', 'kept', { retain: true, qos: 1 })
      expect(await client.subscribe('a', { qos: 0 })).toBe(0)
      await client.message('a', 'kept', { retain: true, qos: 0 })
      for (let i = 0; i < 50; i++) publisher.send(publishPacket('a', `${i}`))
      client.send(subscribePacket(9, [{ filter: 'a', qos: 1 }]))
      for (let i = 50; i < 100; i++) publisher.send(publishPacket('a', `${i}`))
      let next = 0
      const seen: string[] = []
      while (next < 100 || seen.length < 2) {
        const packet = await client.next()
        if (packet.type === 'suback') seen.push('suback')
        else if (packet.type === 'publish' && packet.retain) seen.push('retained')
        else if (packet.type === 'publish') expect(Buffer.from(packet.payload).toString()).toBe(`${next++}`)
      }
      expect(seen).toEqual(['suback', 'retained'])
      await publisher.publish('a', 'once', { qos: 1 })
      await client.message('a', 'once', { qos: 1 })
      await client.quiet()
    },
  )
})

describe('retain handling of 5.0', () => {
  const handle = async (retainHandling: 0 | 1 | 2, body: (subscribe: () => Promise<boolean>) => Promise<void>) => {
    const broker = await startBroker()
    const client = await broker.client(lasting(5, 'id'))
    await client.publish('a', 'kept', { retain: true })
    await body(async () => {
      await client.subscribe('a', { retainHandling })
      client.send({ type: 'pingreq' })
      const first = await client.next()
      if (first.type === 'pingresp') return false
      expect(first).toMatchObject({ type: 'publish', retain: true })
      await client.expect('pingresp')
      return true
    })
  }

  it('0: at each SUBSCRIBE [MQTT-3.3.1-9] [MQTT-3.8.4-4]', () =>
    handle(0, async (subscribe) => {
      expect([await subscribe(), await subscribe()]).toEqual([true, true])
    }))

  it('1: only to a subscription that is new [MQTT-3.3.1-10]', () =>
    handle(1, async (subscribe) => {
      expect([await subscribe(), await subscribe()]).toEqual([true, false])
    }))

  it('2: never [MQTT-3.3.1-11]', () =>
    handle(2, async (subscribe) => {
      expect([await subscribe(), await subscribe()]).toEqual([false, false])
    }))

  it('a subscription that a session brought along is not new [MQTT-3.3.1-10]', async () => {
    const broker = await startBroker()
    const first = await broker.client(lasting(5, 'id'))
    await first.subscribe('a', { retainHandling: 1 })
    await first.publish('b', '')
    await broker.left(first)
    await (await broker.client()).publish('a', 'kept', { retain: true })
    const second = await broker.client(lasting(5, 'id'))
    await second.subscribe('a', { retainHandling: 1 })
    await second.quiet()
  })
})

describe('no local of 5.0', () => {
  it('keeps from a client what it has retained itself, its will among it, over any connection [MQTT-3.8.3-3]', async () => {
    const broker = await startBroker()
    const will = { topic: 'a/will', payload: Buffer.from('gone'), qos: 0, retain: true } as const
    const before = await broker.client({ ...lasting(5, 'id'), will })
    await before.publish('a/own', 'own', { retain: true })
    await before.publish('a/taken', 'own', { retain: true })
    await broker.left(before)
    const other = await broker.client({ version: 5 })
    await other.publish('a/taken', 'foreign', { retain: true, qos: 1 })
    const client = await broker.client(lasting(5, 'id'))
    await client.subscribe('a/#', { noLocal: true })
    await client.message('a/taken', 'foreign', { retain: true })
    await client.quiet()
    await client.subscribe('a/+')
    // In no order.
    const came = [await client.expect('publish'), await client.expect('publish'), await client.expect('publish')]
    expect(came.map(({ topic }) => topic).toSorted()).toEqual(['a/own', 'a/taken', 'a/will'])
  })
})

describe('retain as published of 5.0', () => {
  it('0 makes RETAIN 0, 1 leaves it as it was, at once or from the queue [MQTT-3.3.1-12] [MQTT-3.3.1-13]', async () => {
    const broker = await startBroker()
    const publisher = await broker.client({ version: 4 })
    const [plain, as] = [await broker.client({ version: 5 }), await broker.client(lasting(5, 'as'))]
    await plain.subscribe('a', { qos: 1 })
    await as.subscribe('a', { qos: 1, retainAsPublished: true })
    for (const retain of [true, false]) {
      await publisher.publish('a', 'live', { retain, qos: 1 })
      await plain.message('a', 'live', { retain: false })
      as.acknowledge('puback', await as.message('a', 'live', { retain }))
    }
    await as.quiet()
    await broker.left(as)
    for (const retain of [true, false]) await publisher.publish('a', 'later', { retain, qos: 1 })
    const back = await broker.client(lasting(5, 'as'))
    for (const retain of [true, false]) await back.message('a', 'later', { retain })
  })
})

describe('limits of retained messages', () => {
  inVersions(OLD, 'one too many is passed on and not kept', async (version) => {
    const broker = await startBroker({ limits: { retainedMessages: 1 } })
    const [client, publisher] = [await broker.client({ version }), await broker.client({ version })]
    await client.subscribe('#')
    await publisher.publish('a', 'kept', { retain: true })
    await publisher.publish('b', 'not kept', { retain: true, qos: 1 })
    await client.message('a')
    await client.message('b')
    expect(broker.server.broker.space('mqtt').retained.count).toBe(1)
  })

  it('5.0 is told [MQTT-3.4.2-1]', async () => {
    const broker = await startBroker({ limits: { retainedMessages: 1 } })
    const publisher = await broker.client({ version: 5 })
    await publisher.publish('a', 'kept', { retain: true })
    publisher.send(publishPacket('b', 'not kept', { retain: true, qos: 1, packetId: 1 }))
    await publisher.expect('puback', { reasonCode: 0x97 })
  })
})
