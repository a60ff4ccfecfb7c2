/** Rows of the guide's table, run: MQTT.js on the one side, ours on the other. How they end. */
import { describe, expect, it } from 'vitest'
import { clientOf, connected, failure, hub, texts, until } from '../../support/clients.ts'
import { ScriptedServer } from '../../support/scripted-server.ts'
import { VirtualClock } from '@halyard/testkit'
import { event, js, jsConnected, rejection, turns } from './support.ts'

const will = { topic: 'gone', payload: 'bye', qos: 1 } as const

describe('`end()`, `end(false, cb)`', () => {
  it('MQTT.js: waits for every acknowledgement, however long, then says DISCONNECT and calls back', async () => {
    const server = await ScriptedServer.open()
    const client = js(server.url)
    const caller = await server.accepts()
    await event(client, 'connect')
    client.publish('a', '1', { qos: 1 })
    const { packetId } = await caller.expect('publish')
    let isOver = false
    const ended = client.endAsync().then(() => (isOver = true))
    await turns()
    expect(isOver).toBe(false)
    caller.send({ type: 'puback', packetId: packetId!, reasonCode: 0 })
    await caller.expect('disconnect')
    await ended
    await caller.closed()
    expect((await rejection(client.publishAsync('a', '2'))).message).toBe('client disconnecting')
  })

  it('here: `close()`: 10 s, what has none by then goes back to the outbox', async () => {
    const server = await ScriptedServer.open()
    const clock = new VirtualClock()
    const client = clientOf(server.url, { version: 4 }, { clock })
    const caller = await server.accepts()
    await client.connected()
    const sent = client.publish('a', '1')
    const { packetId } = await caller.expect('publish')
    const closed = client.close()
    await turns()
    expect(caller.came).toEqual([])
    caller.send({ type: 'puback', packetId: packetId!, reasonCode: 0 })
    await caller.expect('disconnect')
    await closed
    expect((await sent).state).toBe('delivered')
    expect(await failure(client.publish('a', '2'))).toMatchObject({ code: 'ERR_MQTT_CLOSED' })
  })
})

describe('`end(true)`', () => {
  it('MQTT.js: forgets what is on the wire and hangs up without DISCONNECT, so that its will is published', async () => {
    const { url } = await hub()
    const watcher = await connected(url)
    const wills = await watcher.subscribe('gone')
    const client = await jsConnected(url, { will })
    await client.endAsync(true)
    expect(await texts(wills, 1)).toEqual(['bye'])
  })

  it('here: nothing forgets; `disconnect({ withWill: true })` has the will published', async () => {
    const { url } = await hub()
    const watcher = await connected(url)
    const wills = await watcher.subscribe('gone')
    const quiet = await connected(url, { will: { ...will, payload: 'never' } })
    await quiet.close()
    const client = await connected(url, { will })
    await client.disconnect({ withWill: true })
    expect(await texts(wills, 1)).toEqual(['bye'])
    await until('no other', () => wills.held === 0)
  })
})
