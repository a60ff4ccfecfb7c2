/** What programs do that were not written with care: loops driven by hand, questions nobody can answer, wrong arguments. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { clientOf, connected, failure, hub, until } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'

describe('a loop that is driven by hand', () => {
  it('ended while it waits takes no message away from the next one', async () => {
    const client = await connected((await hub()).url)
    const subscription = await client.subscribe('a')
    const left = subscription[Symbol.asyncIterator]()
    const waiting = left.next()
    await left.return?.()
    expect(await waiting).toEqual({ value: undefined, done: true })
    await client.publish('a', 'for the next one')
    const { value } = await subscription[Symbol.asyncIterator]().next()
    expect(value?.text()).toBe('for the next one')
  })

  it('that asks for several at once has acknowledged all but the last of them', async () => {
    const client = await connected((await hub()).url, { receiveMaximum: 2 })
    const subscription = await client.subscribe('a')
    const loop = subscription[Symbol.asyncIterator]()
    const asked = Promise.all([loop.next(), loop.next(), loop.next(), loop.next()])
    for (const text of ['1', '2', '3', '4']) await client.publish('a', text)
    expect((await asked).map(({ value }) => value?.text())).toEqual(['1', '2', '3', '4'])
    await until('one being handled', () => client.diagnostics()?.unacknowledged === 1)
    await loop.return?.()
    await until('none being handled', () => client.diagnostics()?.unacknowledged === 0)
  })
})

describe('a question without an answer ends', () => {
  it('with the client', async () => {
    const client = await connected((await hub()).url)
    const asked = failure(client.request('nobody', ''))
    await until('the question being acknowledged', () => client.diagnostics()?.messagesSent === 1)
    await client.close()
    expect(await asked).toMatchObject({ code: 'ERR_MQTT_CLOSED' })
  })

  it('with the connection, where it is not tried again', async () => {
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, reconnect: false })
    const caller = await server.accepts()
    await client.connected()
    const asked = failure(client.request('nobody', ''))
    await caller.grant()
    const { packetId = 0 } = await caller.expect('publish')
    caller.send({ type: 'puback', packetId, reasonCode: 0 })
    await until('nothing in flight', () => client.diagnostics()?.inFlight === 0)
    caller.drop()
    expect(await asked).toMatchObject({ code: 'ERR_MQTT_CONNECTION_LOST' })
  })
})

describe('a program without types is told what is wrong', () => {
  it('of a filter, an event, a callback', async () => {
    const client = clientOf('mqtt://127.0.0.1:1')
    expect(await failure(client.subscribe(undefined as never))).toMatchObject({ code: 'ERR_MQTT_FILTER' })
    expect(await failure(client.unsubscribe(5 as never))).toMatchObject({ code: 'ERR_MQTT_FILTER' })
    expect(() => client.on('connected' as never, () => {})).toThrow("there is no event 'connected'; there are connect,")
    expect(() => client.on('connect', undefined as never)).toThrow("the event 'connect' needs a function to call")
  })

  it('of a topic that is too long, which is not repeated whole', async () => {
    const client = clientOf('mqtt://127.0.0.1:1')
    const topic = 'x'.repeat(70_000)
    expect((await failure(client.publish(topic, ''))).message.length).toBeLessThan(300)
    expect((await failure(client.subscribe(topic))).message.length).toBeLessThan(300)
  })

  it('a signal that has fired ends the waiting for a connection that is there, too', async () => {
    const client = await connected((await hub()).url)
    expect(await failure(client.connected({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'ERR_ABORTED' })
  })
})

it('a server that hangs up on CONNECT may want TLS, which the error says', async () => {
  const server = createServer((socket) => void socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const client = clientOf(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, { version: 5 })
  expect((await failure(client.connected())).message).toMatch(
    /instead of answering CONNECT; if the port speaks TLS, use mqtts:\/\/$/u,
  )
})
