/** A reader who is slower than what comes. */
import { expect, it } from 'vitest'
import { clientOf, take, texts, until } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'
import type { Caller } from './support/scripted-server.ts'
import type { MqttClient, SubscribeOptions, Subscription } from '../src/index.ts'

async function open(
  options: SubscribeOptions,
  version: 4 | 5 = 5,
): Promise<{ client: MqttClient; caller: Caller; subscription: Subscription }> {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version })
  const caller = await server.accepts()
  await client.connected()
  const asked = client.subscribe('a', options)
  await caller.grant(2)
  return { client, caller, subscription: await asked }
}

/** Sends until the sockets take no more. How many messages. */
async function flood(caller: Caller, payload: string, most: number): Promise<number> {
  let sent = 0
  let stalled = 0
  while (sent < most && stalled < 50) {
    if (caller.socket.writableLength > 1024 * 1024) {
      stalled++
      await new Promise((resolve) => setTimeout(resolve, 2))
      continue
    }
    stalled = 0
    caller.publish('a', payload)
    sent++
  }
  return sent
}

it('`wait`: a fast sender has to wait, and what is held stays within its bytes', async () => {
  const payload = 'x'.repeat(10_000)
  const { client, caller, subscription } = await open({ buffer: 1000, bufferBytes: 500_000 })
  const sent = await flood(caller, payload, 4000)
  expect(sent).toBeLessThan(4000)
  // What one piece of the stream brings may be above it.
  expect(subscription.held * payload.length).toBeLessThan(500_000 + 2 * 65_536)
  expect(subscription.held).toBeGreaterThanOrEqual(50)
  expect(client.isConnected).toBe(true)
  expect((await take(subscription, sent)).length).toBe(sent)
  expect(subscription.dropped).toBe(0)
})

it('`drop-oldest`: the newest are kept, and the others counted', async () => {
  const { caller, subscription } = await open({ buffer: 10, overflow: 'drop-oldest' })
  for (let number = 0; number < 100; number++) caller.publish('a', `${number}`)
  await until('they have come', () => subscription.held + subscription.dropped === 100)
  expect(subscription.dropped).toBe(90)
  expect(await texts(subscription, 10)).toEqual(Array.from({ length: 10 }, (_, n) => `${90 + n}`))
})

it.each(['handled', 'manual', 'received'] as const)(
  '`drop-oldest`, %s: what is dropped is acknowledged',
  async (how) => {
    const { caller, subscription } = await open({ buffer: 2, overflow: 'drop-oldest', acknowledge: how })
    for (const packetId of [1, 2, 3, 4]) caller.publish('a', '', { qos: 1, packetId })
    await caller.expect('puback', { packetId: 1 })
    await caller.expect('puback', { packetId: 2 })
    await until('two are held', () => subscription.held === 2)
  },
)

it('`received`: what comes while the buffer is full is confirmed when it is taken', async () => {
  const { client, caller, subscription } = await open({ buffer: 2, acknowledge: 'received' })
  for (const packetId of [1, 2, 3, 4]) caller.publish('a', `${packetId}`, { qos: 1, packetId })
  await caller.expect('puback', { packetId: 1 })
  await caller.expect('puback', { packetId: 2 })
  await client.publish('mark', '', { qos: 0 })
  await caller.expect('publish', { topic: 'mark' })
  expect(await texts(subscription, 4)).toEqual(['1', '2', '3', '4'])
  await caller.expect('puback', { packetId: 3 })
  await caller.expect('puback', { packetId: 4 })
})

it.each([4, 5] as const)('%s: a loop that publishes for each message does not wait for itself', async (version) => {
  const { client, caller, subscription } = await open({ buffer: 5 }, version)
  for (let number = 0; number < 200; number++) caller.publish('a', `${number}`)
  const answers = async (): Promise<void> => {
    for (let number = 0; number < 200; number++) {
      const { packetId = 0 } = await caller.expect('publish', { topic: 'out' })
      // Behind all that the server has sent meanwhile.
      for (let more = 0; more < 3; more++) caller.publish('a', 'more')
      caller.send({ type: 'puback', packetId, reasonCode: 0 })
    }
  }
  const answered = answers()
  const seen: string[] = []
  for await (const message of subscription) {
    await client.publish('out', message.payload, { qos: 1 })
    if (seen.push(message.text()) === 200) break
  }
  await answered
  expect(seen[0]).toBe('0')
  // It could not wait, so QoS 0 went lost: counted, and memory bounded.
  expect(subscription.dropped).toBeGreaterThan(0)
  expect(subscription.held).toBeLessThanOrEqual(10)
})

it('nor one that subscribes', async () => {
  const { client, caller, subscription } = await open({ buffer: 1 })
  caller.publish('a', '1')
  await until('it is full', () => subscription.held === 1)
  const asked = client.subscribe('b')
  await caller.grant()
  await asked
})

it('ended while it was full: the others are read again', async () => {
  const { client, caller, subscription } = await open({ buffer: 1 })
  caller.publish('a', '1')
  await until('it is full', () => subscription.held === 1)
  const left = subscription.unsubscribe()
  const { packetId } = await caller.expect('unsubscribe')
  caller.send({ type: 'unsuback', packetId, reasonCodes: [0] })
  await left
  const asked = client.subscribe('b')
  await caller.grant()
  const other = await asked
  caller.publish('b', 'seen')
  expect(await texts(other, 1)).toEqual(['seen'])
})
