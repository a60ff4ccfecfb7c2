/** What comes in, and when the server is told: PUBACK, PUBREC and PUBCOMP, in the order of the messages. */
import { describe, expect, it } from 'vitest'
import { clientOf, failure, happens, take, texts, until } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'
import type { Caller } from './support/scripted-server.ts'
import type { MqttClient, MqttOptions, SubscribeOptions, Subscription } from '../src/index.ts'

interface Scene {
  readonly server: ScriptedServer
  readonly client: MqttClient
  readonly caller: Caller
  readonly subscription: Subscription
}

async function subscribed(options: SubscribeOptions = {}, client: MqttOptions = {}): Promise<Scene> {
  const server = await ScriptedServer.open()
  const own = clientOf(server.url, { version: 5, clientId: 'me', sessionExpiry: 60, ...client })
  const caller = await server.accepts()
  await own.connected()
  const asked = own.subscribe('a/#', { qos: 2, ...options })
  await caller.grant(2)
  return { server, client: own, caller, subscription: await asked }
}

/** Everything before it was sent: QoS 0 of ours stands behind it in the stream. */
async function nothingCame({ client, caller }: Pick<Scene, 'client' | 'caller'>): Promise<void> {
  await client.publish('mark', '', { qos: 0 })
  await caller.expect('publish', { topic: 'mark' })
}

describe.each([1, 2] as const)('QoS %s', (qos) => {
  const type = qos === 1 ? 'puback' : 'pubrec'

  it('is acknowledged when the loop asks for the next one', async () => {
    const { client, caller, subscription } = await subscribed()
    caller.publish('a/1', 'one', { qos, packetId: 1 })
    caller.publish('a/2', 'two', { qos, packetId: 2 })
    const loop = subscription[Symbol.asyncIterator]()
    expect((await loop.next()).value?.text()).toBe('one')
    await nothingCame({ client, caller })
    expect((await loop.next()).value?.text()).toBe('two')
    await caller.expect(type, { packetId: 1 })
    await loop.return?.()
    await caller.expect(type, { packetId: 2 })
  })

  it('acknowledgements keep the order of the messages, whoever is done first', async () => {
    const { client, caller, subscription } = await subscribed({ acknowledge: 'manual' })
    for (const packetId of [7, 3, 9]) caller.publish('a/b', `${packetId}`, { qos, packetId })
    const [seven, three, nine] = await take(subscription, 3)
    nine!.acknowledge()
    three!.acknowledge()
    await nothingCame({ client, caller })
    expect(client.diagnostics()?.unacknowledged).toBe(3)
    seven!.acknowledge()
    for (const packetId of [7, 3, 9]) await caller.expect(type, { packetId })
    expect(client.diagnostics()?.unacknowledged).toBe(0)
  })

  it('an async handler is waited for, one message after the other', async () => {
    const handled: string[] = []
    let go = (): void => {}
    const { client, caller } = await subscribed({
      onMessage: async (message) => {
        await new Promise<void>((resolve) => (go = resolve))
        handled.push(message.text())
      },
    })
    caller.publish('a/b', 'one', { qos, packetId: 1 })
    caller.publish('a/b', 'two', { qos, packetId: 2 })
    await until('both have come', () => client.diagnostics()?.unacknowledged === 2)
    expect(handled).toEqual([])
    go()
    await caller.expect(type, { packetId: 1 })
    expect(handled).toEqual(['one'])
    go()
    await caller.expect(type, { packetId: 2 })
  })

  it('a handler that throws, rejects or answers something else has handled the message', async () => {
    const answers = [
      () => {
        throw new Error('no')
      },
      () => Promise.reject(new Error('no')),
      () => 5,
      () => null,
    ]
    let turn = 0
    const { caller } = await subscribed({ onMessage: () => answers[turn++]!() })
    for (const packetId of [1, 2, 3, 4]) {
      caller.publish('a/b', '', { qos, packetId })
      await caller.expect(type, { packetId })
    }
  })

  it('what nobody wants is acknowledged too [MQTT-4.5.0-2] [3.1.1 MQTT-4.5.0-2]', async () => {
    const { caller } = await subscribed()
    caller.publish('other', '', { qos, packetId: 5 })
    await caller.expect(type, { packetId: 5 })
  })

  it('`received`: at once', async () => {
    const { caller, subscription } = await subscribed({ acknowledge: 'received' })
    caller.publish('a/b', 'x', { qos, packetId: 5 })
    await caller.expect(type, { packetId: 5 })
    expect(await texts(subscription, 1)).toEqual(['x'])
  })

  it('unsubscribing without having read leaves nothing in the way of others', async () => {
    const { client, caller, subscription } = await subscribed()
    caller.publish('a/b', 'unread', { qos, packetId: 1 })
    await until('it is held', () => subscription.held === 1)
    const left = subscription.unsubscribe()
    await caller.expect(type, { packetId: 1 })
    const { packetId } = await caller.expect('unsubscribe')
    caller.send({ type: 'unsuback', packetId, reasonCodes: [0] })
    await left
    expect(await texts(subscription, 1)).toEqual(['unread'])
    expect(client.diagnostics()?.unacknowledged).toBe(0)
  })

  it('what comes again while it is being handled is not handed out twice', async () => {
    const { client, server, caller, subscription } = await subscribed({ acknowledge: 'manual' })
    caller.publish('a/b', 'once', { qos, packetId: 4 })
    const [message] = await take(subscription, 1)
    caller.drop()
    const next = await server.accepts({ sessionPresent: true })
    await client.connected()
    next.publish('a/b', 'once', { qos, packetId: 4, dup: true })
    // Once more in the same connection, as nats-server does when it has waited long enough.
    next.publish('a/b', 'once', { qos, packetId: 4, dup: true })
    await nothingCame({ client, caller: next })
    message!.acknowledge()
    await next.expect(type, { packetId: 4 })
    expect(subscription.held).toBe(0)
    await nothingCame({ client, caller: next })
  })

  it('acknowledged while there was no connection: the server is told when it sends it again', async () => {
    const { client, server, caller, subscription } = await subscribed({ acknowledge: 'manual' })
    caller.publish('a/b', 'once', { qos, packetId: 4 })
    const [message] = await take(subscription, 1)
    const gone = happens(client, 'disconnect')
    caller.drop()
    await gone
    message!.acknowledge()
    const next = await server.accepts({ sessionPresent: true })
    next.publish('a/b', 'once', { qos, packetId: 4, dup: true })
    await next.expect(type, { packetId: 4 })
    expect(subscription.held).toBe(0)
  })
})

it('a loop that throws has handled the message it was at, no other', async () => {
  const { client, caller, subscription } = await subscribed()
  for (const packetId of [1, 2]) caller.publish('a/b', `${packetId}`, { qos: 1, packetId })
  await until('both have come', () => subscription.held === 2)
  const broken = async (): Promise<void> => {
    for await (const message of subscription) throw new Error(`not ${message.text()}`)
  }
  await expect(broken()).rejects.toThrow('not 1')
  await caller.expect('puback', { packetId: 1 })
  await nothingCame({ client, caller })
  expect(await texts(subscription, 1)).toEqual(['2'])
  await caller.expect('puback', { packetId: 2 })
})

it('QoS 2: once until PUBREL, then the identifier is free', async () => {
  const { caller, subscription } = await subscribed()
  const publish = (payload: string, dup: boolean): void => caller.publish('a/b', payload, { qos: 2, packetId: 1, dup })
  publish('one', false)
  expect(await texts(subscription, 1)).toEqual(['one'])
  await caller.expect('pubrec', { packetId: 1 })
  publish('one', true)
  await caller.expect('pubrec', { packetId: 1 })
  caller.send({ type: 'pubrel', packetId: 1, reasonCode: 0 })
  await caller.expect('pubcomp', { packetId: 1, reasonCode: 0 })
  caller.send({ type: 'pubrel', packetId: 1, reasonCode: 0 })
  await caller.expect('pubcomp', { packetId: 1, reasonCode: 0x92 })
  publish('two', false)
  expect(await texts(subscription, 1)).toEqual(['two'])
})

it('two subscriptions that get one message: it is acknowledged when both are done', async () => {
  const { client, caller, subscription } = await subscribed({ acknowledge: 'manual' })
  const asked = client.subscribe('a/b', { acknowledge: 'manual' })
  await caller.grant(2)
  const other = await asked
  caller.publish('a/b', '', { qos: 1, packetId: 1, properties: { subscriptionIdentifiers: [1, 2] } })
  const [one] = await take(subscription, 1)
  const [two] = await take(other, 1)
  one!.acknowledge()
  await nothingCame({ client, caller })
  two!.acknowledge()
  await caller.expect('puback', { packetId: 1 })
})

it('a subscription identifier tells which of two overlapping subscriptions a copy is for', async () => {
  const { client, caller, subscription } = await subscribed()
  const asked = client.subscribe('a/b')
  const { properties } = await caller.grant(1)
  const other = await asked
  caller.publish('a/b', 'for the second', {
    properties: { subscriptionIdentifiers: [properties?.subscriptionIdentifier ?? 0] },
  })
  caller.publish('a/b', 'for both', {})
  expect(await texts(other, 2)).toEqual(['for the second', 'for both'])
  expect(await texts(subscription, 1)).toEqual(['for both'])
})

it("aliases of the server's are topics; an unknown one ends the connection", async () => {
  const { server, client, caller, subscription } = await subscribed()
  caller.publish('a/b', '1', { properties: { topicAlias: 64 } })
  caller.publish('', '2', { properties: { topicAlias: 64 } })
  caller.publish('a/c', '3', { properties: { topicAlias: 64 } })
  caller.publish('', '4', { properties: { topicAlias: 64 } })
  expect((await take(subscription, 4)).map((message) => message.topic)).toEqual(['a/b', 'a/b', 'a/c', 'a/c'])
  const errors = happens(client, 'error')
  caller.publish('', '', { properties: { topicAlias: 1 } })
  await caller.expect('disconnect', { reasonCode: 0x82 })
  expect(await errors).toMatchObject({ code: 'ERR_MQTT_TOPIC_ALIAS' })
  // [MQTT-3.3.2-7]: none of the old connection's is known in the new one.
  const next = await server.accepts({ sessionPresent: true })
  const again = happens(client, 'error')
  next.publish('', '', { properties: { topicAlias: 64 } })
  await next.expect('disconnect', { reasonCode: 0x82 })
  await again
})

it('a server that sends more than the Receive Maximum is told 0x93', async () => {
  const { client, caller } = await subscribed({ acknowledge: 'manual' }, { receiveMaximum: 2 })
  const error = happens(client, 'error')
  for (const packetId of [1, 2, 3]) caller.publish('a/b', '', { qos: 1, packetId })
  await caller.expect('disconnect', { reasonCode: 0x93 })
  expect(await error).toMatchObject({ code: 'ERR_MQTT_RECEIVE_MAXIMUM' })
})

it('a packet larger than the client takes is told 0x95, and is announced in CONNECT', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5, maximumPacketSize: 2000 })
  const caller = await server.caller()
  expect((await caller.accept()).properties).toMatchObject({ maximumPacketSize: 2000, receiveMaximum: 1000 })
  await client.connected()
  const error = happens(client, 'error')
  caller.publish('a', 'x'.repeat(2000))
  await caller.expect('disconnect', { reasonCode: 0x95 })
  expect((await error).message).toContain('2000')
})

it('messages: text, JSON, and what is neither', async () => {
  const { caller, subscription } = await subscribed()
  caller.publish('a/json', '{"x":1}')
  caller.publish('a/text', 'Grüße')
  const [json, words] = await take(subscription, 2)
  expect(json!.json()).toEqual({ x: 1 })
  expect(words!.text()).toBe('Grüße')
  expect(await failure(Promise.resolve().then(() => words!.json()))).toMatchObject({ code: 'ERR_MQTT_NOT_JSON' })
})
