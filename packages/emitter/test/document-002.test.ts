/**
 * Document 002, in its order: each of its examples as its TypeScript line, and what it says of each item. The broker is a
 * recording of the original; docs/emitter-document.md has every item with its test.
 */
import * as emitter from '@halyard/emitter'
import { EmitterMessage } from '@halyard/emitter'
import { RecordedServer } from '@halyard/testkit'
import type { RecordedStep } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import {
  HELLO,
  KEY,
  MASTER,
  UNAUTHORISED,
  answers,
  asks,
  connected,
  granted,
  once,
  sends,
  subscribes,
  take,
} from './support.ts'

async function broker(...steps: readonly RecordedStep[]): Promise<RecordedServer> {
  return RecordedServer.open([[...HELLO, ...steps]])
}

const bob = '{"id":"ABCDE12345FGHIJ678910KLMNO","username":"User1"}'
const alice = '{"id":"PQRST12345UVWXY678910ZABCD"}'

it('connect(options): import emitter; instance = emitter.connect({...})', async () => {
  await using server = await broker()
  await using instance = emitter.connect({ host: '127.0.0.1', port: server.port, keepalive: 30, secure: false })
  // Callbacks may be added at once: nothing has happened yet.
  const told: string[] = []
  instance.on('connect', () => told.push('Yeah, we connected to Emitter!'))
  instance.on('disconnect', () => told.push('Oh no, we disconnected from Emitter!'))
  await once(instance, 'connect')
  await instance.disconnect()
  expect(told).toEqual(['Yeah, we connected to Emitter!', 'Oh no, we disconnected from Emitter!'])
})

it("the events 'connect' and 'disconnect' fire again after a reconnection, without arguments", async () => {
  await using server = await RecordedServer.open([[...HELLO, { end: 'fin' }], [...HELLO]])
  await using instance = emitter.connect({ host: '127.0.0.1', port: server.port, secure: false }, { random: () => 0 })
  const told: unknown[][] = []
  instance.on('connect', (...args) => told.push(['connect', ...args]))
  instance.on('disconnect', (...args) => told.push(['disconnect', ...args]))
  await once(instance, 'disconnect')
  await once(instance, 'connect')
  expect(told).toEqual([['connect'], ['disconnect'], ['connect']])
})

describe('publish(key, channel, message, ttl)', () => {
  it('instance.publish("key": …, "channel": …, "message": "Hello Emitter!", "ttl": None)', async () => {
    await using server = await broker(
      { client: `32 [ ('${KEY}/name/') <id:2> 'Hello Emitter!' ]` },
      { server: '40 02 <id>' },
    )
    await using instance = await connected(server.port)
    const receipt = await instance.publish({ key: KEY, channel: 'name', message: 'Hello Emitter!', ttl: null })
    expect(receipt.state).toBe('delivered')
  })

  it('with ttl 0 only to connected instances, with a number stored', async () => {
    await using server = await broker(
      ...[{ client: `32 [ ('${KEY}/name/') <id:2> 'now' ]` }, { server: '40 02 <id>' }],
      ...[{ client: `32 [ ('${KEY}/name/?ttl=30') <id:2> 'later' ]` }, { server: '40 02 <id>' }],
    )
    await using instance = await connected(server.port)
    await instance.publish({ key: KEY, channel: 'name', message: 'now', ttl: 0 })
    await instance.publish({ key: KEY, channel: 'name', message: 'later', ttl: 30 })
    await server.played()
  })
})

describe('subscribe(key, channel, last) and unsubscribe(key, channel)', () => {
  it('instance.subscribe(…, "last": None), instance.unsubscribe(…)', async () => {
    await using server = await broker(
      ...[subscribes(`${KEY}/name/`), granted(), sends('name/', 'hi')],
      ...[{ client: `a2 [ <id:2> ('${KEY}/name/') ]` }, { server: 'b0 02 <id>' }],
    )
    await using instance = await connected(server.port)
    const subscription = await instance.subscribe({ key: KEY, channel: 'name', last: null })
    expect(await take(subscription, 1)).toEqual(['hi'])
    await instance.unsubscribe({ key: KEY, channel: 'name' })
    await server.played()
  })

  it('last: the number of most recent stored messages', async () => {
    await using server = await broker(
      subscribes(`${KEY}/name/?last=2`),
      sends('name/', '1'),
      sends('name/', '2'),
      granted(),
    )
    await using instance = await connected(server.port)
    expect(await take(await instance.subscribe({ key: KEY, channel: 'name', last: 2 }), 2)).toEqual(['1', '2'])
  })
})

it("on('message', messageHandler): an EmitterMessage", async () => {
  await using server = await broker(subscribes(`${KEY}/name/`), granted(), sends('name/', '{"a":1}'))
  await using instance = await connected(server.port)
  const printed: string[] = []
  const handled = new Promise<void>((resolve) => {
    instance.on('message', (message) => {
      printed.push('We just recieved a message!', `See it asString: ${message.asString()}`)
      printed.push(
        `See it asBinary: ${message.asBinary().length}`,
        `See it asObject: ${message.asObject<{ a: number }>().a}`,
      )
      resolve()
    })
  })
  await instance.subscribe({ key: KEY, channel: 'name' })
  await handled
  expect(printed.slice(1)).toEqual(['See it asString: {"a":1}', 'See it asBinary: 7', 'See it asObject: 1'])
})

it("presence(key, channel) and on('presence', presenceHandler): the three events of the document", async () => {
  await using server = await broker(
    asks('presence', `{"key":"${KEY}","channel":"name/","status":true,"changes":true}`),
    ...answers('presence', `{"time":1577833210,"event":"status","channel":"name/","who":[${bob},${alice}]}`),
    sends('emitter/presence/', `{"time":1577833220,"event":"subscribe","channel":"name/","who":${bob}}`),
    sends('emitter/presence/', `{"time":1577833230,"event":"unsubscribe","channel":"name/","who":${alice}}`),
  )
  await using instance = await connected(server.port)
  const events: emitter.PresenceEvent[] = []
  const done = new Promise<void>((resolve) => {
    instance.on('presence', (status) => {
      events.push(status)
      if (status.event === 'unsubscribe') resolve()
    })
  })
  const status = await instance.presence({ key: KEY, channel: 'name' })
  await done
  expect(events).toEqual([
    { time: 1577833210, event: 'status', channel: 'name/', who: [JSON.parse(bob), JSON.parse(alice)] },
    { time: 1577833220, event: 'subscribe', channel: 'name/', who: JSON.parse(bob) as unknown },
    { time: 1577833230, event: 'unsubscribe', channel: 'name/', who: JSON.parse(alice) as unknown },
  ])
  expect(status).toBe(events[0])
})

it("keygen(key, channel) and on('keygen'): what the document leaves to do", async () => {
  const ask = asks('keygen', `{"key":"${MASTER}","channel":"name/","type":"rw","ttl":0}`)
  await using server = await broker(
    ...[ask, ...answers('keygen', `{"status":200,"key":"${KEY}","channel":"name/"}`)],
    ...[ask, ...answers('keygen', `{${UNAUTHORISED}`)],
  )
  await using instance = await connected(server.port)
  const events: unknown[] = []
  instance.on('keygen', (event) => events.push('key' in event ? event.key : `${event.status} ${event.message}`))
  expect(await instance.keygen({ key: MASTER, channel: 'name' })).toEqual({ status: 200, key: KEY, channel: 'name/' })
  await expect(instance.keygen({ key: MASTER, channel: 'name' })).rejects.toMatchObject({
    status: 401,
    message: expect.stringMatching(/check that it is the master key/u),
  })
  expect(events).toEqual([KEY, '401 the security key provided is not authorized to perform this operation'])
})

describe('EmitterMessage', () => {
  const message = new EmitterMessage('name/', new TextEncoder().encode('{"text":"Grüße"}'))

  it('has channel and binary', () => {
    expect([message.channel, message.binary.length]).toEqual(['name/', 18])
  })

  it('asString(): the payload as UTF-8', () => {
    expect(message.asString()).toBe('{"text":"Grüße"}')
  })

  it('asBinary(): the payload as it is', () => {
    expect(message.asBinary()).toBe(message.binary)
  })

  it('asObject(): the payload as JSON, else ERR_EMITTER_NOT_JSON', () => {
    expect(message.asObject()).toEqual({ text: 'Grüße' })
    expect(() => new EmitterMessage('name/', new Uint8Array([0xff])).asObject()).toThrow(
      expect.objectContaining({
        name: 'EmitterError',
        code: 'ERR_EMITTER_NOT_JSON',
        message: 'the message on name/ is not JSON; read it with asString() or asBinary()',
      }),
    )
  })
})

it('me(): who this connection is', async () => {
  await using server = await broker(asks('me', ''), ...answers('me', '{"id":"A","links":{"a0":"l/"}}'))
  await using instance = await connected(server.port)
  const told = new Promise((resolve) => void instance.on('me', resolve))
  const me = await instance.me()
  expect(me).toEqual({ status: 200, id: 'A', links: { a0: 'l/' } })
  expect(await told).toBe(me)
})
