/** Rows of the guide's table, run: MQTT.js on the one side, ours on the other. What is published. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { clientOf, connected, failure, happens, hub, texts, until } from '../../support/clients.ts'
import { ScriptedServer } from '../../support/scripted-server.ts'
import type { Caller } from '../../support/scripted-server.ts'
import { Answer, cable, closedPort, event, js, jsConnected, library, rejection, turns } from './support.ts'

describe('QoS 0 unless told otherwise, to publish and to subscribe', () => {
  it('MQTT.js', async () => {
    const server = await ScriptedServer.open()
    const client = js(server.url)
    const caller = await server.accepts()
    client.subscribe('a', {}, () => {})
    expect((await caller.grant(0)).subscriptions).toMatchObject([{ qos: 0 }])
    client.publish('a', '1', {})
    await caller.expect('publish', { qos: 0 })
  })

  it('here: QoS 1', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 4 })
    const caller = await server.accepts()
    void client.subscribe('a')
    expect((await caller.grant()).subscriptions).toMatchObject([{ qos: 1 }])
    client.publish('a', '1').catch(() => {})
    const { packetId } = await caller.expect('publish', { qos: 1 })
    caller.send({ type: 'puback', packetId: packetId!, reasonCode: 0 })
  })
})

describe('`queueQoSZero: true`', () => {
  it('MQTT.js: for the client; if not, the call fails', async () => {
    const server = await ScriptedServer.open()
    const client = js(server.url)
    const answer = new Answer()
    client.publish('a', 'kept', {}, answer.done)
    await turns()
    expect(answer.calls).toEqual([])
    const accepted = await server.caller()
    await accepted.accept()
    await accepted.expect('publish', { qos: 0, topic: 'a' })
    await until('it calls back', () => answer.calls.length === 1)
    const strict = js(`mqtt://127.0.0.1:${await closedPort()}`, { queueQoSZero: false })
    expect(await rejection(strict.publishAsync('a', 'gone'))).toMatchObject({ message: 'No connection to broker' })
  })

  it('here: for each message of any QoS, `offline`', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5 })
    const rejects = failure(client.publish('a', 'gone', { qos: 1, offline: 'reject' }))
    expect(await rejects).toMatchObject({ code: 'ERR_MQTT_OFFLINE' })
    expect((await client.publish('a', 'kept', { qos: 0 })).state).toBe('queued')
    const accepted = await server.caller()
    await accepted.accept()
    await accepted.expect('publish', { qos: 0, topic: 'a' })
  })
})

describe('`publish` calls back when acknowledged, never if not', () => {
  it('MQTT.js: also when it is ended by force', async () => {
    const server = await ScriptedServer.open()
    const client = js(server.url)
    const called = vi.fn<() => void>()
    client.publish('a', 'offline', { qos: 1 }, called)
    const accepted = await server.caller()
    await accepted.accept()
    await accepted.expect('publish')
    await client.endAsync(true)
    await turns()
    expect(called).not.toHaveBeenCalled()
  })

  it('here: resolves as `delivered`, or as `queued` when it can not go now', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5 })
    expect((await client.publish('a', 'offline')).state).toBe('queued')
    const accepted = await server.caller()
    await accepted.accept()
    const { packetId } = await accepted.expect('publish')
    const second = client.publish('a', 'on the wire')
    accepted.send({ type: 'puback', packetId: packetId!, reasonCode: 0 })
    await accepted.expect('publish')
    accepted.drop()
    expect((await second).state).toBe('queued')
  })
})

describe('a PUBACK with a reason of failure is an error of the call', () => {
  it('MQTT.js', async () => {
    const server = await ScriptedServer.open()
    const client = js(server.url, { protocolVersion: 5 })
    const accepted = await server.caller()
    await accepted.accept()
    await event(client, 'connect')
    const error = rejection(client.publishAsync('a', '1', { qos: 1 }))
    const { packetId } = await accepted.expect('publish')
    accepted.send({ type: 'puback', packetId: packetId!, reasonCode: 0x97 })
    expect(await error).toMatchObject({ message: 'Publish error: Quota exceeded', code: 0x97 })
  })

  it('here: the same, by name', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5 })
    const accepted = await server.caller()
    await accepted.accept()
    await client.connected()
    const error = failure(client.publish('a', '1'))
    const { packetId } = await accepted.expect('publish')
    accepted.send({ type: 'puback', packetId: packetId!, reasonCode: 0x97 })
    expect(await error).toMatchObject({ name: 'MqttRefusedError', reason: 'quotaExceeded', reasonCode: 0x97 })
  })
})

describe('in flight at a loss of the connection', () => {
  it('MQTT.js: sent again one after the other, without DUP also into its old session, and `connect` fires behind it', async () => {
    const server = await ScriptedServer.open()
    const client = js(server.url, { clean: false, clientId: 'me' })
    const first = await server.caller()
    await first.accept()
    await event(client, 'connect')
    for (const payload of ['1', '2', '3']) client.publish('a', payload, { qos: 1 })
    for (let count = 0; count < 3; count++) await first.expect('publish')
    first.drop()
    const second = await server.caller()
    await second.accept({ sessionPresent: true })
    const { dup, packetId } = await second.expect('publish')
    expect(dup).toBe(false)
    await turns()
    expect(second.came).toEqual([])
    expect(client.connected).toBe(true)
    let isTold = false
    client.once('connect', () => (isTold = true))
    second.send({ type: 'puback', packetId: packetId!, reasonCode: 0 })
    for (let count = 0; count < 2; count++) {
      const next = await second.expect('publish', { dup: false })
      expect(isTold).toBe(false)
      second.send({ type: 'puback', packetId: next.packetId!, reasonCode: 0 })
    }
    await until('connect fires', () => isTold)
  })

  it('here: all at once in their order, with DUP into the old session and without into a new one; it stops nothing', async () => {
    for (const sessionPresent of [true, false]) {
      const server = await ScriptedServer.open()
      const client = clientOf(server.url, { version: 4, clean: false, clientId: 'me' })
      const first = await server.caller()
      await first.accept()
      await client.connected()
      for (const payload of ['1', '2', '3']) void client.publish('a', payload)
      for (let count = 0; count < 3; count++) await first.expect('publish')
      first.drop()
      const connects = happens(client, 'connect')
      const second = await server.caller()
      await second.accept({ sessionPresent })
      await connects
      const payloads: string[] = []
      const packetIds: number[] = []
      for (let count = 0; count < 3; count++) {
        const { payload, packetId } = await second.expect('publish', { dup: sessionPresent })
        payloads.push(new TextDecoder().decode(payload))
        packetIds.push(packetId!)
      }
      expect(payloads).toEqual(['1', '2', '3'])
      for (const packetId of packetIds) second.send({ type: 'puback', packetId, reasonCode: 0 })
      await (await client.outbox).idle()
    }
  })
})

describe('`incomingStore`, `outgoingStore`; in memory', () => {
  it('MQTT.js: what was published without a connection ends with the client', async () => {
    const { url, port } = await hub()
    const reader = await connected(url)
    const subscription = await reader.subscribe('a')
    const away = await closedPort()
    const client = js(`mqtt://127.0.0.1:${away}`, { clientId: 'me', clean: false })
    client.publish('a', 'lost', { qos: 1 })
    await client.endAsync(true)
    const next = await jsConnected(`mqtt://127.0.0.1:${port}`, { clientId: 'me', clean: false })
    await next.publishAsync('a', 'later', { qos: 1 })
    expect(await texts(subscription, 1)).toEqual(['later'])
  })

  it('here: `outbox: { path }`', async () => {
    const { url, port } = await hub()
    const path = await mkdtemp(join(tmpdir(), 'halyard-mqttjs-'))
    onTestFinished(() => rm(path, { recursive: true, force: true }))
    const reader = await connected(url)
    const subscription = await reader.subscribe('a')
    const line = await cable(port)
    const options = { clientId: 'me', sessionExpiry: 60, outbox: { path }, destination: 'mqtt:here' }
    const client = clientOf(`mqtt://127.0.0.1:${await closedPort()}`, options)
    expect((await client.publish('a', 'kept')).state).toBe('queued')
    await client.close()
    const next = await connected(line.url, options)
    await next.publish('a', 'later')
    expect(await texts(subscription, 2)).toEqual(['kept', 'later'])
  })
})

describe('`messageIdProvider`, `getLastMessageId()`, `removeOutgoingMessage(id)`', () => {
  it('MQTT.js: packet identifiers are the user’s affair', async () => {
    const server = await ScriptedServer.open()
    const messageIdProvider = new library.UniqueMessageIdProvider()
    const allocate = vi.spyOn(messageIdProvider, 'allocate')
    const client = js(server.url, { messageIdProvider })
    const accepted = await server.caller()
    await accepted.accept()
    await event(client, 'connect')
    const answer = new Answer()
    client.publish('a', '1', { qos: 1 }, answer.done)
    const { packetId } = await accepted.expect('publish')
    expect(allocate).toHaveBeenCalledTimes(1)
    expect(client.getLastMessageId()).toBe(packetId)
    client.removeOutgoingMessage(packetId!)
    await until('it is told', () => answer.calls.length === 1)
    expect(answer.calls[0]?.message).toBe('Message removed')
  })

  it('here: they are the place in the outbox; a receipt has the `id` of the message, `outbox.drop(id)` takes it back', async () => {
    const client = clientOf(`mqtt://127.0.0.1:${await closedPort()}`)
    const { id } = await client.publish('a', '1', { id: 'reading-7' })
    expect(id).toBe('reading-7')
    const outbox = await client.outbox
    expect(await outbox.drop(id)).toBe(true)
    expect(outbox.why(id)).toMatchObject({ state: 'dropped', reason: 'dropped' })
  })
})

describe('`autoAssignTopicAlias`, `autoUseTopicAlias`', () => {
  async function topics(publish: (payload: string) => void, caller: Caller): Promise<string[]> {
    const seen: string[] = []
    for (const payload of ['1', '2']) {
      publish(payload)
      const packet = await caller.expect('publish')
      seen.push(`${packet.topic}:${packet.properties?.topicAlias ?? ''}`)
    }
    return seen
  }

  it('MQTT.js: not by itself', async () => {
    for (const [options, wanted] of [
      [{}, ['long/topic:', 'long/topic:']],
      [{ autoAssignTopicAlias: true }, ['long/topic:1', ':1']],
    ] as const) {
      const server = await ScriptedServer.open()
      const client = js(server.url, { protocolVersion: 5, ...options })
      const accepted = await server.caller()
      await accepted.accept({ properties: { topicAliasMaximum: 5 } })
      await event(client, 'connect')
      expect(await topics((payload) => client.publish('long/topic', payload, {}), accepted)).toEqual(wanted)
    }
  })

  it('here: `topicAliases: true`', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5 })
    const accepted = await server.caller()
    await accepted.accept({ properties: { topicAliasMaximum: 5 } })
    await client.connected()
    const seen = await topics((payload) => void client.publish('long/topic', payload, { qos: 0 }), accepted)
    expect(seen).toEqual(['long/topic:1', ':1'])
  })
})
