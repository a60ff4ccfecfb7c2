/** Answers that are none, packets that are too large, and what a client says of itself meanwhile. */
import { describe, expect, it } from 'vitest'
import { publishOnce } from '../src/index.ts'
import { clientOf, connected, failure, happens, hub, take, texts, until } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'

/** CONNACKs that no server may send. */
const CONNACKS: readonly (readonly [what: string, version: 4 | 5, bytes: readonly number[]])[] = [
  ['reserved flags', 4, [0x20, 2, 2, 0]],
  ['a session where it refuses', 4, [0x20, 2, 1, 5]],
  ['one byte too few', 4, [0x20, 1, 0]],
  ['one byte too many', 4, [0x20, 3, 0, 0, 0]],
  ['no properties', 5, [0x20, 2, 0, 0]],
  ['a property twice', 5, [0x20, 9, 0, 0, 6, 0x21, 0, 9, 0x21, 0, 9]],
  ['Receive Maximum 0', 5, [0x20, 6, 0, 0, 3, 0x21, 0, 0]],
  ['a property of PUBLISH', 5, [0x20, 5, 0, 0, 2, 0x01, 0]],
  ['a reason that is none', 5, [0x20, 3, 0, 0x42, 0]],
  ['SUBACK instead', 5, [0x90, 4, 0, 1, 0, 0]],
  ['a PUBLISH before it', 4, [0x30, 4, 0, 1, 0x61, 0x78]],
]

it.each(CONNACKS)('CONNACK with %s, version %s: an error that says so, and the next try', async (_, version, bytes) => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version })
  const refused = failure(client.connected())
  const caller = await server.caller()
  await caller.expect('connect')
  caller.sendBytes(...bytes)
  const error = await refused
  expect(error.code).toMatch(/^ERR_MQTT_/u)
  expect(error.message.length).toBeGreaterThan(20)
  await caller.over()
  await server.accepts()
  await client.connected()
})

describe.each([4, 5] as const)('version %s', (version) => {
  it.each([
    ['no reason code', []],
    ['two reason codes for one filter', [1, 1]],
    ['a reason code that is none', [0x42]],
  ])('SUBACK with %s ends the connection; the subscription is asked for again with the next', async (_, codes) => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version })
    const first = await server.accepts()
    await client.connected()
    const asked = client.subscribe('a')
    const { packetId } = await first.expect('subscribe')
    const error = happens(client, 'error')
    const properties = version === 5 ? [0] : []
    const body = [packetId >> 8, packetId & 0xff, ...properties, ...codes]
    first.sendBytes(0x90, body.length, ...body)
    expect((await error).code).toMatch(/^ERR_MQTT_/u)
    await first.over()
    const second = await server.accepts()
    await second.grant()
    second.publish('a', 'fine')
    expect(await texts(await asked, 1)).toEqual(['fine'])
  })

  it('a packet that is larger than maximumPacketSize is not held: the connection ends before it has come', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version, maximumPacketSize: 2000 })
    const caller = await server.accepts()
    await client.connected()
    const error = happens(client, 'error')
    // Of 200 MB the head alone.
    caller.sendBytes(0x30, 0xff, 0xff, 0xff, 0x5f, 0, 1, 0x61)
    expect((await error).message).toContain('2000')
    await caller.over()
    await server.accepts()
    await client.connected()
  })

  it('diagnostics tell each state, what is queued, in flight, and not acknowledged', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version, clientId: 'me', sessionExpiry: 60, keepalive: 0 })
    const caller = await server.caller()
    await caller.expect('connect')
    expect(client.diagnostics()).toMatchObject({ state: 'connecting', version: 0, connections: 0, queued: 0 })
    expect((await client.publish('a', '1')).state).toBe('queued')
    expect(client.diagnostics()).toMatchObject({ queued: 1, inFlight: 0, messagesSent: 0 })
    caller.send({ type: 'connack', sessionPresent: true, reasonCode: 0 })
    const { packetId } = await caller.expect('publish')
    await client.connected()
    expect(client.diagnostics()).toMatchObject({ state: 'connected', version, connections: 1, queued: 1, inFlight: 1 })
    caller.send({ type: 'puback', packetId: packetId!, reasonCode: 0 })
    await until('it is delivered', () => client.diagnostics()?.queued === 0)
    // Of a session, to nobody yet.
    caller.publish('b', '2', { qos: 1, packetId: 7 })
    await until('it came', () => client.diagnostics()?.unclaimed === 1)
    expect(client.diagnostics()).toMatchObject({ inFlight: 0, unacknowledged: 1, messagesReceived: 1 })
    const subscribed = client.subscribe('b')
    await caller.grant()
    expect(await texts(await subscribed, 1)).toEqual(['2'])
    await caller.expect('puback', { packetId: 7 })
    expect(client.diagnostics()).toMatchObject({ unclaimed: 0, unacknowledged: 0, lastError: undefined })
    const lost = happens(client, 'disconnect')
    caller.drop()
    const error = await lost
    expect(client.diagnostics()).toMatchObject({ state: 'waiting', lastError: error })
    await client.close()
    expect(client.diagnostics()).toMatchObject({ state: 'closed' })
  })
})

describe('publishOnce', () => {
  it.each([0, 1, 2] as const)('QoS %s, with what a publish has', async (qos) => {
    const server = await hub()
    expect(await publishOnce(server.url, 'once', 'x', { qos, retain: true })).toMatchObject({ state: 'delivered' })
    await until('nobody is left', () => server.connections === 0)
    const reader = await connected(server.url)
    const [message] = await take(await reader.subscribe('once'), 1)
    expect(message).toMatchObject({ retain: true, qos: Math.min(qos, 1) })
    expect(message!.text()).toBe('x')
  })

  it('refused, not there, and aborted: it says so, and leaves no connection', async () => {
    const server = await ScriptedServer.open()
    const refused = failure(publishOnce(server.url, 'a', 'x', { version: 5 }))
    const caller = await server.accepts()
    const { packetId } = await caller.expect('publish')
    caller.send({ type: 'puback', packetId: packetId!, reasonCode: 0x87 })
    expect(await refused).toMatchObject({ code: 'ERR_MQTT_PUBLISH', reason: 'notAuthorized' })
    await caller.expect('disconnect')
    await caller.closed()
    expect(await failure(publishOnce('mqtt://127.0.0.1:1', 'a', 'x'))).toMatchObject({ code: 'ERR_MQTT_UNREACHABLE' })
    const controller = new AbortController()
    const aborted = failure(publishOnce(server.url, 'a', 'x', { version: 5, signal: controller.signal }))
    const silent = await server.caller()
    await silent.expect('connect')
    controller.abort()
    expect(await aborted).toMatchObject({ code: 'ERR_ABORTED' })
    await silent.over()
    expect(server.accepted).toBe(2)
  })
})
