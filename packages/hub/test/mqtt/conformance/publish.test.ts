import { describe, expect, it } from 'vitest'
import { ACCOUNT, ALL, OLD, inVersions, startBroker, startBrokerInTime, lasting } from '../broker.ts'
import { QOS, publishPacket, subscribePacket } from '../raw-client.ts'

/** §3.3: messages and their properties; retained ones, acknowledgements and aliases have files of their own. */

describe('PUBLISH', () => {
  inVersions(
    ALL,
    'is answered as its QoS wants [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11] [3.1.1 MQTT-3.3.4-1] [3.1.1 MQTT-4.3.2-2] [3.1.1 MQTT-4.3.3-2]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      client.send(publishPacket('a', 'zero'))
      await client.quiet()
      client.send(publishPacket('a', 'one', { qos: 1, packetId: 5 }))
      await client.expect('puback', { packetId: 5 })
      client.send(publishPacket('a', 'two', { qos: 2, packetId: 6 }))
      await client.expect('pubrec', { packetId: 6 })
      client.acknowledge('pubrel', { packetId: 6 })
      await client.expect('pubcomp', { packetId: 6 })
      await client.quiet()
    },
  )

  inVersions(
    ALL,
    'DUP is not passed on [MQTT-3.3.1-3] [MQTT-3.3.1-1] [MQTT-3.3.1-2] [MQTT-4.3.1-1] [MQTT-4.3.2-2] [MQTT-4.3.3-2] [3.1.1 MQTT-3.3.1-3] [3.1.1 MQTT-3.3.1-2] [3.1.1 MQTT-4.3.1-1] [3.1.1 MQTT-4.3.2-1] [3.1.1 MQTT-4.3.3-1]',
    async (version) => {
      const broker = await startBroker()
      const [subscriber, publisher] = [await broker.client({ version }), await broker.client({ version })]
      await subscriber.subscribe('a', { qos: 2 })
      publisher.send(publishPacket('a', 'zero'))
      for (const qos of [1, 2] as const) {
        publisher.send(publishPacket('a', 'more', { qos, packetId: qos, dup: true }))
      }
      await subscriber.message('a', 'zero', { qos: 0, dup: false })
      await subscriber.message('a', 'more', { qos: 1, dup: false })
      await subscriber.message('a', 'more', { qos: 2, dup: false })
    },
  )

  inVersions(ALL, 'goes out at the smaller of both QoS [MQTT-3.8.4-8] [3.1.1 MQTT-3.8.4-6]', async (version) => {
    const broker = await startBroker()
    const publisher = await broker.client({ version })
    const subscribers = await Promise.all(QOS.map(() => broker.client({ version })))
    for (const [qos, subscriber] of subscribers.entries()) await subscriber.subscribe('a', { qos: qos as 0 })
    for (const qos of QOS) {
      await publisher.publish('a', `at ${qos}`, { qos })
      for (const [granted, subscriber] of subscribers.entries()) {
        await subscriber.message('a', `at ${qos}`, { qos: Math.min(qos, granted) as 0 })
      }
    }
  })

  inVersions(
    ALL,
    'goes to everybody whose filter fits and to nobody else, under its own topic [MQTT-4.5.0-1] [MQTT-3.3.2-3] [3.1.1 MQTT-4.5.0-1] [3.1.1 MQTT-3.3.2-3]',
    async (version) => {
      const broker = await startBroker()
      const filters = ['a/b', 'a/+', 'a/#', '#', '+/b', 'a', 'a/b/c', 'b/#', 'A/b', 'a/b/']
      const clients = await Promise.all(filters.map(() => broker.client({ version })))
      for (const [i, client] of clients.entries()) await client.subscribe(filters[i] ?? '')
      await (await broker.client({ version })).publish('a/b', 'here')
      for (const client of clients.slice(0, 5)) await client.message('a/b', 'here')
      for (const client of clients) await client.quiet()
    },
  )

  inVersions(
    ALL,
    'that overlapping subscriptions fit comes at the greatest QoS of them [MQTT-3.3.4-2] [3.1.1 MQTT-3.3.5-1]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      await client.subscribe('a/#', { qos: 1 })
      await client.subscribe('a/b', { qos: 0 })
      await client.subscribe('+/b', { qos: 2 })
      client.send(publishPacket('a/b', 'one copy', { qos: 2, packetId: 1 }))
      await client.message('a/b', 'one copy', { qos: 2 })
      await client.expect('pubrec', { packetId: 1 })
      await client.quiet()
    },
  )

  inVersions(
    ALL,
    'that is not allowed is acknowledged as usual, and nobody gets it [3.1.1 MQTT-3.3.5-2] [MQTT-3.4.2-1] [MQTT-3.5.2-1]',
    async (version) => {
      const broker = await startBroker()
      const watcher = await broker.client({ version })
      await watcher.subscribe('#')
      const client = await broker.client({ version, ...ACCOUNT })
      client.send(
        publishPacket('closed', ''),
        publishPacket('closed', '', { qos: 1, packetId: 1 }),
        publishPacket('closed', '', { qos: 2, packetId: 2 }),
      )
      const reasonCode = version === 5 ? 0x87 : 0
      await client.expect('puback', { packetId: 1, reasonCode })
      await client.expect('pubrec', { packetId: 2, reasonCode })
      await client.quiet()
      await watcher.quiet()
      await client.publish('open/a', 'allowed', { qos: 2 })
      await watcher.message('open/a', 'allowed')
    },
  )

  it('5.0: an identifier whose PUBREC was a failure is free again [MQTT-4.3.3-9]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5, ...ACCOUNT })
    await client.subscribe('#')
    client.send(publishPacket('closed', '', { qos: 2, packetId: 1 }))
    await client.expect('pubrec', { packetId: 1, reasonCode: 0x87 })
    client.send(publishPacket('open/a', 'a new one', { qos: 2, packetId: 1 }))
    await client.message('open/a', 'a new one')
    await client.expect('pubrec', { packetId: 1, reasonCode: 0 })
  })

  it('5.0: nobody who gets it is no failure [MQTT-3.4.2-1] [MQTT-3.5.2-1]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    expect(await client.publish('a', '', { qos: 1 })).toBe(0x10)
    expect(await client.publish('a', '', { qos: 2 })).toBe(0x10)
  })
})

describe('order', () => {
  inVersions(
    ALL,
    'of a publisher is kept by topic and QoS, to each subscriber [MQTT-4.6.0-5] [MQTT-4.6.0-6] [3.1.1 MQTT-4.6.0-5] [3.1.1 MQTT-4.6.0-6]',
    async (version) => {
      const broker = await startBroker({ limits: { window: 5 } })
      const [subscriber, publisher] = [await broker.client({ version }), await broker.client({ version })]
      await subscriber.subscribe('#', { qos: 2 })
      const came = new Map<string, string[]>()
      for (let i = 0; i < 60; i++) {
        const qos = (i % 3) as 0 | 1 | 2
        publisher.send(publishPacket(`t${i % 2}`, `${i}`, { qos, ...(qos > 0 && { packetId: i + 1 }) }))
      }
      for (let i = 0; i < 60;) {
        const packet = await subscriber.next()
        if (packet.type === 'pubrel') subscriber.acknowledge('pubcomp', packet)
        if (packet.type !== 'publish') continue
        i++
        const key = `${packet.topic} ${packet.qos}`
        came.set(key, [...(came.get(key) ?? []), Buffer.from(packet.payload).toString()])
        if (packet.qos === 1) subscriber.acknowledge('puback', packet)
        if (packet.qos === 2) subscriber.acknowledge('pubrec', packet)
      }
      expect(came.size).toBe(6)
      for (const numbers of came.values()) {
        expect(numbers).toHaveLength(10)
        expect(numbers).toEqual([...numbers].sort((a, b) => Number(a) - Number(b)))
      }
    },
  )

  inVersions(
    ALL,
    'of acknowledgements is that of the messages [MQTT-4.6.0-2] [MQTT-4.6.0-3] [3.1.1 MQTT-4.6.0-2] [3.1.1 MQTT-4.6.0-3] [3.1.1 MQTT-4.6.0-6]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      const ids = [9, 3, 7, 1, 8]
      client.send(...ids.map((packetId) => publishPacket('a', '', { qos: 1, packetId })))
      for (const packetId of ids) await client.expect('puback', { packetId })
      client.send(...ids.map((packetId) => publishPacket('a', '', { qos: 2, packetId })))
      for (const packetId of ids) await client.expect('pubrec', { packetId })
    },
  )

  inVersions(
    ALL,
    'of PUBRELs is that of the PUBRECs [MQTT-4.6.0-4] [3.1.1 MQTT-4.6.0-4] [3.1.1 MQTT-4.6.0-6]',
    async (version) => {
      const broker = await startBroker()
      const [subscriber, publisher] = [await broker.client({ version }), await broker.client({ version })]
      await subscriber.subscribe('a', { qos: 2 })
      const ids: number[] = []
      for (let i = 1; i <= 4; i++) {
        publisher.send(publishPacket('a', '', { qos: 2, packetId: i }))
        ids.push((await subscriber.message('a')).packetId ?? 0)
      }
      const answers = [ids[2], ids[0], ids[3], ids[1]] as number[]
      for (const packetId of answers) subscriber.acknowledge('pubrec', { packetId })
      for (const packetId of answers) await subscriber.expect('pubrel', { packetId })
    },
  )
})

describe('properties of 5.0', () => {
  const properties = {
    payloadFormatIndicator: true,
    contentType: 'text/plain; ü',
    responseTopic: 'answers/1',
    correlationData: Uint8Array.of(0, 255, 1),
    userProperties: [
      ['z', '1'],
      ['a', ''],
      ['z', '1'],
      ['', 'no name'],
    ],
  } as const

  it('are passed on as they are, at any QoS, at once or later [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] [MQTT-3.3.2-13] [MQTT-3.3.2-19]', async () => {
    const broker = await startBroker()
    const publisher = await broker.client({ version: 5 })
    const away = await broker.client(lasting(5, 'away'))
    await away.subscribe('a', { qos: 1 })
    await broker.left(away)
    const [one, two] = [await broker.client({ version: 5 }), await broker.client({ version: 5 })]
    await one.subscribe('#', { qos: 2 })
    await two.subscribe('a', { qos: 0 })
    for (const qos of QOS) {
      await publisher.publish('a', 'ü', { qos, properties, retain: true })
      expect((await one.message('a', 'ü', { qos })).properties).toEqual(properties)
      expect((await two.message('a', 'ü', { qos: 0 })).properties).toEqual(properties)
    }
    await two.subscribe('a')
    expect((await two.message('a', 'ü', { retain: true })).properties).toEqual(properties)
    const back = await broker.client(lasting(5, 'away'))
    expect((await back.message('a', 'ü')).properties).toEqual(properties)
  })

  inVersions(OLD, 'are left out for who does not know them', async (version) => {
    const broker = await startBroker()
    const [old, publisher] = [await broker.client({ version }), await broker.client({ version: 5 })]
    await old.subscribe('a', { qos: 1 })
    await publisher.publish('a', 'plain', { properties: { ...properties, messageExpiryInterval: 10 } })
    await old.message('a', 'plain')
    await old.quiet()
  })

  it('a response topic with a wildcard ends the connection [MQTT-3.3.2-14]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    client.sendBytes('30080001610408000123')
    await client.closedFor(0x81)
  })

  it('a subscription identifier from a client ends the connection [MQTT-3.3.4-6]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    client.sendBytes('3006000161020b01')
    await client.closedFor(0x82)
  })

  it('the identifiers of all subscriptions that fit come with the one copy [MQTT-3.3.4-3] [MQTT-3.3.4-4]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    await client.subscribe('a/b', { identifier: 1 })
    await client.subscribe('a/#', { identifier: 268_435_455, qos: 2 })
    await client.subscribe('+/b')
    await client.subscribe('c', { identifier: 7 })
    client.send(publishPacket('a/b', 'both'), publishPacket('d/b', 'none'), publishPacket('c', 'one'))
    const { properties } = await client.message('a/b', 'both')
    expect([...(properties?.subscriptionIdentifiers ?? [])].sort((a, b) => a - b)).toEqual([1, 268_435_455])
    expect(await client.message('d/b', 'none')).not.toHaveProperty('properties')
    expect((await client.message('c', 'one')).properties).toEqual({ subscriptionIdentifiers: [7] })
    await client.quiet()
  })

  it('identifiers come with what waited, too [MQTT-3.3.4-3]', async () => {
    const broker = await startBroker()
    const away = await broker.client(lasting(5, 'away'))
    await away.subscribe('a', { identifier: 3, qos: 1 })
    await broker.left(away)
    await (await broker.client()).publish('a', 'later', { qos: 1 })
    const back = await broker.client(lasting(5, 'away'))
    expect((await back.message('a', 'later')).properties).toEqual({ subscriptionIdentifiers: [3] })
  })
})

describe('message expiry', () => {
  const expiring = (messageExpiryInterval: number, qos: 0 | 1 | 2 = 1) => ({
    qos,
    properties: { messageExpiryInterval },
  })

  it('who waited longer is not sent, the others with what is left [MQTT-3.3.2-5] [MQTT-3.3.2-6]', async () => {
    const { broker, pass } = await startBrokerInTime()
    const away = await broker.client(lasting(5, 'away'))
    await away.subscribe('#', { qos: 2 })
    await broker.left(away)
    const publisher = await broker.client({ version: 5 })
    await publisher.publish('a', 'short', expiring(10))
    await publisher.publish('b', 'long', expiring(100))
    await publisher.publish('c', 'for ever', { qos: 1 })
    await pass(30)
    const back = await broker.client(lasting(5, 'away'))
    expect((await back.message('b', 'long')).properties).toEqual({ messageExpiryInterval: 70 })
    expect(await back.message('c', 'for ever')).not.toHaveProperty('properties')
    await back.quiet()
  })

  it('goes on unaltered to those who are there, 0 included [MQTT-3.3.2-6]', async () => {
    const { broker } = await startBrokerInTime()
    const [client, publisher] = [await broker.client({ version: 5 }), await broker.client({ version: 5 })]
    await client.subscribe('a', { qos: 2 })
    for (const life of [0, 1, 4_294_967_295]) {
      await publisher.publish('a', '', expiring(life, 0))
      expect((await client.message('a')).properties).toEqual({ messageExpiryInterval: life })
    }
  })

  it('does not concern what was sent once [MQTT-4.3.3-7] [MQTT-4.3.3-13]', async () => {
    const { broker, pass } = await startBrokerInTime()
    const first = await broker.client(lasting(5, 'id'))
    await first.subscribe('a', { qos: 2 })
    const publisher = await broker.client({ version: 5 })
    await publisher.publish('a', 'two', expiring(10, 2))
    const { packetId = 0 } = await first.message('a', 'two')
    await broker.left(first)
    await pass(100)
    const second = await broker.client(lasting(5, 'id'))
    const again = await second.message('a', 'two', { dup: true, packetId, qos: 2 })
    second.acknowledge('pubrec', again)
    await second.expect('pubrel', { packetId, reasonCode: 0 })
    second.acknowledge('pubcomp', { packetId })
    await second.quiet()
  })

  it('the exchange with the publisher ends well after it, too [MQTT-4.3.3-13]', async () => {
    const { broker, pass } = await startBrokerInTime()
    const publisher = await broker.client({ version: 5 })
    publisher.send(publishPacket('a', '', { packetId: 1, ...expiring(5, 2) }))
    await publisher.expect('pubrec')
    await pass(60)
    publisher.acknowledge('pubrel', { packetId: 1 })
    await publisher.expect('pubcomp', { packetId: 1, reasonCode: 0 })
  })
})

inVersions(ALL, 'what one connection sends in one chunk is served in its order', async (version) => {
  const broker = await startBroker()
  const client = await broker.client({ version })
  client.send(
    publishPacket('a', 'before'),
    subscribePacket(1, [{ filter: 'a' }]),
    publishPacket('a', 'between'),
    { type: 'unsubscribe', packetId: 2, filters: ['a'] },
    publishPacket('a', 'behind'),
  )
  await client.expect('suback')
  await client.message('a', 'between')
  await client.expect('unsuback')
  await client.quiet()
})
