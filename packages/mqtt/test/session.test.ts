/** Sessions that outlive a connection, and a process; subscriptions that outlive both. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VirtualClock } from '@halyard/testkit'
import type { Publish } from '@halyard/wire/mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { clientOf, connected, failure, happens, hub, take, texts, until } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'

const LASTING = { version: 5, clientId: 'me', sessionExpiry: 3600 } as const
const textOf = ({ payload }: Publish): string => new TextDecoder().decode(payload)

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'mqtt-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

it('what was subscribed is subscribed again before `connect` fires, also through a second cut', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const first = await server.accepts()
  const asked = client.subscribe(['a', 'b'])
  await first.grant()
  await first.grant()
  await asked
  const events: string[] = []
  client.on('connect', () => events.push('connect'))
  first.drop()
  const second = await server.accepts()
  await second.grant()
  await second.expect('subscribe')
  second.drop()
  const third = await server.accepts()
  // Of the first, granted in a session that is gone, and of the second, which was never answered.
  const names = [(await third.grant()).subscriptions[0]?.filter]
  const last = await third.expect('subscribe')
  names.push(last.subscriptions[0]?.filter)
  expect(new Set(names)).toEqual(new Set(['a', 'b']))
  expect(client.isConnected).toBe(false)
  expect(events).toEqual([])
  third.send({ type: 'suback', packetId: last.packetId, reasonCodes: [1] })
  await client.connected()
  expect(events).toEqual(['connect'])
})

it('with its session nothing is subscribed anew', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, LASTING)
  const first = await server.accepts()
  const asked = client.subscribe('a')
  await first.grant()
  const subscription = await asked
  first.drop()
  const second = await server.accepts({ sessionPresent: true })
  expect(await client.connected()).toMatchObject({ sessionPresent: true })
  second.publish('a', 'kept')
  expect(await texts(subscription, 1)).toEqual(['kept'])
  expect(second.came).toEqual([])
})

it('a server that never answers SUBSCRIBE is left', async () => {
  const clock = new VirtualClock()
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5, connectTimeout: 30, keepalive: 0 }, { clock })
  const first = await server.accepts()
  const asked = client.subscribe('a')
  await first.grant()
  await asked
  first.drop()
  await until('it waits', () => client.diagnostics()?.state === 'waiting')
  await clock.advanceToNextTimer()
  const second = await server.accepts()
  await second.expect('subscribe')
  const error = happens(client, 'error')
  await clock.advance(30_000)
  expect((await error).message).toContain('did not answer SUBSCRIBE within 30 s')
})

it('unsubscribed while there is no connection: the server is told if it keeps the session, else it forgets', async () => {
  for (const options of [LASTING, { version: 5 } as const]) {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, options)
    const first = await server.accepts()
    const asked = client.subscribe('a')
    await first.grant()
    const subscription = await asked
    const gone = happens(client, 'disconnect')
    first.drop()
    await gone
    const left = subscription.unsubscribe()
    const second = await server.accepts({ sessionPresent: options === LASTING })
    if (options === LASTING) {
      const { packetId } = await second.expect('unsubscribe', { filters: ['a'] })
      second.send({ type: 'unsuback', packetId, reasonCodes: [0] })
    }
    await left
    await client.connected()
    await client.publish('mark', '', { qos: 0 })
    await second.expect('publish', { topic: 'mark' })
  }
})

it('an aborted subscribe rejects at once, connected or not, and is not asked for any more', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.caller()
  const control = new AbortController()
  const gaveUp = failure(client.subscribe('never', { signal: control.signal }))
  const wanted = client.subscribe('wanted')
  await new Promise((resolve) => setImmediate(resolve))
  control.abort()
  expect(await gaveUp).toMatchObject({ code: 'ERR_ABORTED' })
  await caller.accept()
  expect((await caller.grant()).subscriptions[0]?.filter).toBe('wanted')
  await wanted
  const again = new AbortController()
  const second = failure(client.subscribe('asked', { signal: again.signal }))
  await caller.expect('subscribe')
  again.abort()
  expect(await second).toMatchObject({ code: 'ERR_ABORTED' })
  await caller.expect('unsubscribe', { filters: ['asked'] })
})

it("an earlier process's session: its messages wait for who subscribes in the next lines", async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, LASTING)
  const caller = await server.accepts({ sessionPresent: true })
  await client.connected()
  caller.publish('a', '1', { qos: 1, packetId: 1 })
  caller.publish('b', '2', { qos: 2, packetId: 2 })
  caller.publish('a', '3', { qos: 1, packetId: 3 })
  await until('they have come', () => client.diagnostics()?.unclaimed === 3)
  const asked = client.subscribe('a')
  await caller.grant()
  const a = await asked
  expect(await texts(a, 2)).toEqual(['1', '3'])
  await caller.expect('puback', { packetId: 1 })
  expect(client.diagnostics()).toMatchObject({ unclaimed: 1, unacknowledged: 2 })
  const more = client.subscribe('#')
  await caller.grant()
  expect(await texts(await more, 1)).toEqual(['2'])
  await caller.expect('pubrec', { packetId: 2 })
  await caller.expect('puback', { packetId: 3 })
})

it('what nobody claims stops nothing: after 30 s it is acknowledged, and before that it takes half of the window', async () => {
  const clock = new VirtualClock()
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { ...LASTING, receiveMaximum: 4, keepalive: 0 }, { clock })
  const caller = await server.accepts({ sessionPresent: true })
  await client.connected()
  for (const packetId of [1, 2, 3]) caller.publish('a', `${packetId}`, { qos: 1, packetId })
  await caller.expect('puback', { packetId: 1 })
  expect(client.diagnostics()?.unclaimed).toBe(2)
  await clock.advance(30_000)
  await caller.expect('puback', { packetId: 2 })
  await caller.expect('puback', { packetId: 3 })
  caller.publish('a', '4', { qos: 1, packetId: 4 })
  await caller.expect('puback', { packetId: 4 })
})

it('unsubscribes from what an earlier process had subscribed to', async () => {
  const server = await hub()
  const before = await connected(server.url, LASTING)
  await before.subscribe('old')
  await before.close()
  const after = await connected(server.url, LASTING)
  await after.unsubscribe('old')
  const all = await after.subscribe('#')
  await after.publish('old', 'once')
  await after.publish('mark', '')
  expect((await take(all, 2)).map(({ topic }) => topic)).toEqual(['old', 'mark'])
})

it('a process ends without a word; the next one goes on with identifiers, DUP and PUBREL from the outbox', async () => {
  const path = await directory()
  const server = await ScriptedServer.open()
  // It does not come back before its end.
  const before = clientOf(
    server.url,
    { ...LASTING, outbox: { path }, reconnect: { base: 1000, cap: 1000 } },
    { random: () => 0.9 },
  )
  const first = await server.accepts()
  await before.connected()
  for (const qos of [2, 1, 2] as const) void before.publish('a', `${qos}`, { qos })
  const sent: Publish[] = []
  while (sent.length < 3) sent.push(await first.expect('publish'))
  const packetId = sent[0]!.packetId ?? 0
  first.send({ type: 'pubrec', packetId, reasonCode: 0 })
  await first.expect('pubrel')
  first.drop()
  await before.close()
  const after = clientOf(server.url, { ...LASTING, outbox: { path } })
  const second = await server.caller()
  await second.expect('connect')
  second.send({ type: 'connack', sessionPresent: true, reasonCode: 0 })
  await second.expect('pubrel', { packetId })
  for (const { packetId: id, payload } of sent.slice(1)) {
    await second.expect('publish', { packetId: id!, dup: true, payload })
  }
  second.send({ type: 'pubcomp', packetId, reasonCode: 0 })
  second.send({ type: 'puback', packetId: sent[1]!.packetId ?? 0, reasonCode: 0 })
  await until('one is left', () => client(after) === 1)
  second.drop()
  expect(textOf(sent[2]!)).toBe('2')
})

it('without a path a new process may not reuse an identifier of QoS 2 that the server still holds', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, LASTING)
  const caller = await server.accepts({ sessionPresent: true })
  await client.connected()
  const all = Promise.all(['one', 'two'].map((payload) => client.publish('a', payload, { qos: 2 })))
  const finish = async (packetId: number): Promise<void> => {
    caller.send({ type: 'pubrec', packetId, reasonCode: 0 })
    await caller.expect('pubrel', { packetId })
    caller.send({ type: 'pubcomp', packetId, reasonCode: 0 })
  }
  const freed = [(await caller.expect('pubrel')).packetId]
  caller.send({ type: 'pubcomp', packetId: freed[0]!, reasonCode: 0x92 })
  await caller.expect('publish', { packetId: freed[0]!, dup: false })
  freed.push((await caller.expect('pubrel')).packetId)
  caller.send({ type: 'pubcomp', packetId: freed[1]!, reasonCode: 0 })
  await caller.expect('publish', { packetId: freed[1]!, dup: false })
  for (const packetId of freed) await finish(packetId)
  await all
})

it('only the first connection begins with an empty session, if the session lasts', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { ...LASTING, clean: true })
  const first = await server.caller()
  expect((await first.accept()).cleanStart).toBe(true)
  await client.connected()
  first.drop()
  const second = await server.caller()
  expect((await second.accept({ sessionPresent: true })).cleanStart).toBe(false)
  expect(await client.connected()).toMatchObject({ sessionPresent: true })
})

it('a session where CONNECT ended it is an error of the server [MQTT-3.2.2-4]', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5, reconnect: false })
  const refused = failure(client.connected())
  await (await server.caller()).accept({ sessionPresent: true })
  expect((await refused).message).toContain('the session that CONNECT ended')
})

function client(of: ReturnType<typeof clientOf>): number | undefined {
  return of.diagnostics()?.queued
}
