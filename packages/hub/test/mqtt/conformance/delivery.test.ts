import { describe, expect, it } from 'vitest'
import { ALL, OLD, inVersions, lasting, startBroker } from '../broker.ts'
import { publishPacket } from '../raw-client.ts'
import type { RawClient } from '../raw-client.ts'

/** §4.3, §4.4 and §4.9: QoS 1 and 2 both ways, what comes again after a connection, and how much may be on its way. */

const idOf = ({ packetId = 0 }: { readonly packetId?: number }): { readonly packetId: number } => ({ packetId })

describe('the server as receiver', () => {
  inVersions(
    ALL,
    'QoS 1: after PUBACK the same identifier is a new message, whatever its DUP [MQTT-4.3.2-5] [3.1.1 MQTT-4.3.2-2]',
    async (version) => {
      const broker = await startBroker()
      const [watcher, client] = [await broker.client({ version }), await broker.client({ version })]
      await watcher.subscribe('a')
      for (const dup of [false, true, true]) {
        client.send(publishPacket('a', 'again', { qos: 1, packetId: 4, dup }))
        await client.expect('puback', { packetId: 4 })
        await watcher.message('a', 'again')
      }
    },
  )

  inVersions(
    ALL,
    'QoS 2: delivered once until PUBREL, whatever comes again, and new after PUBCOMP [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12] [3.1.1 MQTT-4.3.3-2]',
    async (version) => {
      const broker = await startBroker()
      const [watcher, client] = [await broker.client({ version }), await broker.client({ version })]
      await watcher.subscribe('a')
      const two = publishPacket('a', 'once', { qos: 2, packetId: 4 })
      client.send(two)
      await client.expect('pubrec', { packetId: 4 })
      for (const dup of [true, false]) {
        client.send({ ...two, dup })
        await client.expect('pubrec', { packetId: 4, reasonCode: 0 })
      }
      client.acknowledge('pubrel', { packetId: 4 })
      await client.expect('pubcomp', { packetId: 4, reasonCode: 0 })
      await watcher.message('a', 'once')
      await watcher.quiet()
      client.send(two)
      await client.expect('pubrec', { packetId: 4 })
      await watcher.message('a', 'once')
    },
  )

  inVersions(
    ALL,
    'QoS 2: that survives the connection, if the session does [MQTT-4.3.3-10] [MQTT-4.1.0-1] [3.1.1 MQTT-4.3.3-2] [3.1.1 MQTT-4.1.0-1]',
    async (version) => {
      const broker = await startBroker()
      const watcher = await broker.client({ version })
      await watcher.subscribe('a')
      const first = await broker.client(lasting(version, 'id'))
      first.send(publishPacket('a', 'once', { qos: 2, packetId: 4 }))
      await first.expect('pubrec')
      await broker.left(first)
      const second = await broker.client(lasting(version, 'id'))
      second.send(publishPacket('a', 'once', { qos: 2, packetId: 4, dup: true }))
      await second.expect('pubrec', { packetId: 4 })
      second.acknowledge('pubrel', { packetId: 4 })
      await second.expect('pubcomp')
      await watcher.message('a', 'once')
      await watcher.quiet()
    },
  )

  inVersions(
    ALL,
    'PUBREL of what nobody knows is answered all the same [MQTT-4.3.3-11] [MQTT-3.7.2-1] [3.1.1 MQTT-4.3.3-2]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      client.acknowledge('pubrel', { packetId: 77 })
      await client.expect('pubcomp', { packetId: 77, reasonCode: version === 5 ? 0x92 : 0 })
    },
  )

  it('5.0: no more at once than CONNACK said', async () => {
    const broker = await startBroker({ limits: { receiveMaximum: 2 } })
    const client = await broker.client({ version: 5 })
    for (const packetId of [1, 2, 3]) client.send(publishPacket('a', '', { qos: 2, packetId }))
    await client.expect('pubrec', { packetId: 1 })
    await client.expect('pubrec', { packetId: 2 })
    await client.closedFor(0x93)
  })
})

describe('the server as sender', () => {
  const pair = async (version: 3 | 4 | 5, qos: 1 | 2) => {
    const broker = await startBroker()
    const subscriber = await broker.client(lasting(version, 'subscriber'))
    await subscriber.subscribe('a', { qos })
    return { broker, subscriber, publisher: await broker.client({ version }) }
  }

  inVersions(
    ALL,
    'QoS 1: comes again with the same identifier and DUP until PUBACK, in its order [MQTT-3.3.1-1] [MQTT-4.3.2-3] [MQTT-4.4.0-1] [MQTT-4.6.0-1] [3.1.1 MQTT-3.3.1-1] [3.1.1 MQTT-2.3.1-4] [3.1.1 MQTT-4.3.2-1] [3.1.1 MQTT-4.4.0-1] [3.1.1 MQTT-4.6.0-1]',
    async (version) => {
      const { broker, subscriber, publisher } = await pair(version, 1)
      for (const text of ['1', '2', '3']) await publisher.publish('a', text, { qos: 1 })
      const first = [await subscriber.message('a'), await subscriber.message('a'), await subscriber.message('a')]
      subscriber.acknowledge('puback', idOf(first[1] ?? {}))
      await subscriber.quiet()
      await broker.left(subscriber)
      await publisher.publish('a', '4', { qos: 1 })
      const back = await broker.client(lasting(version, 'subscriber'))
      await back.message('a', '1', { dup: true, qos: 1, ...idOf(first[0] ?? {}) })
      const third = await back.message('a', '3', { dup: true, qos: 1, ...idOf(first[2] ?? {}) })
      await back.message('a', '4', { dup: false })
      await back.quiet()
      back.acknowledge('puback', idOf(third))
      await back.quiet()
      await broker.left(back)
      const again = await broker.client(lasting(version, 'subscriber'))
      await again.message('a', '1', { dup: true })
      await again.message('a', '4', { dup: true })
      await again.quiet()
    },
  )

  inVersions(
    ALL,
    'nothing comes again while the connection lasts [MQTT-4.4.0-1] [3.1.1 MQTT-4.4.0-1]',
    async (version) => {
      const { subscriber, publisher } = await pair(version, 2)
      await publisher.publish('a', 'once', { qos: 2 })
      await subscriber.message('a', 'once')
      await subscriber.quiet()
      await publisher.publish('a', 'other', { qos: 1 })
      await subscriber.message('a', 'other')
      await subscriber.quiet()
    },
  )

  inVersions(
    ALL,
    'QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, never PUBLISH behind PUBREL [MQTT-4.3.3-3] [MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1] [MQTT-3.6.2-1] [3.1.1 MQTT-4.3.3-1] [3.1.1 MQTT-4.4.0-1]',
    async (version) => {
      const { broker, subscriber, publisher } = await pair(version, 2)
      await publisher.publish('a', 'two', { qos: 2 })
      const { packetId = 0 } = await subscriber.message('a', 'two', { qos: 2, dup: false })
      await broker.left(subscriber)
      const second = await broker.client(lasting(version, 'subscriber'))
      await second.message('a', 'two', { qos: 2, dup: true, packetId })
      second.acknowledge('pubrec', { packetId })
      await second.expect('pubrel', { packetId, reasonCode: 0 })
      await broker.left(second)
      const third = await broker.client(lasting(version, 'subscriber'))
      await third.expect('pubrel', { packetId, reasonCode: 0 })
      await third.quiet()
      third.acknowledge('pubcomp', { packetId })
      await third.quiet()
      await broker.left(third)
      await (await broker.client(lasting(version, 'subscriber'))).quiet()
    },
  )

  it('5.0: PUBREC with a failure ends a message, PUBACK with one too [MQTT-4.4.0-2]', async () => {
    const { broker, subscriber, publisher } = await pair(5, 2)
    await publisher.publish('a', 'one', { qos: 1 })
    await publisher.publish('a', 'two', { qos: 2 })
    subscriber.acknowledge('puback', idOf(await subscriber.message('a', 'one')), 0x83)
    subscriber.acknowledge('pubrec', idOf(await subscriber.message('a', 'two')), 0x83)
    await subscriber.quiet()
    await broker.left(subscriber)
    await (await broker.client(lasting(5, 'subscriber'))).quiet()
    expect(broker.server.broker.heldMessages).toBe(0)
  })

  it('5.0: PUBREC of what nobody knows gets PUBREL 0x92 [MQTT-3.6.2-1]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    client.acknowledge('pubrec', { packetId: 9 })
    await client.expect('pubrel', { packetId: 9, reasonCode: 0x92 })
  })
})

describe('flow control', () => {
  const fill = async (publisher: RawClient, from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) await publisher.publish('a', `${i}`, { qos: i % 2 === 0 ? 1 : 2 })
  }

  it('5.0: no more than Receive Maximum at once, QoS 1 and 2 together [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5, properties: { receiveMaximum: 3 } })
    await client.subscribe('a', { qos: 2 })
    const publisher = await broker.client()
    await fill(publisher, 0, 8)
    const open = [await client.message('a', '0'), await client.message('a', '1'), await client.message('a', '2')]
    await client.quiet()
    // PUBREC makes no room, PUBCOMP does.
    client.acknowledge('pubrec', idOf(open[1] ?? {}))
    await client.expect('pubrel')
    await client.quiet()
    client.acknowledge('pubcomp', idOf(open[1] ?? {}))
    await client.message('a', '3')
    await client.quiet()
    client.acknowledge('puback', idOf(open[0] ?? {}))
    client.acknowledge('puback', idOf(open[2] ?? {}))
    const four = await client.message('a', '4')
    const five = await client.message('a', '5')
    await client.quiet()
    client.acknowledge('puback', idOf(four))
    client.acknowledge('pubrec', idOf(five), 0x80)
    await client.message('a', '6')
    await client.message('a', '7')
    await client.quiet()
  })

  it('5.0: everything else still comes [MQTT-3.3.4-10] [MQTT-4.9.0-3]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5, properties: { receiveMaximum: 1 } })
    await client.subscribe('a', { qos: 2 })
    const publisher = await broker.client()
    await fill(publisher, 0, 3)
    await client.message('a', '0')
    await publisher.publish('a', 'QoS 0 does not count')
    await client.message('a', 'QoS 0 does not count', { qos: 0 })
    await client.subscribe('b')
    await client.unsubscribe('b')
    await client.publish('c', '', { qos: 1 })
    await client.publish('c', '', { qos: 2 })
    await client.quiet()
  })

  it('5.0: a smaller Receive Maximum holds for what comes again, too [MQTT-3.3.4-9] [MQTT-4.9.0-2]', async () => {
    const broker = await startBroker()
    const first = await broker.client(lasting(5, 'id'))
    await first.subscribe('a', { qos: 1 })
    const publisher = await broker.client()
    await fill(publisher, 0, 5)
    for (let i = 0; i < 5; i++) await first.message('a', `${i}`)
    await broker.left(first)
    await fill(publisher, 5, 6)
    const back = await broker.client(lasting(5, 'id', { properties: { receiveMaximum: 2 } }))
    for (let i = 0; i < 6; i += 2) {
      const pair = [
        await back.message('a', `${i}`, { dup: i < 5 }),
        await back.message('a', `${i + 1}`, { dup: i < 4 }),
      ]
      await back.quiet()
      for (const message of pair) back.acknowledge('puback', idOf(message))
    }
    await back.quiet()
  })

  inVersions(OLD, 'before 5.0 the window of the server holds', async (version) => {
    const broker = await startBroker({ limits: { window: 4 } })
    const client = await broker.client({ version })
    await client.subscribe('a', { qos: 1 })
    const publisher = await broker.client()
    await fill(publisher, 0, 10)
    for (let i = 0; i < 4; i++) await client.message('a', `${i}`)
    await client.quiet()
  })
})
