/** 5.0 first, 3.1.1 where the server has no other, and neither for the wrong reason. */
import { describe, expect, it } from 'vitest'
import { clientOf, connected, failure, happens, hub, texts } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'
import type { Caller } from './support/scripted-server.ts'

it('the hub speaks 5.0', async () => {
  const client = await connected((await hub()).url)
  expect(client.diagnostics()).toMatchObject({ version: 5, state: 'connected', connections: 1 })
})

const OLD: readonly (readonly [what: string, answer: (caller: Caller) => void])[] = [
  ['closes without a word', (caller) => caller.socket.end()],
  ['answers CONNACK 1 of 3.1.1', (caller) => caller.sendBytes(0x20, 2, 0, 1)],
  ['answers CONNACK 0x84 of 5.0', (caller) => caller.sendBytes(0x20, 3, 0, 0x84, 0)],
  ['accepts, with the two bytes of 3.1.1', (caller) => caller.sendBytes(0x20, 2, 0, 0)],
  ['answers what 5.0 does not know', (caller) => caller.sendBytes(0x20, 3, 0, 0x01, 0)],
  [
    'accepts with the two bytes, one at a time',
    (caller) => {
      caller.sendBytes(0x20)
      setTimeout(() => caller.sendBytes(2, 0, 0), 5)
    },
  ],
]

describe.each(OLD)('a server that %s', (_, answer) => {
  it('is spoken to in 3.1.1 at once, and that is no error', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { reconnect: { base: 1000, cap: 1000 } })
    const errors: unknown[] = []
    client.on('error', (error) => errors.push(error))
    const first = await server.caller()
    await first.expect('connect', { version: 5 })
    answer(first)
    const second = await server.caller()
    await second.accept()
    expect(await client.connected()).toMatchObject({ version: 4 })
    expect(second.version).toBe(4)
    expect(errors).toEqual([])
  })

  it('is an error if 5.0 was asked for', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, reconnect: false })
    const refused = failure(client.connected())
    const caller = await server.caller()
    await caller.expect('connect', { version: 5 })
    answer(caller)
    expect((await refused).code).toMatch(/^ERR_MQTT_/)
    expect(server.accepted).toBe(1)
  })
})

it('a server that only fell over once is asked for 5.0 again', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url)
  const first = await server.caller()
  await first.expect('connect', { version: 5 })
  first.drop()
  const second = await server.caller()
  await second.accept()
  expect(await client.connected()).toMatchObject({ version: 4 })
  const lost = happens(client, 'disconnect')
  second.drop()
  await lost
  const third = await server.caller()
  await third.expect('connect', { version: 5 })
  third.send({ type: 'connack', sessionPresent: false, reasonCode: 0 })
  expect(await client.connected()).toMatchObject({ version: 5 })
  // It has shown that it knows 5.0: nothing makes it 3.1.1 any more.
  third.drop()
  const fourth = await server.caller()
  await fourth.expect('connect', { version: 5 })
  fourth.drop()
  await (await server.caller()).expect('connect', { version: 5 })
})

it('one that never answers 5.0 and twice answers 3.1.1 is not asked a third time', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url)
  for (let round = 0; round < 2; round++) {
    const deaf = await server.caller()
    await deaf.expect('connect', { version: 5 })
    deaf.drop()
    const caller = await server.caller()
    await caller.expect('connect', { version: 4 })
    caller.send({ type: 'connack', sessionPresent: false, reasonCode: 0 })
    await client.connected()
    caller.drop()
  }
  await (await server.caller()).expect('connect', { version: 4 })
})

it('a refusal for another reason is no question of version', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { reconnect: false })
  const refused = failure(client.connected())
  const caller = await server.caller()
  await caller.expect('connect')
  caller.sendBytes(0x20, 2, 0, 5)
  expect(await refused).toMatchObject({ code: 'ERR_MQTT_REFUSED', reason: 'notAuthorized' })
  expect(server.accepted).toBe(1)
})

it('3.1.1 carries what it has words for', async () => {
  const server = await hub()
  const client = await connected(server.url, { version: 4, will: { topic: 'w', properties: { willDelayInterval: 9 } } })
  const all = await client.subscribe('a', { qos: 2, noLocal: true, retained: 'never' })
  await client.publish('a', 'x', { properties: { contentType: 'text', userProperties: [['a', 'b']] } })
  expect(await texts(all, 1)).toEqual(['x'])
  expect(await failure(client.request('a', 'who?'))).toMatchObject({ code: 'ERR_MQTT_VERSION' })
})
