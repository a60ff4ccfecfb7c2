/** Every way in which a server says no, by name. */
import { REASON, reasonName } from '@halyard/wire/mqtt'
import { describe, expect, it } from 'vitest'
import { MqttRefusedError } from '../src/index.ts'
import { clientOf, connected, failure, hub, texts } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'

/** 5.0 §3.2.2.2 */
const CONNACK = [
  ...[0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c],
  ...[0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f],
]
/** 5.0 §3.9.3 */
const SUBACK = [0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]
/** 5.0 §3.4.2.1, §3.5.2.1 */
const PUBACK = [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]

describe('CONNACK of 5.0', () => {
  it.each(CONNACK)('0x%s is told by name', async (reasonCode) => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, reconnect: false })
    const refused = failure(client.connected())
    const caller = await server.caller()
    await caller.accept({ reasonCode })
    const error = (await refused) as MqttRefusedError
    expect(error).toBeInstanceOf(MqttRefusedError)
    expect(error).toMatchObject({ code: 'ERR_MQTT_REFUSED', reasonCode, reason: reasonName(reasonCode) })
    expect(error.message).toMatch(/^mqtt:\/\/127\.0\.0\.1:\d+ refused the connection: [a-z ]+ \(0x[\da-f]{2}\)/)
    // [MQTT-3.2.2-7]: and nothing follows.
    await caller.closed()
    expect(client.isConnected).toBe(false)
  })

  it("the server's own words come before ours", async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, reconnect: false })
    const refused = failure(client.connected())
    await (await server.caller()).accept({ reasonCode: 0x8a, properties: { reasonString: 'until Monday' } })
    expect((await refused).message).toMatch(/banned \(0x8a\): until Monday$/)
  })
})

describe('CONNACK of 3.1.1', () => {
  it.each([
    [1, 'unsupportedProtocolVersion', 'unsupported protocol version (0x84)'],
    [2, 'clientIdentifierNotValid', 'client identifier not valid (0x85): choose another clientId'],
    [3, 'serverUnavailable', 'server unavailable (0x88): try again later'],
    [4, 'badUserNameOrPassword', 'bad user name or password (0x86): check username and password'],
    [5, 'notAuthorized', 'not authorized (0x87): the account may not do this'],
  ])('return code %s is told by the name that 5.0 has for it', async (reasonCode, reason, words) => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 4, reconnect: false })
    const refused = failure(client.connected())
    const caller = await server.caller()
    await caller.expect('connect')
    caller.sendBytes(0x20, 2, 0, reasonCode)
    const error = (await refused) as MqttRefusedError
    expect(error).toMatchObject({ code: 'ERR_MQTT_REFUSED', reason })
    expect(error.message).toContain(words)
    await caller.closed()
  })

  it('a return code that the standard does not know ends the connection', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 4, reconnect: false })
    const refused = failure(client.connected())
    const caller = await server.caller()
    await caller.expect('connect')
    caller.sendBytes(0x20, 2, 0, 99)
    expect((await refused).code).toMatch(/^ERR_MQTT_/)
    await caller.closed()
  })
})

describe.each([4, 5] as const)('version %s', (version) => {
  it.each(version === 5 ? SUBACK : [0x80])(
    'SUBACK 0x%s rejects the subscription and leaves the others',
    async (code) => {
      const server = await ScriptedServer.open()
      const client = clientOf(server.url, { version })
      const caller = await server.accepts()
      await client.connected()
      const granted = client.subscribe('good')
      await caller.grant()
      const kept = await granted
      const refused = failure(client.subscribe('bad'))
      await caller.grant(code)
      const error = (await refused) as MqttRefusedError
      expect(error).toMatchObject({ code: 'ERR_MQTT_SUBSCRIBE', reasonCode: code, reason: reasonName(code) })
      expect(error.message).toMatch(/^the server did not subscribe to bad: [a-z ]+ \(0x/)
      caller.publish('bad', 'nobody')
      caller.publish('good', 'somebody')
      expect(await texts(kept, 1)).toEqual(['somebody'])
    },
  )
})

it.each([1, 2] as const)(
  'QoS %s: every refusal of a message is told by name, and it is not tried again',
  async (qos) => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5 })
    const caller = await server.accepts()
    await client.connected()
    for (const reasonCode of PUBACK) {
      const refused = failure(client.publish('a', 'x', { qos }))
      const { packetId = 0 } = await caller.expect('publish')
      caller.send({ type: qos === 1 ? 'puback' : 'pubrec', packetId, reasonCode })
      const error = (await refused) as MqttRefusedError
      expect(error).toBeInstanceOf(MqttRefusedError)
      expect(error).toMatchObject({ code: 'ERR_MQTT_PUBLISH', reasonCode, reason: reasonName(reasonCode) })
      expect(error.message).toMatch(/^the message on a was dropped: [a-z ]+ \(0x/)
    }
    // [MQTT-4.3.3-4]: no PUBREL follows a PUBREC that refuses.
    const fine = client.publish('a', 'fine', { qos: 1 })
    const { packetId = 0 } = await caller.expect('publish')
    caller.send({ type: 'puback', packetId, reasonCode: REASON.noMatchingSubscribers })
    expect(await fine).toMatchObject({ state: 'delivered' })
  },
)

it('a subscription that is refused after a reconnection ends with the error, which is also an event', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const first = await server.accepts()
  const asked = client.subscribe('a')
  await first.grant()
  const subscription = await asked
  const loop = failure(texts(subscription, 1))
  const errors: string[] = []
  client.on('error', ({ code }) => errors.push(code))
  first.drop()
  const second = await server.accepts()
  await second.grant(0x87)
  expect(await loop).toMatchObject({ code: 'ERR_MQTT_SUBSCRIBE', reason: 'notAuthorized' })
  await client.connected()
  expect(errors.filter((code) => code === 'ERR_MQTT_SUBSCRIBE')).toHaveLength(1)
})

it('what CONNACK says the server does not take is refused here [MQTT-3.2.2-11] [MQTT-3.2.2-14]', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts({
    properties: { maximumQos: 1, retainAvailable: false, maximumPacketSize: 40 },
  })
  await client.connected()
  expect(await failure(client.publish('a', 'x', { qos: 2 }))).toMatchObject({ reason: 'qosNotSupported' })
  expect(await failure(client.publish('a', 'x', { retain: true }))).toMatchObject({ reason: 'retainNotSupported' })
  const large = (await failure(client.publish('a', 'x'.repeat(41), { qos: 0 }))) as MqttRefusedError
  expect(large.reason).toBe('packetTooLarge')
  expect(large.message).toContain('the server takes packets of at most 40 bytes')
  const fits = client.publish('a', 'x'.repeat(32))
  const { packetId = 0, payload } = await caller.expect('publish')
  expect(payload).toHaveLength(32)
  caller.send({ type: 'puback', packetId, reasonCode: 0 })
  await fits
})

it('the hub: a wrong password, and a name that is not there', async () => {
  const server = await hub({ authenticate: ({ username }) => username === 'me' })
  const error = (await failure(clientOf(server.url, { username: 'you' }).connected())) as MqttRefusedError
  expect(error.code).toBe('ERR_MQTT_REFUSED')
  expect(['badUserNameOrPassword', 'notAuthorized']).toContain(error.reason)
  await connected(server.url, { username: 'me' })
})
