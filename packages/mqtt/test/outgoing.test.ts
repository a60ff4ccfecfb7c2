/** What goes out: QoS, order, windows, aliases, identifiers. */
import { describe, expect, it } from 'vitest'
import type { Publish } from '@halyard/wire/mqtt'
import { clientOf, connected, failure, happens, hub, take, texts, until } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'
import type { Caller } from './support/scripted-server.ts'

const text = ({ payload }: Publish): string => new TextDecoder().decode(payload)

describe.each([4, 5] as const)('version %s, on the hub', (version) => {
  it.each([0, 1, 2] as const)('QoS %s: a thousand messages arrive once each, in order', async (qos) => {
    const server = await hub()
    const client = await connected(server.url, { version })
    const subscription = await client.subscribe('a/#', { qos })
    const sent = Array.from({ length: 1000 }, (_, number) => `${number}`)
    const receipts = await Promise.all(sent.map((payload) => client.publish('a/b', payload, { qos })))
    expect(new Set(receipts.map(({ state }) => state))).toEqual(new Set(['delivered']))
    expect(await texts(subscription, 1000)).toEqual(sent)
    expect(client.diagnostics()).toMatchObject({ inFlight: 0, queued: 0, messagesSent: 1000 })
  })

  it('QoS 0 does not overtake QoS 1 that is still under way', async () => {
    const server = await hub()
    const client = await connected(server.url, { version })
    const subscription = await client.subscribe('a', { qos: 1 })
    const sent = Array.from({ length: 50 }, (_, number) => `${number}`)
    await Promise.all(sent.map((payload, number) => client.publish('a', payload, { qos: number % 3 === 0 ? 1 : 0 })))
    expect(await texts(subscription, 50)).toEqual(sent)
  })
})

/** A server that reads publishes, and answers when the test says so. */
async function reads(caller: Caller, count: number): Promise<Publish[]> {
  const read: Publish[] = []
  while (read.length < count) read.push(await caller.expect('publish'))
  return read
}

it("no more are on the way than the server's Receive Maximum, nor than the window", async () => {
  for (const [properties, window, most] of [
    [{ receiveMaximum: 3 }, undefined, 3],
    [{}, 2, 2],
  ] as const) {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, ...(window && { window }) })
    const caller = await server.accepts({ properties })
    await client.connected()
    const all = Promise.all(
      Array.from({ length: 9 }, (_, n) => client.publish('a', `${n}`, { qos: n % 2 === 0 ? 1 : 2 })),
    )
    const order: string[] = []
    let open: Publish[] = await reads(caller, most)
    for (let left = 9; left > 0; left--) {
      // Whatever else it would send stands before what follows.
      caller.send({ type: 'pingresp' })
      expect(caller.came).toEqual([])
      const [first, ...others] = open
      order.push(text(first!))
      const packetId = first!.packetId ?? 0
      if (first!.qos === 1) caller.send({ type: 'puback', packetId, reasonCode: 0 })
      else {
        caller.send({ type: 'pubrec', packetId, reasonCode: 0 })
        await caller.expect('pubrel', { packetId })
        caller.send({ type: 'pubcomp', packetId, reasonCode: 0 })
      }
      open = left > most ? [...others, ...(await reads(caller, 1))] : others
    }
    await all
    expect(order).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8'])
  }
})

it('an alias is sent with its topic once for each connection, and only where the server takes some', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts({ properties: { topicAliasMaximum: 2 } })
  await client.connected()
  const seen = async (from: Caller): Promise<unknown> => {
    const { topic, properties } = await from.expect('publish')
    return [topic, properties?.topicAlias ?? 0]
  }
  const publish = (topic: string): unknown => client.publish(topic, '', { qos: 0 })
  for (const topic of ['a', 'a', 'b', 'a', 'c', 'b', 'a']) publish(topic)
  const all = []
  for (let count = 0; count < 7; count++) all.push(await seen(caller))
  // c takes the place of the oldest, a; a that of b.
  expect(all).toEqual([
    ['a', 1],
    ['', 1],
    ['b', 2],
    ['', 1],
    ['c', 1],
    ['', 2],
    ['a', 2],
  ])
  const again = happens(client, 'connect')
  caller.drop()
  const next = await server.accepts({ properties: { topicAliasMaximum: 1 } })
  await again
  publish('b')
  expect(await seen(next)).toEqual(['b', 1])
})

it('a message that does not fit leaves no alias behind that the server does not know', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts({ properties: { topicAliasMaximum: 5, maximumPacketSize: 100 } })
  await client.connected()
  expect(await failure(client.publish('topic', 'x'.repeat(200), { qos: 0 }))).toMatchObject({
    reason: 'packetTooLarge',
  })
  // So near to the limit that the alias beside the topic would pass it: it goes without.
  const size = 100 - 2 - 2 - 5 - 1
  void client.publish('topic', 'x'.repeat(size), { qos: 0 })
  void client.publish('topic', 'y', { qos: 0 })
  expect((await caller.expect('publish', { topic: 'topic' })).properties?.topicAlias).toBeUndefined()
  expect(await caller.expect('publish')).toMatchObject({ topic: 'topic', properties: { topicAlias: 1 } })
})

it('neither does one that is longer than a packet can be, which is refused at once', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts({ properties: { topicAliasMaximum: 5 } })
  await client.connected()
  const error = await failure(client.publish('topic', new Uint8Array(268_435_456), { qos: 0 }))
  expect(error).toMatchObject({ code: 'ERR_OUTBOX_MESSAGE' })
  void client.publish('topic', 'y', { qos: 0 })
  expect(await caller.expect('publish')).toMatchObject({ topic: 'topic', properties: { topicAlias: 1 } })
})

it('a QoS that is none is refused, also for a topic that was published to before', async () => {
  const client = await connected((await hub()).url)
  for (const qos of [0, 1, 2] as const) {
    await client.publish('a', '', { qos })
    await client.publish('a', '', { qos, retain: true })
  }
  for (const qos of [0.5, 1.5, '1', -1, 3, null]) {
    const error = await failure(client.publish('a', '', { qos: qos as never }))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: 'qos is 0, 1 or 2' })
  }
})

it('properties that cannot be written are refused at once, and block nothing', async () => {
  const client = await connected((await hub()).url)
  const bad = [
    { messageExpiryInterval: -1 },
    { contentType: 5 },
    { correlationData: 'text' },
    { userProperties: [['a']] },
    { topicAlias: 1 },
  ]
  for (const properties of bad) {
    expect(await failure(client.publish('a', '', { properties: properties as never }))).toMatchObject({
      code: 'ERR_USAGE',
    })
  }
  expect(await failure(client.publish('a/+', ''))).toMatchObject({ code: 'ERR_MQTT_TOPIC' })
  expect(await failure(client.publish('', ''))).toMatchObject({ code: 'ERR_MQTT_TOPIC' })
  expect(await failure(client.publish('a', {} as never))).toMatchObject({ code: 'ERR_USAGE' })
  expect(await failure(client.publish('a', '', { qos: 3 as never }))).toMatchObject({ code: 'ERR_USAGE' })
  expect(await client.publish('a', '')).toMatchObject({ state: 'delivered' })
})

it('all properties of a message arrive', async () => {
  const client = await connected((await hub()).url)
  const subscription = await client.subscribe('a')
  const properties = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 60,
    contentType: 'application/json',
    responseTopic: 'b',
    correlationData: Uint8Array.of(0, 255),
    userProperties: [
      ['a', '1'],
      ['a', '2'],
    ] as const,
  }
  await client.publish('a', '{}', { properties })
  const [message] = await take(subscription, 1)
  expect(message?.properties).toMatchObject(properties)
})

it('offline: it is queued and goes out later, or is rejected', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.caller()
  expect(await failure(client.publish('a', '', { offline: 'reject' }))).toMatchObject({ code: 'ERR_MQTT_OFFLINE' })
  const { id, state } = await client.publish('a', 'later')
  expect(state).toBe('queued')
  expect((await client.publish('a', 'too', { qos: 0 })).state).toBe('queued')
  await caller.accept()
  const { packetId = 0 } = await caller.expect('publish', { qos: 1 })
  await caller.expect('publish', { qos: 0 })
  caller.send({ type: 'puback', packetId, reasonCode: 0 })
  expect(await (await client.outbox).settled(id)).toMatchObject({ state: 'delivered' })
})

it('resent in order with DUP and identifier, PUBREL after PUBREC; anew without the session [MQTT-3.2.2-5]', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5, clientId: 'me', sessionExpiry: 60 })
  const first = await server.accepts()
  await client.connected()
  for (const qos of [2, 1, 2, 1] as const) void client.publish('a', `${qos}`, { qos })
  const sent = await reads(first, 4)
  expect(sent.map(({ dup }) => dup)).toEqual([false, false, false, false])
  const packetId = sent[0]!.packetId ?? 0
  first.send({ type: 'pubrec', packetId, reasonCode: 0 })
  await first.expect('pubrel', { packetId })
  first.drop()
  const second = await server.accepts({ sessionPresent: true })
  await second.expect('pubrel', { packetId, reasonCode: 0 })
  for (const before of sent.slice(1)) {
    const { packetId: again, dup, payload } = await second.expect('publish')
    expect({ again, dup, payload }).toEqual({ again: before.packetId, dup: true, payload: before.payload })
  }
  second.send({ type: 'pubcomp', packetId, reasonCode: 0x92 })
  second.drop()
  // The session is gone: what is sent is new to the server, and what had PUBREC arrived.
  const third = await server.accepts()
  const payloads = (await reads(third, 3)).map((packet) => [text(packet), packet.dup])
  expect(payloads).toEqual([
    ['1', false],
    ['2', false],
    ['1', false],
  ])
  await until('three in flight', () => client.diagnostics()?.inFlight === 3)
  third.drop()
})

it('a second PUBREC gets its PUBREL again, an unknown one gets 0x92', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts()
  await client.connected()
  const published = client.publish('a', '', { qos: 2 })
  const { packetId = 0 } = await caller.expect('publish')
  for (let time = 0; time < 2; time++) {
    caller.send({ type: 'pubrec', packetId, reasonCode: 0 })
    await caller.expect('pubrel', { packetId, reasonCode: 0 })
  }
  caller.send({ type: 'pubrec', packetId: 999, reasonCode: 0 })
  await caller.expect('pubrel', { packetId: 999, reasonCode: 0x92 })
  caller.send({ type: 'pubcomp', packetId, reasonCode: 0 })
  expect(await published).toMatchObject({ state: 'delivered' })
})
