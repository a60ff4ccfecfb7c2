/** Rows of the guide's table, run: MQTT.js on the one side, ours on the other. How they connect, and connect again. */
import { once } from 'node:events'
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it, vi } from 'vitest'
import { connect } from '../../../src/index.ts'
import { clientOf, connected, failure, happens, hub, until } from '../../support/clients.ts'
import { ScriptedServer } from '../../support/scripted-server.ts'
import { BROKERS } from '../brokers.ts'
import {
  OURS,
  cable,
  closedPort,
  endsWithTest,
  event,
  eventsOf,
  js,
  jsConnected,
  library,
  program,
  rejection,
  turns,
} from './support.ts'

describe('`connect`, `connectAsync`', () => {
  it('MQTT.js: a client at once, or a promise that the first network error ends; one that is only hung up on waits', async () => {
    const port = await closedPort()
    const client = js(`mqtt://127.0.0.1:${port}`)
    expect(client.connected).toBe(false)
    const retries = eventsOf(client, ['reconnect'])
    await until('it goes on trying', () => retries.length > 2)
    const error = await rejection(library.connectAsync(`mqtt://127.0.0.1:${port}`))
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    const server = await ScriptedServer.open()
    let waited: unknown
    const waits = library.connectAsync(server.url, { reconnectPeriod: 10 }).then((it) => (waited = endsWithTest(it)))
    for (let round = 0; round < 3; round++) (await server.caller()).drop()
    expect(waited).toBeUndefined()
    await (await server.caller()).accept()
    await waits
    // `allowRetries: false` ends that.
    const single = rejection(library.connectAsync(server.url, {}, false))
    const caller = await server.caller()
    await caller.expect('connect')
    caller.drop()
    expect((await single).message).toBe("Couldn't connect to server")
  })

  it('here: `new MqttClient`, and `connect`, which any first failure ends', async () => {
    const url = `mqtt://127.0.0.1:${await closedPort()}`
    expect(clientOf(url).isConnected).toBe(false)
    expect(await failure(connect(url))).toMatchObject({ code: 'ERR_MQTT_UNREACHABLE' })
    const server = await ScriptedServer.open()
    const hungUp = failure(connect(server.url, { version: 5 }))
    const caller = await server.caller()
    await caller.expect('connect')
    caller.drop()
    expect(await hungUp).toMatchObject({ code: 'ERR_MQTT_CONNECTION_LOST' })
  })
})

describe('`reconnectPeriod`: 1 s, always the same', () => {
  it('MQTT.js', async () => {
    const url = `mqtt://127.0.0.1:${await closedPort()}`
    const intervals = vi.spyOn(globalThis, 'setInterval')
    const client = js(url, { reconnectPeriod: 13 })
    const tries = eventsOf(client, ['reconnect'])
    await until('some tries', () => tries.length === 5)
    const periods = intervals.mock.calls.map(([, period]) => period)
    intervals.mockRestore()
    expect(periods.length).toBeGreaterThanOrEqual(5)
    expect(new Set(periods)).toEqual(new Set([13]))
    expect(js(url, { reconnectPeriod: undefined }).options['reconnectPeriod']).toBe(1000)
  })

  it('here: longer and longer, at random', async () => {
    const clock = new VirtualClock()
    const url = `mqtt://127.0.0.1:${await closedPort()}`
    const client = clientOf(url, { version: 5, reconnect: { base: 1, cap: 8 } }, { clock, random: () => 0.5 })
    const waits: number[] = []
    for (let round = 0; round < 5; round++) {
      await until('it waits', () => client.diagnostics()?.state === 'waiting' && clock.pendingTimers.length > 0)
      waits.push(clock.pendingTimers[0]!.at - clock.monotonic())
      await clock.advanceToNextTimer()
    }
    expect(waits).toEqual([1000, 2000, 4000, 4000, 4000])
  })
})

describe('`reconnectPeriod: 0`: never', () => {
  it('MQTT.js: what is published then waits for a connection that does not come', async () => {
    const { url, port } = await hub()
    const line = await cable(port)
    const client = await jsConnected(line.url, { reconnectPeriod: 0 })
    line.reset()
    await event(client, 'close')
    const called = vi.fn<() => void>()
    client.publish('a', 'lost', { qos: 1 }, called)
    await connected(url)
    await turns()
    expect(client.connected).toBe(false)
    expect(line.accepted).toBe(1)
    expect(called).not.toHaveBeenCalled()
  })

  it('here: `reconnect: false`, and every call says why', async () => {
    const { port } = await hub()
    const line = await cable(port)
    const client = await connected(line.url, { reconnect: false })
    const over = happens(client, 'disconnect')
    line.reset()
    await over
    expect((await failure(client.publish('a', 'lost'))).message).toContain(
      'the connection is over, and reconnect is false',
    )
    expect(line.accepted).toBe(1)
  })
})

describe('`reconnectOnConnackError: false`: who was refused is not tried again', () => {
  const authenticate = (): boolean => false
  it('MQTT.js', async () => {
    const { url } = await hub({ authenticate })
    const client = js(url, { username: 'me', password: 'wrong' })
    const tries = eventsOf(client, ['reconnect'])
    const error = await event<Error>(client, 'error')
    expect(error).toMatchObject({ message: 'Connection refused: Bad username or password', code: 4 })
    await event(client, 'close')
    // Longer than its reconnectPeriod.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(tries).toEqual([])
  })

  it('here: it is, seldom: half of `cap` at least lies between', async () => {
    const { url } = await hub({ authenticate })
    const clock = new VirtualClock()
    const options = { username: 'me', password: 'wrong', reconnect: { base: 1, cap: 60 } }
    const client = clientOf(url, options, { clock, random: () => 0 })
    expect(await failure(client.connected())).toMatchObject({
      code: 'ERR_MQTT_REFUSED',
      reason: 'badUserNameOrPassword',
    })
    await until('it waits', () => client.diagnostics()?.state === 'waiting')
    expect(clock.pendingTimers[0]!.at - clock.monotonic()).toBe(30_000)
  })
})

describe('`connectTimeout` in milliseconds: 30,000', () => {
  it('MQTT.js', async () => {
    const server = await ScriptedServer.open()
    const client = js(server.url, { connectTimeout: 50, reconnectPeriod: 0 })
    const error = await event<Error>(client, 'error')
    expect(error.message).toBe('connack timeout')
    expect(js(server.url).options['connectTimeout']).toBe(30_000)
  })

  it('here: in seconds: 30', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { connectTimeout: 0.05, reconnect: false })
    const error = await failure(client.connected())
    expect(error).toMatchObject({ code: 'ERR_MQTT_TIMEOUT' })
    expect(error.message).toContain('did not answer CONNECT within 0.05 s')
  })
})

describe('`clean: true`, at each connection; `clean: false` wants a `clientId`', () => {
  it('MQTT.js', async () => {
    const server = await ScriptedServer.open()
    for (const clean of [true, false]) {
      const client = js(server.url, { clean, clientId: 'me' })
      for (let round = 0; round < 3; round++) {
        const caller = await server.caller()
        expect(await caller.accept()).toMatchObject({ cleanStart: clean })
        if (round < 2) caller.drop()
      }
      await client.endAsync(true)
    }
    expect(() => library.connect(server.url, { clean: false })).toThrow('Missing clientId for unclean clients')
  })

  it('here: at the first one, if the session lasts, which wants a `clientId` too', async () => {
    const server = await ScriptedServer.open()
    for (const [options, wanted] of [
      [{}, [true, true, true]],
      [{ clean: true, sessionExpiry: 60 }, [true, false, false]],
      [{ clean: false }, [false, false, false]],
    ] as const) {
      const client = clientOf(server.url, { version: 4, clientId: 'me', ...options })
      const seen: boolean[] = []
      for (let round = 0; round < 3; round++) {
        const caller = await server.caller()
        seen.push((await caller.accept()).cleanStart)
        await client.connected()
        if (round < 2) caller.drop()
      }
      await client.close()
      expect(seen).toEqual(wanted)
    }
    expect(() => clientOf(server.url, { clean: false })).toThrow('needs a clientId of its own')
  })
})

describe('`protocolVersion: 4`', () => {
  const aedes = BROKERS.find(({ name }) => name === 'aedes')!
  it('MQTT.js: 3.1.1, or 5.0 if asked for, and no other when the server has it not', async () => {
    const { port, host } = await aedes.open()
    const url = `mqtt://${host}:${port}`
    const client = await jsConnected(url)
    expect(client.options['protocolVersion']).toBe(4)
    const newer = js(url, { protocolVersion: 5 })
    const tries = eventsOf(newer, ['reconnect', 'connect'])
    expect(await event(newer, 'error')).toMatchObject({ message: 'Connection refused: Unacceptable protocol version' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(tries).toEqual([])
  })

  it('here: 5.0, and 3.1.1 where the server has no 5.0', async () => {
    const { port, host } = await aedes.open()
    expect((await connected(`mqtt://${host}:${port}`)).diagnostics()?.version).toBe(4)
    expect((await connected((await hub()).url)).diagnostics()?.version).toBe(5)
  })
})

describe('events `close`, `offline`, `reconnect`, `disconnect`; `client.reconnecting`', () => {
  it('MQTT.js: every loss is close and offline, every try reconnect; disconnect is a packet of the server', async () => {
    const { port } = await hub()
    const line = await cable(port)
    const client = await jsConnected(line.url, { protocolVersion: 5 })
    const events = eventsOf(client, ['close', 'offline', 'reconnect', 'connect', 'disconnect'])
    line.reset()
    await event(client, 'offline')
    expect(client.reconnecting).toBe(true)
    await event(client, 'connect')
    expect(client.reconnecting).toBe(false)
    expect(events.filter((name, at) => name !== events[at - 1])).toEqual(['offline', 'close', 'reconnect', 'connect'])
    const server = await ScriptedServer.open()
    const told = js(server.url, { protocolVersion: 5 })
    const caller = await server.accepts()
    const seen = eventsOf(told, ['close', 'disconnect'])
    caller.send({ type: 'disconnect', reasonCode: 0x8b })
    caller.socket.end()
    await event(told, 'close')
    expect(seen).toEqual(['disconnect', 'close'])
  })

  it('here: a loss is `disconnect`, with its error; `offline` is that the first try behind it failed', async () => {
    const { port } = await hub()
    const line = await cable(port)
    const client = await connected(line.url)
    const events = eventsOf(client, ['disconnect', 'offline', 'connect'])
    const again = happens(client, 'connect')
    line.reset()
    await again
    expect(events).toEqual(['disconnect', 'connect'])
    const server = await ScriptedServer.open()
    const told = clientOf(server.url, { version: 5 })
    const caller = await server.accepts()
    await told.connected()
    const gone = happens(told, 'disconnect')
    const offline = happens(told, 'offline')
    caller.send({ type: 'disconnect', reasonCode: 0x8b })
    expect((await gone)?.message).toContain('the server ended the connection: server shutting down (0x8b)')
    ;(await server.caller()).drop()
    await offline
    expect(['waiting', 'connecting']).toContain(told.diagnostics()?.state)
  })
})

describe('`manualConnect`, `reconnect()`', () => {
  it('MQTT.js: connects when told; `reconnect()` of one that is connected ends that connection', async () => {
    const { url } = await hub()
    const client = js(url, { manualConnect: true })
    await turns()
    expect(client.connected).toBe(false)
    client.connect()
    await event(client, 'connect')
    client.reconnect()
    await event(client, 'close')
    await event(client, 'connect')
  })

  it('here: when it is made; `reconnect()` tries at once, and leaves a connection alone', async () => {
    const server = await ScriptedServer.open()
    const clock = new VirtualClock()
    const client = clientOf(server.url, { version: 5, reconnect: { base: 60, cap: 60 } }, { clock, random: () => 0.5 })
    ;(await server.caller()).drop()
    await until('it waits', () => client.diagnostics()?.state === 'waiting')
    await client.reconnect()
    await server.accepts()
    await client.connected()
    await client.reconnect()
    await turns()
    expect(client.isConnected).toBe(true)
    expect(server.accepted).toBe(2)
  })
})

describe('`error`, before and behind `connect`', () => {
  it('MQTT.js: each try that fails in the network; a connection that is only closed is none', async () => {
    const client = js(`mqtt://127.0.0.1:${await closedPort()}`)
    const errors = eventsOf(client, ['error'])
    await until('several', () => errors.length > 2)
    const { port } = await hub()
    const line = await cable(port)
    const second = await jsConnected(line.url)
    const seen = eventsOf(second, ['error', 'close', 'connect'])
    const server = await ScriptedServer.open()
    const third = js(server.url)
    const caller = await server.accepts()
    await event(third, 'connect')
    const quiet = eventsOf(third, ['error', 'close'])
    caller.socket.end()
    await event(third, 'close')
    expect(quiet).toEqual(['close'])
    line.reset()
    await event(second, 'connect')
    expect(seen).toContain('error')
  })

  it('here: each try that fails and each connection that is lost, with a code and what to do', async () => {
    const client = clientOf(`mqtt://127.0.0.1:${await closedPort()}`)
    expect(await happens(client, 'error')).toMatchObject({ code: 'ERR_MQTT_UNREACHABLE' })
    const server = await ScriptedServer.open()
    const second = clientOf(server.url, { version: 5 })
    const caller = await server.accepts()
    await second.connected()
    const error = happens(second, 'error')
    caller.socket.end()
    expect(await error).toMatchObject({ code: 'ERR_MQTT_CONNECTION_LOST' })
  })

  it('neither ends a process that does not listen; a client of MQTT.js that tries again keeps one alive, ours does not', async () => {
    const port = await closedPort()
    const theirs = program(`
      import mqtt from 'mqtt'
      const client = mqtt.connect('mqtt://127.0.0.1:${port}', { reconnectPeriod: 10 })
      let tries = 0
      client.on('reconnect', () => ++tries === 5 && console.log('tries on'))
    `)
    await once(theirs.stdout!, 'data')
    const ours = program(`
      import { MqttClient } from '${OURS}'
      new MqttClient('mqtt://127.0.0.1:${port}', { reconnect: { base: 0.01, cap: 0.01 } })
    `)
    expect(await ours.ended).toBe(0)
    expect(theirs.exitCode).toBeNull()
  })
})
