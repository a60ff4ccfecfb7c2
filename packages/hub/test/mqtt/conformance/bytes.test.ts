import { describe, expect, it } from 'vitest'
import { ALL, inVersions, startBroker } from '../broker.ts'
import { publishPacket, subscribePacket } from '../raw-client.ts'

/** Chapters 1 and 2: what a server does with packets that are not as they must be, and which identifiers it uses. */

const MALFORMED = 0x81
const text = (value: string): string => field(Buffer.from(value).toString('hex'))
const field = (hex: string): string => (hex.length / 2).toString(16).padStart(4, '0') + hex

function packet(first: string, ...body: readonly string[]): string {
  const bytes = body.join('')
  return first + (bytes.length / 2).toString(16).padStart(2, '0') + bytes
}

describe('what is malformed ends the connection', () => {
  const cases: readonly (readonly [title: string, three: string, five: string, reason?: number])[] = [
    [
      'a topic with a surrogate [MQTT-1.5.4-1] [3.1.1 MQTT-1.5.3-1]',
      packet('30', field('eda080')),
      packet('30', field('eda080'), '00'),
    ],
    [
      'a topic with U+0000 [MQTT-1.5.4-2] [3.1.1 MQTT-1.5.3-2]',
      packet('30', field('00')),
      packet('30', field('00'), '00'),
    ],
    [
      'a filter that is no UTF-8 [MQTT-1.5.4-1] [3.1.1 MQTT-1.5.3-1]',
      packet('82', '0001', field('ff'), '00'),
      packet('82', '0001', '00', field('ff'), '00'),
    ],
    ['PINGREQ with flags [MQTT-2.1.3-1] [3.1.1 MQTT-2.2.2-1] [3.1.1 MQTT-2.2.2-2]', 'c100', 'c100'],
    ['PUBREL without its flags [MQTT-3.6.1-1] [3.1.1 MQTT-3.6.1-1]', '60020001', '60020001'],
    [
      'SUBSCRIBE without its flags [MQTT-3.8.1-1] [3.1.1 MQTT-3.8.1-1]',
      packet('80', '0001', text('a'), '00'),
      packet('80', '0001', '00', text('a'), '00'),
    ],
    [
      'UNSUBSCRIBE without its flags [MQTT-3.10.1-1] [3.1.1 MQTT-3.10.1-1]',
      packet('a0', '0001', text('a')),
      packet('a0', '0001', '00', text('a')),
    ],
    ['DISCONNECT with flags [MQTT-3.14.1-1] [3.1.1 MQTT-3.14.1-1]', 'e100', 'e100'],
    ['QoS 3 [MQTT-3.3.1-4] [3.1.1 MQTT-3.3.1-4]', packet('36', text('a'), '0001'), packet('36', text('a'), '000100')],
    ['QoS 0 with DUP [MQTT-3.3.1-2] [3.1.1 MQTT-3.3.1-2]', packet('38', text('a')), packet('38', text('a'), '00')],
    [
      'QoS 1 with packet identifier 0 [3.1.1 MQTT-2.3.1-1]',
      packet('32', text('a'), '0000'),
      packet('32', text('a'), '0000', '00'),
    ],
    [
      'a topic with a wildcard [MQTT-3.3.2-2] [MQTT-4.7.0-1] [3.1.1 MQTT-3.3.2-2] [3.1.1 MQTT-4.7.1-1]',
      packet('30', text('a/#')),
      packet('30', text('a/#'), '00'),
    ],
    ['a PUBLISH without a topic [MQTT-3.3.2-1] [3.1.1 MQTT-3.3.2-1]', packet('30', '00'), packet('30', '00')],
    ['an empty topic [MQTT-4.7.3-1] [3.1.1 MQTT-4.7.3-1]', packet('30', '0000'), packet('30', '000000'), 0x82],
    [
      'SUBSCRIBE without a filter [MQTT-3.8.3-2] [3.1.1 MQTT-3.8.3-3]',
      packet('82', '0001'),
      packet('82', '0001', '00'),
      0x82,
    ],
    [
      'UNSUBSCRIBE without a filter [MQTT-3.10.3-2] [3.1.1 MQTT-3.10.3-2]',
      packet('a2', '0001'),
      packet('a2', '0001', '00'),
      0x82,
    ],
    [
      'reserved bits in the options of a subscription [MQTT-3.8.3-5] [3.1.1 MQTT-3.8.3-4]',
      packet('82', '0001', text('a'), '04'),
      packet('82', '0001', '00', text('a'), 'c0'),
    ],
    ['a packet that only servers send', '20020000', '2003000000', 0x82],
    [
      'a second CONNECT [MQTT-3.1.0-2] [3.1.1 MQTT-3.1.0-2]',
      packet('10', text('MQTT'), '0402003c', text('a')),
      packet('10', text('MQTT'), '0502003c00', text('a')),
      0x82,
    ],
  ]
  for (const [title, three, five, reason = MALFORMED] of cases) {
    inVersions([4, 5], title, async (version) => {
      const broker = await startBroker()
      const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false } as const
      const watcher = await broker.client()
      await watcher.subscribe('will')
      const client = await broker.client({ version, will })
      client.sendBytes(version === 5 ? five : three)
      await client.closedFor(reason)
      // An end that is none of the client's own wishes: its will is published.
      await watcher.message('will', 'gone')
    })
  }

  it('5.0 alone: a length of more bytes than it needs [MQTT-1.5.5-1]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    client.sendBytes('c08000')
    await client.closedFor(MALFORMED)
  })

  it('5.0 alone: a user property that is no UTF-8 [MQTT-1.5.7-1]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    client.sendBytes(packet('30', text('a'), '07', '26', field('ff'), field('61')))
    await client.closedFor(MALFORMED)
  })

  it('5.0 alone: AUTH with flags [MQTT-3.15.1-1]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    client.sendBytes('f100')
    await client.closedFor(MALFORMED)
  })

  inVersions([4, 5], 'nobody else is disturbed [MQTT-4.13.1-1] [3.1.1 MQTT-4.8.0-1]', async (version) => {
    const broker = await startBroker()
    const [other, client] = [await broker.client({ version }), await broker.client({ version })]
    await other.subscribe('a')
    client.sendBytes('c100')
    await client.closedFor(MALFORMED)
    await other.publish('b')
    await other.quiet()
  })
})

describe('strings are taken as they are', () => {
  inVersions(ALL, 'U+FEFF is a character [MQTT-1.5.4-3] [3.1.1 MQTT-1.5.3-3]', async (version) => {
    const broker = await startBroker()
    const client = await broker.client({ version })
    await client.subscribe('\uFEFFa')
    client.send(publishPacket('a', 'without'), publishPacket('\uFEFFa', 'with'))
    await client.message('\uFEFFa', 'with')
    await client.quiet()
  })
})

describe('packet identifiers', () => {
  inVersions(ALL, 'a QoS 0 PUBLISH has none [MQTT-2.2.1-2] [3.1.1 MQTT-2.3.1-5]', async (version) => {
    const broker = await startBroker()
    const client = await broker.client({ version })
    await client.subscribe('a', { qos: 2 })
    client.send(publishPacket('a', '\0\u0001'))
    const message = await client.message('a', '\0\u0001', { qos: 0 })
    expect(message.packetId).toBeUndefined()
  })

  inVersions(
    ALL,
    'messages on their way have identifiers of their own, other than 0 [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1] [3.1.1 MQTT-2.3.1-4] [3.1.1 MQTT-2.3.1-1]',
    async (version) => {
      const broker = await startBroker()
      const [subscriber, publisher] = [await broker.client({ version }), await broker.client({ version })]
      await subscriber.subscribe('a', { qos: 2 })
      for (let i = 0; i < 20; i++) publisher.send(publishPacket('a', '', { qos: 1, packetId: 7 }))
      const ids = new Set<number | undefined>()
      for (let i = 0; i < 20; i++) ids.add((await subscriber.message('a')).packetId)
      expect(ids.size).toBe(20)
      expect(ids).not.toContain(0)
    },
  )

  inVersions(
    ALL,
    'an identifier that is free again may come again, one that is not never does [MQTT-2.2.1-4] [3.1.1 MQTT-2.3.1-4]',
    async (version) => {
      const broker = await startBroker({ limits: { window: 3 } })
      const [subscriber, publisher] = [await broker.client({ version }), await broker.client({ version })]
      await subscriber.subscribe('a', { qos: 1 })
      await publisher.publish('a', 'held')
      const held = new Set<number>()
      await publisher.publish('a', 'first', { qos: 1 })
      await subscriber.message('a', 'held')
      held.add((await subscriber.message('a', 'first')).packetId ?? 0)
      for (let i = 0; i < 100; i++) {
        publisher.send(publishPacket('a', '', { qos: 1, packetId: 1 }))
        const message = await subscriber.message('a')
        expect(held).not.toContain(message.packetId)
        subscriber.acknowledge('puback', message)
      }
    },
  )

  inVersions(
    ALL,
    'acknowledgements have the identifier of what they answer [MQTT-2.2.1-5] [MQTT-2.2.1-6] [MQTT-3.8.4-2] [MQTT-3.10.4-5] [3.1.1 MQTT-2.3.1-6] [3.1.1 MQTT-2.3.1-7] [3.1.1 MQTT-3.8.4-2] [3.1.1 MQTT-3.10.4-4]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.client({ version })
      client.send(
        subscribePacket(0x1234, [{ filter: 'b' }]),
        publishPacket('a', '', { qos: 1, packetId: 65_535 }),
        publishPacket('a', '', { qos: 2, packetId: 256 }),
        { type: 'pubrel', packetId: 256, reasonCode: 0 },
        { type: 'unsubscribe', packetId: 0x4321, filters: ['b'] },
      )
      await client.expect('suback', { packetId: 0x1234 })
      await client.expect('puback', { packetId: 65_535 })
      await client.expect('pubrec', { packetId: 256 })
      await client.expect('pubcomp', { packetId: 256 })
      await client.expect('unsuback', { packetId: 0x4321 })
    },
  )
})

it('no properties are a length of 0, which may be left out where nothing else follows [MQTT-2.2.2-1]', async () => {
  const broker = await startBroker()
  const client = await broker.client({ version: 5 })
  const bytes: Buffer[] = []
  client.socket.on('data', (chunk: Buffer) => bytes.push(chunk))
  await client.subscribe('a')
  await client.publish('b', '', { qos: 2 })
  client.send(publishPacket('a', '!'))
  await client.message('a', '!')
  // SUBACK, PUBREC with "no matching subscribers", PUBCOMP without a reason, PUBLISH.
  const hex = Buffer.concat(bytes).toString('hex')
  expect(hex).toMatch(/^90040001000050(03000210|0400021000)7002000230050001610021$/)
})
