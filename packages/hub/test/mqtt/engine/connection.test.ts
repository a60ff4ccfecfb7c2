import { describe, expect, it } from 'vitest'
import { Stage } from '../stage.ts'
import { message, subscribe } from './support.ts'

/** How long a connection lasts, and what is said when it ends. */

describe('a connection', () => {
  it('has the time of the limits for its CONNECT', async () => {
    const stage = new Stage()
    const client = stage.open(5)
    client.transport.arrive(Uint8Array.of(0x10))
    await stage.clock.advance(4000)
    expect(client.transport.isClosed).toBe(false)
    await stage.clock.advance(1000)
    expect(client.transport.isClosed).toBe(true)
    expect(stage.server.connections).toBe(0)
  })

  it('is closed after one and a half times its keep-alive', async () => {
    const stage = new Stage()
    const client = await stage.connect('a', { keepAlive: 10 })
    client.take()
    for (let second = 0; second < 30; second += 10) {
      await stage.clock.advance(10_000)
      client.send({ type: 'pingreq' })
    }
    await stage.clock.advance(15_000)
    expect(client.take().map(({ type }) => type)).toEqual(['pingresp', 'pingresp', 'pingresp'])
    await stage.clock.advance(2000)
    expect(client.take()).toEqual([{ type: 'disconnect', reasonCode: 0x8d }])
    expect(client.isOver).toBe(true)
  })

  it('of 3.1.1 has the keep-alive that it asks for, one of 5.0 what it is told', async () => {
    const stage = new Stage({ keepAlive: 10 })
    const old = await stage.connect('old', { version: 4, keepAlive: 60 })
    const modern = await stage.connect('modern', { keepAlive: 60 })
    const endless = await stage.connect('endless', { keepAlive: 0 })
    expect([modern, endless].map((client) => client.take()[0])).toMatchObject([
      { properties: { serverKeepAlive: 10 } },
      { properties: { serverKeepAlive: 10 } },
    ])
    await stage.clock.advance(20_000)
    expect([old, modern, endless].map(({ isOver }) => isOver)).toEqual([false, true, true])
  })

  it('of an unknown version is told so in the CONNACK that all versions read', async () => {
    const stage = new Stage()
    const client = stage.open(4)
    client.transport.arrive(Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 6, 2, 0, 0, 0, 1, 0x61))
    await stage.settle()
    expect(client.take()).toEqual([{ type: 'connack', sessionPresent: false, reasonCode: 1 }])
    expect(client.isOver).toBe(true)
  })

  it('that takes no packet as large as CONNACK is closed, not left waiting', async () => {
    const stage = new Stage()
    const client = await stage.connect('a', { properties: { maximumPacketSize: 8 } })
    expect(client.take()).toEqual([])
    expect([client.isOver, stage.server.connections, stage.server.broker.sessions.size]).toEqual([true, 0, 0])
  })

  it('is told why it ends when the server goes, and counted once', async () => {
    const stage = new Stage()
    const open = await stage.connect('a')
    const silent = stage.open(5)
    open.take()
    stage.server.close()
    stage.server.close()
    await stage.server.drained()
    expect(open.take()).toEqual([{ type: 'disconnect', reasonCode: 0x8b }])
    expect([open.isOver, silent.isOver, stage.server.broker.counters.connections]).toEqual([true, true, 0])
  })

  it('sends nothing of what follows a mistake in the same chunk', async () => {
    const stage = new Stage()
    const watcher = await stage.connect('watcher')
    watcher.take()
    await subscribe(stage, watcher, 'a')
    const client = await stage.connect('a')
    client.take()
    const properties = { authenticationMethod: 'none' }
    client.send({ type: 'auth', reasonCode: 0x18, properties }, message('a', 'late'))
    await stage.settle()
    expect(client.take()).toEqual([{ type: 'disconnect', reasonCode: 0x82 }])
    expect(watcher.take()).toEqual([])
  })
})

describe('a will', () => {
  it('begins to age when it is published', async () => {
    const stage = new Stage()
    const watcher = await stage.connect('watcher')
    watcher.take()
    await subscribe(stage, watcher, 'will')
    const properties = { messageExpiryInterval: 5 }
    const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: true, properties } as const
    const client = await stage.connect('a', { will })
    await stage.clock.advance(60_000)
    client.transport.close(false)
    await stage.settle()
    expect(watcher.take()).toMatchObject([{ topic: 'will', properties: { messageExpiryInterval: 5 } }])
  })
})
