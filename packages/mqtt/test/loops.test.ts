/** Loops that are driven by hand, as libraries of streams do, and questions that nobody can answer any more. */
import { describe, expect, it } from 'vitest'
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
