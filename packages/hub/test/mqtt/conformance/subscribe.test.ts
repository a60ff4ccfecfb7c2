import { describe, expect, it } from 'vitest'
import { ACCOUNT, ALL, OLD, inVersions, lasting, startBroker } from '../broker.ts'
import { publishPacket, subscribePacket } from '../raw-client.ts'

/** §3.8 to §3.11 and §4.7: subscriptions, how they end, and what their filters mean. */

describe('SUBSCRIBE', () => {
  inVersions(
    ALL,
    'of many filters is that many in one: a code each, in their order [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [3.1.1 MQTT-3.8.4-1] [3.1.1 MQTT-3.8.4-2] [3.1.1 MQTT-3.8.4-4] [3.1.1 MQTT-3.8.4-5] [3.1.1 MQTT-3.9.3-1] [3.1.1 MQTT-3.9.3-2]',
    async (version) => {
      const broker = await startBroker({ limits: { topicLevels: 3 } })
      const client = await broker.client({ version, ...ACCOUNT })
      client.send(
        subscribePacket(3, [
          { filter: 'a', qos: 2 },
          { filter: '1/2/3/4', qos: 0 },
          { filter: 'b/#', qos: 0 },
          { filter: 'a', qos: 1 },
          { filter: '$SYS/#', qos: 1 },
        ]),
      )
      const [tooDeep, notAllowed] = version === 5 ? [0x8f, 0x87] : [0x80, 0x80]
      await client.expect('suback', { packetId: 3, reasonCodes: [2, tooDeep, 0, 1, notAllowed] })
      const publisher = await broker.client({ version })
      await publisher.publish('a', 'the last one holds', { qos: 2 })
      await client.message('a', 'the last one holds', { qos: 1 })
      await publisher.publish('1/2/3', '')
      await client.quiet()
    },
  )

  inVersions(ALL, 'one too many for the session is refused, those it has stay', async (version) => {
    const broker = await startBroker({ limits: { subscriptions: 2 } })
    const client = await broker.client({ version })
    client.send(subscribePacket(1, [{ filter: 'a' }, { filter: 'b' }, { filter: 'c' }, { filter: 'a', qos: 1 }]))
    await client.expect('suback', { reasonCodes: [0, 0, version === 5 ? 0x97 : 0x80, 1] })
    await client.unsubscribe('b')
    expect(await client.subscribe('c')).toBe(0)
  })

  it('5.0: No Local keeps a client from its own messages, whichever connection they came on [MQTT-3.8.3-3]', async () => {
    const broker = await startBroker()
    const client = await broker.client(lasting(5, 'id'))
    const other = await broker.client({ version: 5 })
    await client.subscribe('a', { noLocal: true, qos: 1 })
    await client.publish('a', 'own')
    await other.publish('a', 'foreign')
    await client.message('a', 'foreign')
    await client.subscribe('#', { qos: 0 })
    client.send(publishPacket('a', 'by the other filter', { qos: 1, packetId: 50 }))
    await client.message('a', 'by the other filter', { qos: 0 })
    await client.expect('puback')
    await client.quiet()
  })

  it('5.0: No Local for a shared one is a protocol error [MQTT-3.8.3-4]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    client.sendBytes(`8210000100000a${Buffer.from('$share/g/a').toString('hex')}04`)
    await client.closedFor(0x82)
  })

  it('3.1.1 and 3.1 have none of the options of 5.0', async () => {
    const broker = await startBroker()
    for (const version of OLD) {
      const client = await broker.client({ version })
      await client.subscribe(`a${version}`)
      client.send(publishPacket(`a${version}`, 'own', { retain: true }))
      await client.message(`a${version}`, 'own', { retain: false })
    }
  })
})

describe('UNSUBSCRIBE', () => {
  inVersions(
    ALL,
    'of many filters is that many in one, answered whether they were there or not [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2] [3.1.1 MQTT-3.10.4-4] [3.1.1 MQTT-3.10.4-5] [3.1.1 MQTT-3.10.4-6]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      for (const filter of ['a', 'b/#', 'c']) await client.subscribe(filter)
      const { reasonCodes } = await client.unsubscribe('a', 'nobody', 'b/#', 'a')
      expect(reasonCodes).toEqual(version === 5 ? [0, 0x11, 0, 0x11] : [])
      for (const topic of ['a', 'b', 'b/c']) await client.publish(topic, 'gone')
      client.send(publishPacket('c', 'still'))
      await client.message('c', 'still')
    },
  )

  inVersions(
    ALL,
    'compares filters character by character: wildcards stand for themselves [MQTT-3.10.4-1] [3.1.1 MQTT-3.10.4-1]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      await client.subscribe('a/b')
      for (const filter of ['a/+', 'a/#', '#', 'a/b/', 'A/b', 'a']) await client.unsubscribe(filter)
      client.send(publishPacket('a/b', 'still there'))
      await client.message('a/b', 'still there')
      await client.unsubscribe('a/b')
      await client.publish('a/b', 'gone')
    },
  )

  inVersions(
    ALL,
    'nothing is added for it any more, and what has begun is brought to its end [MQTT-3.10.4-2] [MQTT-3.10.4-3] [3.1.1 MQTT-3.10.4-2] [3.1.1 MQTT-3.10.4-3]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client(lasting(version, 'id'))
      await client.subscribe('a', { qos: 2 })
      const publisher = await broker.client({ version })
      await publisher.publish('a', 'one', { qos: 1 })
      await publisher.publish('a', 'two', { qos: 2 })
      await client.message('a', 'one')
      const { packetId = 0 } = await client.message('a', 'two')
      await client.unsubscribe('a')
      await publisher.publish('a', 'three', { qos: 2 })
      client.acknowledge('pubrec', { packetId })
      await client.expect('pubrel', { packetId })
      client.acknowledge('pubcomp', { packetId })
      await client.quiet()
      await broker.left(client)
      const back = await broker.client(lasting(version, 'id'))
      await back.message('a', 'one', { dup: true })
      await back.quiet()
    },
  )
})

describe('filters', () => {
  const matching: readonly (readonly [filter: string, topic: string, fits: boolean])[] = [
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/#', 'sport', true],
    ['#', 'a', true],
    ['#', '/', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['+/tennis/#', 'sport/tennis', true],
    ['+//b', 'a//b', true],
    ['a/+/b', 'a//b', true],
  ]
  inVersions(
    ALL,
    '# is a last level of its own and + one whole level [MQTT-4.7.1-1] [MQTT-4.7.1-2] [3.1.1 MQTT-4.7.1-2] [3.1.1 MQTT-4.7.1-3]',
    async (version) => {
      const broker = await startBroker()
      for (const [filter, topic, fits] of matching) {
        const client = await broker.client({ version })
        expect(await client.subscribe(filter)).toBe(0)
        client.send(publishPacket(topic, filter))
        if (fits) await client.message(topic, filter)
        await client.quiet()
        client.leave()
      }
    },
  )

  for (const filter of ['a#', '#/a', 'a/#/b', '##', 'a+', '+a/b', 'a/b+', 'a/++/b']) {
    inVersions(
      ALL,
      `${filter} is none, and fails alone in its SUBACK [MQTT-4.7.1-1] [MQTT-4.7.1-2] [3.1.1 MQTT-4.7.1-2] [3.1.1 MQTT-4.7.1-3]`,
      async (version) => {
        const broker = await startBroker()
        const client = await broker.client({ version })
        client.send(subscribePacket(1, [{ filter: 'good' }, { filter }, { filter: 'good/+' }]))
        await client.expect('suback', { reasonCodes: [0, version === 5 ? 0x8f : 0x80, 0] })
        expect(broker.server.broker.space('mqtt').subscriptions).toBe(2)
      },
    )
  }

  inVersions(ALL, 'an empty one is none either [MQTT-4.7.3-1] [3.1.1 MQTT-4.7.3-1]', async (version) => {
    const broker = await startBroker()
    const client = await broker.client({ version })
    client.sendBytes(version === 5 ? '8206000100000000' : '82050001000000')
    await client.expect('suback', { reasonCodes: [version === 5 ? 0x8f : 0x80] })
  })

  inVersions(ALL, 'with U+0000 is none either [MQTT-4.7.3-2] [3.1.1 MQTT-4.7.3-2]', async (version) => {
    const broker = await startBroker()
    const client = await broker.client({ version })
    client.sendBytes(version === 5 ? '820700010000010000' : '8206000100010000')
    await client.closedFor(0x81)
  })

  inVersions(
    ALL,
    'with a wildcard first leave topics that begin with $ alone [MQTT-4.7.2-1] [3.1.1 MQTT-4.7.2-1]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      for (const filter of ['#', '+/a', '+/#']) await client.subscribe(filter)
      const { broker: engine } = broker.server
      const topic = { text: '$SYS/a', bytes: Buffer.from('$SYS/a'), valid: true }
      const message = { topic, payload: Buffer.from('of the server'), qos: 0, retain: true } as const
      const more = { properties: undefined, expiresAt: Infinity }
      engine.publish({ ...message, ...more }, engine.space('mqtt'), '$SYS/a')
      await client.quiet()
      await client.subscribe('#')
      await client.quiet()
      await client.subscribe('$SYS/#')
      await client.message('$SYS/a', 'of the server', { retain: true })
      const other = await broker.client({ version })
      await other.publish('a/$b', 'not first')
      await client.message('a/$b', 'not first')
    },
  )

  inVersions(
    ALL,
    'and topics are compared as they are: case, spaces, accents, empty levels [MQTT-4.7.3-4] [3.1.1 MQTT-4.7.3-4]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      // é as one character and as two, a fullwidth a, a soft hyphen, a private and an unassigned code point.
      const topics = [
        'ACCOUNTS',
        'Accounts',
        'a',
        '/a',
        'a/',
        ' a',
        'é',
        'e\u0301',
        '\uff41',
        'a\u00ad',
        '\ue000',
        '\u0378',
      ]
      for (const topic of topics) {
        await client.subscribe(topic)
        for (const other of topics) client.send(publishPacket(other, topic))
        await client.message(topic, topic)
        await client.quiet()
        await client.unsubscribe(topic)
      }
    },
  )

  inVersions(ALL, 'and topics of 65,535 bytes [MQTT-4.7.3-3] [3.1.1 MQTT-4.7.3-3]', async (version) => {
    const broker = await startBroker()
    const client = await broker.client({ version })
    const topic = 'é'.repeat(32_767) + 'a'
    expect(await client.subscribe(topic, { qos: 1 })).toBe(1)
    client.send(publishPacket(topic, 'here', { qos: 1, packetId: 9 }))
    await client.message(topic, 'here')
    await client.expect('puback')
  })
})
