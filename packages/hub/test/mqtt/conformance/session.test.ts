import { describe, expect, it } from 'vitest'
import { ALL, OLD, inVersions, lasting, startBroker, startBrokerInTime } from '../broker.ts'
import { publishPacket } from '../raw-client.ts'

/** §4.1 with §3.1.2.4 and §3.1.2.11.2: what is kept of a client, and for how long. */

describe('a session that lasts', () => {
  inVersions(
    ALL,
    'is there again, its subscriptions too [MQTT-3.1.2-5] [MQTT-3.1.2-23] [MQTT-3.1.3-2] [MQTT-3.1.4-4] [MQTT-3.2.2-3] [MQTT-4.1.0-1] [3.1.1 MQTT-3.1.2-4] [3.1.1 MQTT-3.1.3-2] [3.1.1 MQTT-3.1.4-3] [3.1.1 MQTT-3.2.2-2] [3.1.1 MQTT-4.1.0-1]',
    async (version) => {
      const broker = await startBroker()
      const first = await broker.client(lasting(version, 'id'))
      expect(first.connack.sessionPresent).toBe(false)
      await first.subscribe('a', { qos: 1 })
      await broker.left(first)
      const second = await broker.client(lasting(version, 'id'))
      // 3.1 does not say it.
      expect(second.connack.sessionPresent).toBe(version !== 3)
      second.send(publishPacket('a', 'again'))
      await second.message('a', 'again')
      await broker.leftWell(second)
      const third = await broker.client(lasting(version, 'id'))
      const publisher = await broker.client()
      await publisher.publish('a', 'still')
      await third.message('a', 'still')
    },
  )

  inVersions(
    ALL,
    'begins as a new one if there was none [MQTT-3.1.2-6] [MQTT-3.2.2-3] [3.1.1 MQTT-3.1.2-4] [3.1.1 MQTT-3.2.2-3]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client(lasting(version, 'nobody'))
      expect(client.connack).toMatchObject({ sessionPresent: false, reasonCode: 0 })
    },
  )

  inVersions(
    ALL,
    'gets the messages of QoS 1 and 2 that came meanwhile, in their order [MQTT-4.5.0-1] [3.1.1 MQTT-3.1.2-5] [3.1.1 MQTT-4.5.0-1]',
    async (version) => {
      const broker = await startBroker()
      const away = await broker.client(lasting(version, 'away'))
      await away.subscribe('a/#', { qos: 2 })
      await broker.left(away)
      const publisher = await broker.client({ version })
      await publisher.publish('a/0', 'zero', { qos: 0 })
      await publisher.publish('a/1', 'one', { qos: 1 })
      await publisher.publish('a/2', 'two', { qos: 2 })
      await publisher.publish('a/1', 'one more', { qos: 1 })
      const back = await broker.client(lasting(version, 'away'))
      await back.message('a/1', 'one', { qos: 1, dup: false })
      await back.message('a/2', 'two', { qos: 2, dup: false })
      await back.message('a/1', 'one more', { qos: 1, dup: false })
      await back.quiet()
    },
  )

  inVersions(ALL, 'is one per client id', async (version) => {
    const broker = await startBroker()
    const [one, two] = [await broker.client(lasting(version, 'one')), await broker.client(lasting(version, 'two'))]
    await one.subscribe('a', { qos: 1 })
    await broker.left(one, two)
    await (await broker.client()).publish('a', 'for one', { qos: 1 })
    await (await broker.client(lasting(version, 'two'))).quiet()
    await (await broker.client(lasting(version, 'one'))).message('a', 'for one')
  })

  it('lasts no longer than its expiry, and begins to count when the connection ends [MQTT-4.1.0-2] [MQTT-4.1.0-1] [MQTT-3.1.2-23]', async () => {
    const { broker, pass } = await startBrokerInTime()
    const wish = lasting(5, 'id', { properties: { sessionExpiryInterval: 60 } })
    const first = await broker.client(wish)
    await first.subscribe('a', { qos: 1 })
    await pass(1000)
    await broker.left(first)
    await pass(58)
    const second = await broker.client(wish)
    expect(second.connack.sessionPresent).toBe(true)
    await broker.left(second)
    await pass(62)
    expect(broker.server.broker.sessions.size).toBe(0)
    const third = await broker.client(wish)
    expect(third.connack.sessionPresent).toBe(false)
    await third.publish('a', 'nobody has it')
  })

  it('lives while its connection does, whatever its expiry [MQTT-4.1.0-1] [3.1.1 MQTT-4.1.0-2]', async () => {
    const { broker, pass } = await startBrokerInTime({ limits: { sessionExpiry: 10 } })
    const clients = [await broker.client(lasting(5, 'five')), await broker.client(lasting(4, 'four'))]
    for (const client of clients) await client.subscribe('a')
    await pass(100)
    await (await broker.client()).publish('a', 'here')
    for (const client of clients) await client.message('a', 'here')
  })

  it('DISCONNECT gives it another expiry', async () => {
    const { broker, pass } = await startBrokerInTime()
    const wish = lasting(5, 'id', { properties: { sessionExpiryInterval: 60 } })
    const first = await broker.client(wish)
    first.send({ type: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 600 } })
    await first.closed()
    await pass(500)
    const second = await broker.client(wish)
    expect(second.connack.sessionPresent).toBe(true)
    second.send({ type: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
    await second.closed()
    expect((await broker.client(wish)).connack.sessionPresent).toBe(false)
  })

  it('DISCONNECT cannot make one last that was to end (5.0 §3.14.2.2.2)', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    client.send({ type: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 10 } })
    await client.closedFor(0x82)
  })

  inVersions(ALL, 'is taken over with all that it has [MQTT-3.1.4-3] [3.1.1 MQTT-3.1.4-2]', async (version) => {
    const broker = await startBroker()
    const first = await broker.client(lasting(version, 'id'))
    await first.subscribe('a', { qos: 1 })
    const publisher = await broker.client()
    await publisher.publish('a', 'one', { qos: 1 })
    const { packetId } = await first.message('a', 'one', { dup: false })
    const second = await broker.client(lasting(version, 'id'))
    await first.closedFor(0x8e)
    await second.message('a', 'one', { dup: true, packetId: packetId ?? 0 })
  })
})

describe('a session that ends with its connection', () => {
  inVersions(
    ALL,
    'is not there again [MQTT-3.1.2-4] [MQTT-3.2.2-2] [MQTT-4.1.0-2] [3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.2.2-1]',
    async (version) => {
      const broker = await startBroker()
      const first = await broker.client({ version, clientId: 'id' })
      await first.subscribe('a', { qos: 1 })
      await broker.left(first)
      expect(broker.server.broker.sessions.size).toBe(0)
      const second = await broker.client({ version, clientId: 'id', cleanStart: false })
      expect(second.connack).toMatchObject({ sessionPresent: false, reasonCode: 0 })
      await second.publish('a', 'nobody has it')
    },
  )

  inVersions(
    ALL,
    'takes the place of one that lasted [MQTT-3.1.2-4] [MQTT-3.2.2-2] [3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.2.2-1]',
    async (version) => {
      const broker = await startBroker()
      const first = await broker.client(lasting(version, 'id'))
      await first.subscribe('a', { qos: 2 })
      await broker.left(first)
      const publisher = await broker.client()
      await publisher.publish('a', 'lost', { qos: 1 })
      const clean = await broker.client({ version, clientId: 'id', cleanStart: true })
      expect(clean.connack).toMatchObject({ sessionPresent: false, reasonCode: 0 })
      await clean.publish('a', 'not subscribed any more')
      await broker.left(clean)
      const third = await broker.client(lasting(version, 'id'))
      expect(third.connack.sessionPresent).toBe(false)
      await third.quiet()
      expect(broker.server.broker.heldMessages).toBe(0)
    },
  )

  inVersions(ALL, 'also while the old one has a connection [MQTT-3.1.2-4] [3.1.1 MQTT-3.1.2-6]', async (version) => {
    const broker = await startBroker()
    const first = await broker.client(lasting(version, 'id'))
    await first.subscribe('a', { qos: 2 })
    const second = await broker.client({ version, clientId: 'id', cleanStart: true })
    await first.closedFor(0x8e)
    expect(second.connack.sessionPresent).toBe(false)
    await second.publish('a', 'not subscribed any more')
  })

  it('5.0: Clean Start begins one that lasts [MQTT-3.1.2-4] [MQTT-3.1.2-23]', async () => {
    const broker = await startBroker()
    const first = await broker.client({ ...lasting(5, 'id'), cleanStart: true })
    await first.subscribe('a', { qos: 1 })
    await broker.left(first)
    expect((await broker.client(lasting(5, 'id'))).connack.sessionPresent).toBe(true)
  })
})

inVersions(ALL, 'retained messages belong to no session [3.1.1 MQTT-3.1.2-7]', async (version) => {
  const broker = await startBroker()
  const publisher = await broker.client({ version })
  await publisher.publish('a', 'kept', { retain: true })
  await broker.leftWell(publisher)
  const client = await broker.client({ version })
  await client.subscribe('a')
  await client.message('a', 'kept', { retain: true })
})

inVersions(OLD, 'QoS 0 may wait in the socket of a session, not in its queue', async (version) => {
  const broker = await startBroker()
  const away = await broker.client(lasting(version, 'away'))
  await away.subscribe('a', { qos: 0 })
  await broker.left(away)
  const publisher = await broker.client({ version })
  publisher.send(publishPacket('a', 'gone', { qos: 1, packetId: 1 }))
  await publisher.expect('puback')
  await (await broker.client(lasting(version, 'away'))).quiet()
})
