import { describe, expect, it } from 'vitest'
import { ALL, inVersions, lasting, startBroker } from '../broker.ts'
import { publishPacket, subscribePacket } from '../raw-client.ts'

/** What 5.0 lets the two sides agree on: sizes of packets and topic aliases; and how DISCONNECT is taken. */

describe('Maximum Packet Size of the client', () => {
  it('nothing larger is sent, and a message counts as delivered [MQTT-3.1.2-24] [MQTT-3.1.2-25]', async () => {
    const broker = await startBroker()
    const client = await broker.client(lasting(5, 'id', { properties: { maximumPacketSize: 40 } }))
    await client.subscribe('a', { qos: 2 })
    const publisher = await broker.client({ version: 5 })
    // 2 bytes of header, 3 of the topic, 2 of the identifier, 1 of the properties.
    for (const qos of [0, 1, 2] as const) {
      await publisher.publish('a', 'x'.repeat(qos === 0 ? 35 : 33), { qos })
      await publisher.publish('a', 'x'.repeat(qos === 0 ? 34 : 32), { qos })
      await client.message('a', 'x'.repeat(qos === 0 ? 34 : 32), { qos })
    }
    await client.quiet()
    await broker.left(client)
    // From the queue as well: who is away does not wait for what he does not take.
    await publisher.publish('a', 'x'.repeat(33), { qos: 1 })
    const back = await broker.client(lasting(5, 'id', { properties: { maximumPacketSize: 40 } }))
    await back.message('a', 'x'.repeat(32), { dup: true })
    await back.message('a', 'x'.repeat(32), { dup: true })
    await back.quiet()
  })

  it('others get it, and the one copy is not held for ever [MQTT-3.1.2-25]', async () => {
    const broker = await startBroker()
    const small = await broker.client(lasting(5, 'small', { properties: { maximumPacketSize: 30 } }))
    const large = await broker.client({ version: 5 })
    for (const client of [small, large]) await client.subscribe('a', { qos: 1 })
    await (await broker.client()).publish('a', 'x'.repeat(100), { qos: 1 })
    await large.message('a', 'x'.repeat(100))
    await small.quiet()
    expect(broker.server.broker.heldMessages).toBe(0)
  })

  it('no answer has a reason string or user properties that could be too much [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.1.2-29]', async () => {
    const broker = await startBroker()
    const properties = { maximumPacketSize: 24, requestProblemInformation: false }
    const client = await broker.client({ version: 5, properties })
    client.send(
      subscribePacket(1, [{ filter: 'a', qos: 2 }]),
      publishPacket('b', '', { qos: 1, packetId: 1 }),
      publishPacket('b', '', { qos: 2, packetId: 2 }),
      { type: 'pubrel', packetId: 2, reasonCode: 0 },
      { type: 'pubrel', packetId: 3, reasonCode: 0 },
      { type: 'pubrec', packetId: 4, reasonCode: 0 },
      { type: 'unsubscribe', packetId: 5, filters: ['a', 'b'] },
      { type: 'pubrel', packetId: 6, reasonCode: 0 },
    )
    const types = ['suback', 'puback', 'pubrec', 'pubcomp', 'pubcomp', 'pubrel', 'unsuback', 'pubcomp'] as const
    for (const type of types) expect(await client.expect(type)).not.toHaveProperty('properties')
    client.send(publishPacket('a', '', { properties: { topicAlias: 60_000 } }))
    expect(await client.expect('disconnect', { reasonCode: 0x94 })).not.toHaveProperty('properties')
    await client.closed()
  })

  inVersions(ALL, 'of the server: a packet that is larger ends the connection', async (version) => {
    const broker = await startBroker({ limits: { packetBytes: 100 } })
    const client = await broker.client({ version })
    const room = version === 5 ? 94 : 95
    await client.publish('a', 'x'.repeat(room))
    client.send(publishPacket('a', 'x'.repeat(room + 1)))
    await client.closedFor(0x95)
  })
})

describe('topic aliases', () => {
  const long = 'a/topic/that/is/long'
  const alias = (topicAlias: number) => ({ properties: { topicAlias } })

  it('of a client: from 1 to the maximum in CONNACK, each may be set anew [MQTT-3.3.2-12]', async () => {
    const broker = await startBroker({ limits: { topicAliases: 10 } })
    const [watcher, client] = [await broker.client({ version: 5 }), await broker.client({ version: 5 })]
    expect(client.connack.properties).toMatchObject({ topicAliasMaximum: 10 })
    await watcher.subscribe('#')
    for (let i = 1; i <= 10; i++) client.send(publishPacket(`t${i}`, 'named', alias(i)))
    for (let i = 10; i >= 1; i--) client.send(publishPacket('', 'short', alias(i)))
    for (let i = 1; i <= 10; i++) await watcher.message(`t${i}`, 'named')
    for (let i = 10; i >= 1; i--) expect(await watcher.message(`t${i}`, 'short')).not.toHaveProperty('properties')
    client.send(
      publishPacket('other', 'anew', alias(3)),
      publishPacket('', 'short', { qos: 1, packetId: 1, ...alias(3) }),
    )
    await watcher.message('other', 'anew')
    await watcher.message('other', 'short')
    await client.expect('puback')
  })

  it('end with the connection, also where the session lasts [MQTT-3.3.2-7]', async () => {
    const broker = await startBroker()
    const first = await broker.client(lasting(5, 'id'))
    first.send(publishPacket(long, '', alias(1)))
    await first.quiet()
    await broker.left(first)
    const second = await broker.client(lasting(5, 'id'))
    second.send(publishPacket('', '', alias(1)))
    await second.closedFor(0x82)
  })

  const wrong: readonly (readonly [title: string, number: number])[] = [
    ['0', 0],
    ['one above the maximum', 101],
  ]
  for (const [title, number] of wrong) {
    it(`of a client, ${title}: DISCONNECT 0x94 [MQTT-3.3.2-8] [MQTT-3.3.2-9]`, async () => {
      const broker = await startBroker()
      const client = await broker.client({ version: 5 })
      client.sendBytes(`3007000161032300${number.toString(16).padStart(2, '0')}`)
      await client.closedFor(0x94)
    })
  }

  it('of the server: within the maximum of the client, named once on each connection [MQTT-3.1.2-26] [MQTT-3.3.2-11] [MQTT-3.3.2-8] [MQTT-3.3.2-7]', async () => {
    const broker = await startBroker()
    const wish = lasting(5, 'id', { properties: { topicAliasMaximum: 2 } })
    const publisher = await broker.client({ version: 5 })
    const client = await broker.client(wish)
    await client.subscribe(`${long}/#`, { qos: 1 })
    const seen = new Map<number, string>()
    const receive = async (from: RawClientLike, topic: string): Promise<void> => {
      const packet = await from.expect('publish')
      const { topicAlias } = packet.properties ?? {}
      if (topicAlias !== undefined) expect(topicAlias >= 1 && topicAlias <= 2).toBe(true)
      if (topicAlias !== undefined && packet.topic !== '') seen.set(topicAlias, packet.topic)
      expect(packet.topic || seen.get(topicAlias ?? 0)).toBe(topic)
    }
    for (let round = 0; round < 3; round++) {
      for (const end of ['1', '2', '3', '4']) {
        await publisher.publish(`${long}/${end}`, '')
        await receive(client, `${long}/${end}`)
      }
    }
    expect(seen.size).toBe(2)
    await broker.left(client)
    seen.clear()
    await publisher.publish(`${long}/2`, '', { qos: 1 })
    await receive(await broker.client(wish), `${long}/2`)
  })

  it('of the server: none without a maximum, or with 0 [MQTT-3.1.2-27]', async () => {
    const broker = await startBroker()
    const clients = [
      await broker.client({ version: 5 }),
      await broker.client({ version: 5, properties: { topicAliasMaximum: 0 } }),
    ]
    for (const client of clients) await client.subscribe('#', { qos: 1 })
    const publisher = await broker.client({ version: 5 })
    for (let i = 0; i < 3; i++) {
      publisher.send(publishPacket(long, '', alias(5)))
      for (const client of clients) expect(await client.message(long)).not.toHaveProperty('properties')
    }
  })

  it('of the server: one that went with a message too large was never named [MQTT-3.1.2-25]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5, properties: { topicAliasMaximum: 2, maximumPacketSize: 60 } })
    await client.subscribe(long)
    const publisher = await broker.client()
    await publisher.publish(long, 'x'.repeat(100))
    await publisher.publish(long, 'small')
    await client.message(long, 'small')
    await publisher.publish(long, 'small')
    expect((await client.message('', 'small')).properties).toEqual({ topicAlias: 1 })
  })
})

interface RawClientLike {
  expect(type: 'publish'): Promise<{ readonly topic: string; readonly properties?: { readonly topicAlias?: number } }>
}

inVersions(
  ALL,
  'a failure of the server itself ends the connection whose packet it was, and no other [3.1.1 MQTT-4.8.0-2]',
  async (version) => {
    const broker = await startBroker()
    const [client, other] = [await broker.client({ version }), await broker.client({ version })]
    await other.subscribe('b')
    const { dialect } = broker
    const plan = dialect.plan.bind(dialect)
    dialect.plan = (principal, topic) => {
      if (topic === 'a') throw new Error('the list of rights is not to be read')
      return plan(principal, topic)
    }
    client.send(publishPacket('a', '', { qos: 1, packetId: 1 }))
    await client.closedFor(0x80)
    await other.publish('c', '', { qos: 1 })
    expect(broker.log.texts('error').join()).toMatch(/a packet could not be served: .*not to be read/)
  },
)

describe('DISCONNECT', () => {
  inVersions(
    ALL,
    'ends the connection, and nothing behind it is looked at [MQTT-3.14.4-1] [3.1.1 MQTT-3.14.4-2]',
    async (version) => {
      const broker = await startBroker()
      const [watcher, client] = [await broker.client({ version }), await broker.client({ version })]
      await watcher.subscribe('#')
      client.send({ type: 'disconnect', reasonCode: 0 }, publishPacket('a', 'too late'))
      await client.closed()
      await watcher.quiet()
    },
  )

  it('5.0: the server says why it leaves, and then is gone, with nothing behind [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-4.13.2-1]', async () => {
    const broker = await startBroker()
    const client = await broker.client(lasting(5, 'id'))
    await client.subscribe('a', { qos: 1 })
    broker.server.drain()
    const packet = await client.expect('disconnect', { reasonCode: 0x8b })
    expect(packet).not.toHaveProperty('properties')
    await client.closed()
  })

  it('5.0: a client that has not got its CONNACK gets no DISCONNECT [MQTT-3.14.0-1]', async () => {
    const broker = await startBroker()
    const client = await broker.open()
    client.version = 5
    client.sendBytes('10')
    const other = await broker.client({ version: 5 })
    broker.server.drain()
    await other.closedFor(0x8b)
    await client.closed()
  })
})
