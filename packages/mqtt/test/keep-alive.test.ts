/** PINGREQ in time, a silent server, and who is not silent: 5.0 §3.1.2.10. */
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { clientOf, failure, happens, take, until } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'
import type { Caller } from './support/scripted-server.ts'
import type { MqttClient, MqttOptions } from '../src/index.ts'

async function open(
  options: MqttOptions = {},
  properties = {},
): Promise<{ clock: VirtualClock; server: ScriptedServer; client: MqttClient; caller: Caller }> {
  const clock = new VirtualClock()
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5, keepalive: 60, ...options }, { clock })
  const caller = await server.accepts(options.version === 4 ? {} : { properties })
  await client.connected()
  return { clock, server, client, caller }
}

describe.each([4, 5] as const)('version %s', (version) => {
  it('PINGREQ goes out when the keep-alive has passed, and the round trip is known', async () => {
    const { clock, client, caller } = await open({ version })
    await clock.advance(59_999)
    expect(caller.came).toEqual([])
    await clock.advance(1)
    await caller.expect('pingreq')
    await clock.advance(20)
    caller.send({ type: 'pingresp' })
    await until('it is answered', () => client.diagnostics()?.roundTrip !== undefined)
    expect(client.diagnostics()?.roundTrip).toBe(20)
    await clock.advance(60_000)
    await caller.expect('pingreq')
    expect(client.isConnected).toBe(true)
  })

  it('a server that does not answer for 30 s is gone', async () => {
    const { clock, client, caller } = await open({ version })
    const error = happens(client, 'error')
    await clock.advance(60_000)
    await caller.expect('pingreq')
    await clock.advance(29_999)
    expect(client.isConnected).toBe(true)
    await clock.advance(1)
    expect((await error).message).toMatch(/^mqtt:\/\/127\.0\.0\.1:\d+ is silent: .*PINGREQ for 30 s/)
    expect(await error).toMatchObject({ code: 'ERR_MQTT_SILENT' })
  })
})

it('Server Keep Alive of CONNACK takes the place of ours [MQTT-3.1.2-21]', async () => {
  const { clock, client, caller } = await open({}, { serverKeepAlive: 5 })
  expect(await client.connected()).toMatchObject({ keepalive: 5 })
  await clock.advance(5000)
  await caller.expect('pingreq')
})

it('keepalive 0: nobody is asked', async () => {
  const { clock, client, caller } = await open({ keepalive: 0 })
  await clock.advance(86_400_000)
  expect(caller.came).toEqual([])
  expect(client.isConnected).toBe(true)
})

it('a server that sends other things is not silent', async () => {
  const { clock, client, caller } = await open()
  for (let round = 0; round < 3; round++) {
    await clock.advance(round === 0 ? 60_000 : 30_000)
    await caller.expect('pingreq')
    const before = client.diagnostics()?.messagesReceived ?? 0
    caller.publish('a', 'a part of something large')
    await until('it came', () => (client.diagnostics()?.messagesReceived ?? 0) > before)
    await clock.advance(30_000)
  }
  expect(client.isConnected).toBe(true)
})

it('while nothing is read nobody is judged, whenever the reader stopped', async () => {
  const { clock, client, caller } = await open()
  const asked = client.subscribe('a', { buffer: 1 })
  await caller.grant()
  const subscription = await asked
  // Asked, and then the reader stops before the answer.
  await clock.advance(60_000)
  await caller.expect('pingreq')
  caller.publish('a', '1')
  await until('it is held', () => subscription.held === 1)
  caller.publish('a', '2')
  caller.send({ type: 'pingresp' })
  await clock.advance(600_000)
  expect(client.isConnected).toBe(true)
  await take(subscription, 2)
  await until('it reads', () => client.diagnostics()?.roundTrip !== undefined)
  expect(client.isConnected).toBe(true)
})

it('a wall clock that jumps changes nothing', async () => {
  const { clock, client, caller } = await open()
  for (const wall of [0, Date.UTC(2099, 0, 1), Date.UTC(2024, 0, 1)]) {
    clock.setWall(wall)
    await clock.advance(60_000)
    await caller.expect('pingreq')
    const before = client.diagnostics()?.bytesReceived ?? 0
    caller.send({ type: 'pingresp' })
    await until('it is answered', () => (client.diagnostics()?.bytesReceived ?? 0) > before)
  }
  expect(client.isConnected).toBe(true)
})

describe('who does not answer CONNECT', () => {
  it('is left after connectTimeout, also when it sends a CONNACK without end, byte by byte', async () => {
    for (const bytes of [[], [0x20], [0x20, 0xff, 0xff, 0x03, 0]]) {
      const clock = new VirtualClock()
      const server = await ScriptedServer.open()
      const client = clientOf(server.url, { version: 5, connectTimeout: 7, reconnect: false }, { clock })
      const late = failure(client.connected())
      const caller = await server.caller()
      await caller.expect('connect')
      caller.sendBytes(...bytes)
      await until('it has come', () => (client.diagnostics()?.bytesReceived ?? 0) === bytes.length)
      await clock.advance(6999)
      expect(caller.isOver).toBe(false)
      await clock.advance(1)
      const error = await late
      expect(error).toMatchObject({ code: 'ERR_MQTT_TIMEOUT' })
      expect(error.message).toContain('did not answer CONNECT within 7 s')
      await caller.closed()
    }
  })

  it('one that asks for authentication again and again is left too', async () => {
    const clock = new VirtualClock()
    const server = await ScriptedServer.open()
    const authentication = { method: 'loop', begin: () => undefined, answer: () => undefined }
    const options = { version: 5, connectTimeout: 7, reconnect: false, authentication } as const
    const client = clientOf(server.url, options, { clock })
    const late = failure(client.connected())
    const caller = await server.caller()
    await caller.expect('connect')
    for (let round = 0; round < 7; round++) {
      caller.send({ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'loop' } })
      await caller.expect('auth')
      await clock.advance(1000)
    }
    expect(await late).toMatchObject({ code: 'ERR_MQTT_TIMEOUT' })
  })
})

describe('trying again', () => {
  it('waits longer and longer, at random, and at once when it is told to', async () => {
    const clock = new VirtualClock()
    const server = await ScriptedServer.open()
    const client = clientOf(
      server.url,
      { version: 5, reconnect: { base: 1, cap: 8 }, keepalive: 0 },
      { clock, random: () => 0.5 },
    )
    let offline = 0
    client.on('offline', () => offline++)
    const waits = []
    for (let round = 0; round < 6; round++) {
      const caller = await server.caller()
      await caller.expect('connect')
      caller.drop()
      await until('it waits', () => client.diagnostics()?.state === 'waiting')
      waits.push(clock.pendingTimers[0]!.at - clock.monotonic())
      await clock.advanceToNextTimer()
    }
    expect(waits).toEqual([1000, 2000, 4000, 4000, 4000, 4000])
    expect(offline).toBe(1)
    const caller = await server.caller()
    caller.drop()
    await until('it waits', () => client.diagnostics()?.state === 'waiting')
    await client.reconnect()
    await (await server.caller()).accept()
    await client.connected()
    expect(client.diagnostics()?.failures).toBe(0)
  })

  it('a server that accepts and hangs up is not tried faster than one that is not there', async () => {
    const clock = new VirtualClock()
    const server = await ScriptedServer.open()
    const client = clientOf(
      server.url,
      { version: 5, reconnect: { base: 1, cap: 60 }, keepalive: 0 },
      { clock, random: () => 0.5 },
    )
    const waits = []
    for (let round = 0; round < 4; round++) {
      const caller = await server.accepts()
      await client.connected()
      caller.drop()
      await until('it waits', () => client.diagnostics()?.state === 'waiting')
      waits.push(clock.pendingTimers[0]!.at - clock.monotonic())
      await clock.advanceToNextTimer()
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000])
    const caller = await server.accepts()
    await client.connected()
    await clock.advance(5000)
    caller.drop()
    await until('it waits', () => client.diagnostics()?.state === 'waiting')
    expect(clock.pendingTimers[0]!.at - clock.monotonic()).toBe(500)
  })

  it('what does not pass by itself is tried seldom, but tried', async () => {
    const clock = new VirtualClock()
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, reconnect: { base: 1, cap: 60 } }, { clock, random: () => 0 })
    await (await server.caller()).accept({ reasonCode: 0x87 })
    await until('it waits', () => client.diagnostics()?.state === 'waiting')
    expect(clock.pendingTimers[0]!.at - clock.monotonic()).toBe(30_000)
    await clock.advance(30_000)
    await (await server.caller()).accept()
    await client.connected()
  })
})
