/** How a client ends, on purpose and not, and what it says then. */
import { Outbox } from '@halyard/core'
import { nodeClock } from '@halyard/core/node'
import { FaultDisk, VirtualClock } from '@halyard/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect, publishOnce } from '../src/index.ts'
import { clientOf, connected, failure, happens, hub, take, texts, until } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'

describe.each([4, 5] as const)('version %s', (version) => {
  it('close waits for what is on the wire, then DISCONNECT is the last word [3.1.1 MQTT-3.14.4-1]', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version })
    const caller = await server.accepts()
    await client.connected()
    const published = client.publish('a', 'x')
    const { packetId = 0 } = await caller.expect('publish')
    const closed = client.close()
    expect(client.close()).toBeInstanceOf(Promise)
    expect(await failure(client.publish('a', 'late'))).toMatchObject({ code: 'ERR_MQTT_CLOSED' })
    caller.send({ type: 'puback', packetId, reasonCode: 0 })
    expect(await published).toMatchObject({ state: 'delivered' })
    await caller.expect('disconnect', { reasonCode: 0 })
    await closed
    await caller.closed()
    await client.close()
  })

  it('closed: loops end, what waits rejects, and nothing hangs', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version })
    const caller = await server.accepts()
    await client.connected()
    const granted = client.subscribe('a')
    await caller.grant()
    const subscription = await granted
    const loop = texts(subscription, 1)
    const asked = failure(client.subscribe('b'))
    await caller.expect('subscribe')
    await client.close()
    expect(await loop).toEqual([])
    expect(await asked).toMatchObject({ code: 'ERR_MQTT_CLOSED' })
    await subscription.unsubscribe()
    await subscription[Symbol.asyncDispose]()
    for (const call of [client.connected(), client.subscribe('c'), client.unsubscribe('a'), client.reconnect()]) {
      expect(await failure(call)).toMatchObject({ code: 'ERR_MQTT_CLOSED' })
    }
  })

  it('`reconnect: false`: the loss of the connection ends loops and calls with its error', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version, reconnect: false })
    const caller = await server.accepts()
    await client.connected()
    const granted = client.subscribe('a')
    await caller.grant()
    const loop = failure(texts(await granted, 1))
    caller.drop()
    expect((await loop).code).toBe('ERR_MQTT_CONNECTION_LOST')
    expect(await failure(client.publish('a', ''))).toMatchObject({ code: 'ERR_MQTT_CLOSED' })
    expect(await failure(client.connected())).toMatchObject({ code: 'ERR_MQTT_CONNECTION_LOST' })
    expect(client.diagnostics()?.state).toBe('closed')
  })
})

it('a server that says DISCONNECT is quoted', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts()
  await client.connected()
  const error = happens(client, 'error')
  caller.send({ type: 'disconnect', reasonCode: 0x8e })
  expect(await error).toMatchObject({ code: 'ERR_MQTT_DISCONNECTED', reason: 'sessionTakenOver' })
  expect((await error).message).toContain('another client connected with the same clientId')
})

it('a will is published when a client vanishes, not when it says good-bye, and after all if it asks', async () => {
  const clock = new VirtualClock()
  const server = await hub({ clock })
  const watcher = await connected(server.url)
  const wills = await watcher.subscribe('will/#')
  const will = (name: string) => ({ will: { topic: `will/${name}`, payload: name, qos: 1 as const } })
  const { port } = new URL(server.url)
  await (await connected(server.url, { ...will('polite'), version: 5 })).close()
  await (await connected(server.url, { ...will('asked'), version: 5 })).disconnect({ withWill: true })
  // 3.1.1 has no word for it: the connection ends without one.
  await (await connected(`mqtt://127.0.0.1:${port}`, { ...will('asked-4'), version: 4 })).disconnect({ withWill: true })
  await (await connected(server.url, { ...will('polite-4'), version: 4 })).close()
  const delayed = { ...will('delayed'), sessionExpiry: 600, clientId: 'd' }
  const slow = await connected(server.url, {
    ...delayed,
    will: { ...delayed.will, properties: { willDelayInterval: 60 } },
  })
  await slow.disconnect({ withWill: true })
  expect(await texts(wills, 2)).toEqual(['asked', 'asked-4'])
  await clock.advance(59_000)
  expect(wills.held).toBe(0)
  await clock.advance(2000)
  expect(await texts(wills, 1)).toEqual(['delayed'])
})

it('the session ends when DISCONNECT says so, and cannot be lengthened when CONNECT asked for none', async () => {
  const server = await hub()
  const options = { clientId: 's', sessionExpiry: 3600 }
  await (await connected(server.url, options)).disconnect({ sessionExpiry: 0 })
  const after = await connected(server.url, options)
  expect(await after.connected()).toMatchObject({ sessionPresent: false })
  const plain = await connected(server.url)
  expect(await failure(plain.disconnect({ sessionExpiry: 5 }))).toMatchObject({ code: 'ERR_USAGE' })
})

it('aborted waits end the waiting, not what is waited for', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const control = new AbortController()
  const { signal } = control
  const waits = Promise.all([client.connected({ signal }), client.request('q', '', { signal })].map(failure))
  const caller = await server.caller()
  control.abort()
  expect((await waits).map(({ code }) => code)).toEqual(['ERR_ABORTED', 'ERR_ABORTED'])
  await caller.accept()
  await client.connected()
  const own = new AbortController()
  const published = failure(client.publish('a', 'kept', { signal: own.signal }))
  const { packetId = 0 } = await caller.expect('publish')
  own.abort()
  expect(await published).toMatchObject({ code: 'ERR_ABORTED' })
  caller.send({ type: 'puback', packetId, reasonCode: 0 })
  await (await client.outbox).idle()
})

describe('the outbox', () => {
  it('serves two clients with destinations of their own, and stays open when they close', async () => {
    const server = await hub()
    await using outbox = await Outbox.open()
    const [one, two] = await Promise.all(['one', 'two'].map((clientId) => connected(server.url, { outbox, clientId })))
    const all = await one!.subscribe('a')
    await Promise.all([one!.publish('a', '1'), two!.publish('a', '2')])
    expect((await texts(all, 2)).toSorted()).toEqual(['1', '2'])
    await one!.close()
    expect(await two!.publish('b', '')).toMatchObject({ state: 'delivered' })
    const again = await connected(server.url, { outbox, clientId: 'one' })
    expect(await again.publish('b', '')).toMatchObject({ state: 'delivered' })
  })

  it('two clients with one destination: the second is told', async () => {
    const server = await hub()
    await using outbox = await Outbox.open()
    await connected(server.url, { outbox, clientId: 'same' })
    const second = clientOf(server.url, { outbox, clientId: 'same' })
    expect(await happens(second, 'error')).toMatchObject({ code: 'ERR_OUTBOX_ATTACHED' })
  })

  it('full: the publish rejects, and goes when there is room', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, outbox: { maxMessages: 2 } })
    const caller = await server.caller()
    await client.publish('a', '1')
    await client.publish('a', '2')
    expect(await failure(client.publish('a', '3'))).toMatchObject({ code: 'ERR_OUTBOX_FULL' })
    await caller.accept()
    const { packetId = 0 } = await caller.expect('publish')
    await caller.expect('publish')
    caller.send({ type: 'puback', packetId, reasonCode: 0 })
    await until('there is room', () => client.diagnostics()?.queued === 1)
    const third = client.publish('a', '3')
    const next = await caller.expect('publish')
    caller.send({ type: 'puback', packetId: packetId + 1, reasonCode: 0 })
    caller.send({ type: 'puback', packetId: next.packetId ?? 0, reasonCode: 0 })
    expect(await (await client.outbox).settled((await third).id)).toMatchObject({ state: 'delivered' })
  })

  it('a disk that is full: who publishes is told, PUBREC that cannot be kept is not followed by PUBREL', async () => {
    const disk = new FaultDisk()
    const outbox = await Outbox.open({ path: '/outbox' }, { disk, clock: nodeClock() })
    onTestFinished(() => outbox.close())
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, outbox, clientId: 'me' })
    const caller = await server.accepts()
    await client.connected()
    const published = client.publish('a', 'x', { qos: 2 })
    const { packetId = 0 } = await caller.expect('publish')
    disk.capacity = 0
    caller.send({ type: 'pubrec', packetId, reasonCode: 0 })
    expect((await failure(client.publish('a', 'y'))).code).toMatch(/^ERR_STORE_/)
    await client.publish('mark', '', { qos: 0 }).catch(() => {})
    expect(caller.came.filter(({ type }) => type === 'pubrel')).toEqual([])
    disk.capacity = Infinity
    // The outbox hands it out again, in the same connection: no second PUBLISH.
    await caller.expect('pubrel', { packetId })
    caller.send({ type: 'pubcomp', packetId, reasonCode: 0 })
    await published
  })

  it('one that cannot be opened: every publish says why, and the rest works', async () => {
    const server = await hub()
    const client = await connected(server.url, { outbox: { path: '/dev/null/no' } })
    expect((await failure(client.publish('a', ''))).code).toMatch(/^ERR_STORE_/)
    const subscription = await client.subscribe('b')
    server.publish('b', 'x')
    expect(await texts(subscription, 1)).toEqual(['x'])
  })
})

describe('in one line', () => {
  it('connect waits, and closes if it fails', async () => {
    const server = await hub({ authenticate: ({ username }) => username === 'me' })
    expect(await failure(connect(server.url))).toMatchObject({ code: 'ERR_MQTT_REFUSED' })
    await using client = await connect(server.url, { username: 'me' })
    expect(client.isConnected).toBe(true)
    const gone = await failure(connect('mqtt://127.0.0.1:1', { signal: AbortSignal.timeout(5000) }))
    expect(gone.code).toBe('ERR_MQTT_UNREACHABLE')
  })

  it('publishOnce is told when its message did not arrive', async () => {
    const server = await ScriptedServer.open()
    const once = publishOnce(server.url, 'a', 'x', { version: 5 })
    const caller = await server.accepts()
    const { packetId = 0 } = await caller.expect('publish')
    caller.send({ type: 'puback', packetId, reasonCode: 0 })
    expect(await once).toMatchObject({ state: 'delivered' })
    await caller.expect('disconnect')
    const lost = failure(publishOnce(server.url, 'a', 'x', { version: 5 }))
    const second = await server.accepts()
    await second.expect('publish')
    second.drop()
    expect(await lost).toMatchObject({ code: 'ERR_MQTT_CONNECTION_LOST' })
  })
})

it('shared subscriptions: each message goes to one of the group', async () => {
  const server = await hub()
  const members = await Promise.all([connected(server.url), connected(server.url)])
  const groups = await Promise.all(members.map((member) => member.subscribe('$share/g/jobs/#', { qos: 1 })))
  const sender = await connected(server.url)
  await Promise.all(Array.from({ length: 100 }, (_, n) => sender.publish(`jobs/${n}`, '')))
  await until('all are held', () => groups.reduce((sum, { held }) => sum + held, 0) === 100)
  expect(groups.map(({ held }) => held).every((held) => held > 0)).toBe(true)
  const seen = await Promise.all(groups.map((group) => take(group, group.held)))
  expect(new Set(seen.flat().map(({ topic }) => topic)).size).toBe(100)
  expect(await failure(sender.subscribe('$share/g/a', { noLocal: true }))).toMatchObject({ code: 'ERR_USAGE' })
})
