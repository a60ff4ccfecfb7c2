/** Questions with answers, 5.0 §4.10, and enhanced authentication, 5.0 §4.12. */
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { MqttClient } from '../src/index.ts'
import type { Authentication } from '../src/index.ts'
import { clientOf, connected, failure, happens, hub, take } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

it('several questions at once get their own answers, in whatever order they come', async () => {
  const server = await hub()
  const [asks, answers] = await Promise.all([connected(server.url), connected(server.url)])
  const questions = await answers.subscribe('square/+')
  const asked = Promise.all([1, 2, 3].map((number) => asks.request(`square/${number}`, `${number}`)))
  const open = await take(questions, 3)
  for (const question of open.toReversed()) {
    const number = Number(question.text())
    await answers.respond(question, `${number * number}`)
  }
  expect((await asked).map((answer) => answer.text())).toEqual(['1', '4', '9'])
  await asks.publish('square/4', '4')
  const [plain] = await take(questions, 1)
  expect(await failure(answers.respond(plain!, ''))).toMatchObject({ code: 'ERR_MQTT_NO_QUESTION' })
})

it('a question that nobody answers ends after its timeout, also when not even its PUBACK comes', async () => {
  const clock = new VirtualClock()
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5, keepalive: 0 }, { clock })
  const caller = await server.accepts()
  await client.connected()
  const asked = failure(client.request('q', '', { timeout: 5 }))
  await caller.grant()
  const { packetId = 0 } = await caller.expect('publish')
  await clock.advance(5000)
  const error = await asked
  expect(error).toMatchObject({ code: 'ERR_MQTT_NO_ANSWER' })
  expect(error.message).toBe('nobody answered the question on q within 5 s')
  caller.send({ type: 'puback', packetId, reasonCode: 0 })
})

it('a question that the server does not take says so, and the next one works', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts()
  await client.connected()
  const asked = failure(client.request('q', ''))
  await caller.grant()
  const { packetId = 0 } = await caller.expect('publish')
  caller.send({ type: 'puback', packetId, reasonCode: 0x87 })
  expect(await asked).toMatchObject({ code: 'ERR_MQTT_PUBLISH', reason: 'notAuthorized' })
  const second = client.request('q', '')
  const { packetId: id = 0, properties } = await caller.expect('publish')
  const { responseTopic = '', correlationData = bytes('') } = properties ?? {}
  // The answer may be faster than the acknowledgement.
  caller.publish(responseTopic, 'yes', { properties: { correlationData } })
  expect((await second).text()).toBe('yes')
  caller.send({ type: 'puback', packetId: id, reasonCode: 0 })
})

it('answers to nobody, and with strange names, disturb nobody', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts()
  await client.connected()
  const asked = client.request('q', '')
  await caller.grant()
  const { packetId = 0, properties } = await caller.expect('publish')
  const { responseTopic = '', correlationData = bytes('') } = properties ?? {}
  caller.publish(responseTopic, 'none')
  for (const name of ['', '99', '__proto__', 'x'.repeat(1000)]) {
    caller.publish(responseTopic, 'strange', { properties: { correlationData: bytes(name) } })
  }
  caller.publish(responseTopic, 'yes', { properties: { correlationData } })
  expect((await asked).text()).toBe('yes')
  caller.send({ type: 'puback', packetId, reasonCode: 0 })
})

describe('enhanced authentication', () => {
  const steps: Authentication = {
    method: 'SUM',
    begin: () => bytes('0'),
    answer: async (data) => bytes(`${Number(new TextDecoder().decode(data)) + 1}`),
  }

  it('as many steps as it takes; nothing but AUTH goes before CONNACK [MQTT-3.1.2-30] [MQTT-4.12.0-3]', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, authentication: steps })
    void client.publish('a', '', { qos: 0 })
    const caller = await server.caller()
    expect((await caller.expect('connect')).properties).toMatchObject({
      authenticationMethod: 'SUM',
      authenticationData: bytes('0'),
    })
    for (let step = 1; step < 4; step++) {
      const authenticationData = bytes(`${step}`)
      caller.send({ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'SUM', authenticationData } })
      const { reasonCode, properties } = await caller.expect('auth')
      expect(reasonCode).toBe(0x18)
      expect(properties).toEqual({ authenticationMethod: 'SUM', authenticationData: bytes(`${step + 1}`) })
    }
    caller.send({ type: 'connack', sessionPresent: false, reasonCode: 0, properties: { authenticationMethod: 'SUM' } })
    await client.connected()
    await caller.expect('publish')
  })

  it('a method that gives up, and a server that asks unasked: no AUTH goes out [MQTT-4.12.0-7]', async () => {
    const server = await ScriptedServer.open()
    const gives = { ...steps, answer: () => Promise.reject(new Error('not you')) }
    const client = clientOf(server.url, { version: 5, authentication: gives, reconnect: false })
    const refused = failure(client.connected())
    const caller = await server.caller()
    await caller.expect('connect')
    caller.send({ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'SUM' } })
    expect(await refused).toMatchObject({ code: 'ERR_MQTT_AUTHENTICATION' })
    expect((await refused).message).toContain('SUM gave up: not you')

    const plain = clientOf(server.url, { version: 5, reconnect: false })
    const unasked = failure(plain.connected())
    const second = await server.caller()
    await second.expect('connect')
    second.send({ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'SUM' } })
    expect((await unasked).message).toContain('AUTH may not come now')
    await second.closed()
  })

  it('one whose begin throws', async () => {
    const server = await ScriptedServer.open()
    const broken: Authentication = {
      ...steps,
      begin: () => {
        throw new Error('no key')
      },
    }
    const client = clientOf(server.url, { version: 5, authentication: broken, reconnect: false })
    expect((await failure(client.connected())).message).toContain('CONNECT cannot be written: no key')
  })
})

it('diagnostics count what went through, over connections', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts()
  await client.connected()
  void client.publish('a', 'x', { qos: 0 })
  await caller.expect('publish')
  caller.publish('b', 'y')
  caller.publish('b', 'y')
  const before = client.diagnostics()!
  const lost = happens(client, 'disconnect')
  caller.drop()
  await lost
  await server.accepts()
  await client.connected()
  const after = client.diagnostics()!
  expect(after).toMatchObject({ state: 'connected', version: 5, connections: 2, failures: 0, messagesSent: 1 })
  expect(after.lastError?.code).toBe('ERR_MQTT_CONNECTION_LOST')
  expect(after.bytesSent).toBeGreaterThan(before.bytesSent)
  expect(after.bytesReceived).toBeGreaterThanOrEqual(before.bytesReceived)
})

it.each([
  [{ keepalive: 65_536 }, 'ERR_USAGE'],
  [{ keepalive: 1.5 }, 'ERR_USAGE'],
  [{ receiveMaximum: 0 }, 'ERR_USAGE'],
  [{ window: 40_000 }, 'ERR_USAGE'],
  [{ maximumPacketSize: 5 }, 'ERR_USAGE'],
  [{ version: 3 }, 'ERR_USAGE'],
  [{ sessionExpiry: 60 }, 'ERR_USAGE'],
  [{ sessionExpiry: 60, clientId: '' }, 'ERR_USAGE'],
  [{ sessionExpiry: -1, clientId: 'a' }, 'ERR_USAGE'],
  [{ version: 4, password: 'x' }, 'ERR_USAGE'],
  [{ will: { topic: 'a/#' } }, 'ERR_MQTT_TOPIC'],
  [{ will: { topic: 'a', qos: 3 } }, 'ERR_USAGE'],
  [{ connectTimeout: 100_000 }, 'ERR_USAGE_SECONDS'],
  [{ reconnect: { base: 90_000 } }, 'ERR_USAGE_SECONDS'],
  // As a program without types passes them.
  [null, 'ERR_USAGE'],
  [{ clientId: 5 }, 'ERR_USAGE'],
  [{ username: null }, 'ERR_USAGE'],
  [{ password: 5 }, 'ERR_USAGE'],
  [{ clean: 'yes' }, 'ERR_USAGE'],
  [{ userProperties: { a: 'b' } }, 'ERR_USAGE'],
  [{ userProperties: [['a', 5]] }, 'ERR_USAGE'],
  [{ authentication: {} }, 'ERR_USAGE'],
  [{ tls: 'x' }, 'ERR_USAGE'],
  [{ reconnect: 5 }, 'ERR_USAGE'],
  [{ outbox: 5 }, 'ERR_USAGE'],
  [{ destination: 5 }, 'ERR_USAGE'],
  [{ will: 'x' }, 'ERR_USAGE'],
  [{ will: { topic: 'a', payload: {} } }, 'ERR_USAGE'],
  [{ will: { topic: 'a', retain: 'no' } }, 'ERR_USAGE'],
] as const)('%o is refused before anything is opened', (options, code) => {
  expect(() => new MqttClient('mqtt://127.0.0.1:1', options as never)).toThrow(expect.objectContaining({ code }))
})
