/** What ends with a key, and what does not. docs/protocols/emitter.md §5.4 */
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import type { ConnectWish } from '../mqtt/raw-client.ts'
import { temporaryDirectory } from '../support.ts'
import { MASTER, UNAUTHORIZED, startEmitterHub, startHubInTime, startRecordedHub } from './support.ts'
import type { EmitterClient } from './support.ts'

const unauthorized = { status: 401, message: UNAUTHORIZED }

const lasting = (clientId: string): ConnectWish => ({
  ...{ version: 5, clientId, cleanStart: false, username: clientId, password: Buffer.from('secret') },
  properties: { sessionExpiryInterval: 1000 },
})

/** That its subscription has ended. */
async function toldOnce(client: EmitterClient): Promise<void> {
  const { topic, json } = await client.said()
  expect([topic, json]).toEqual(['emitter/error/', unauthorized])
  await client.quiet()
}

it('a ban ends what hangs on the key, whoever has it, and leaves the rest of the same clients', async () => {
  const hub = await startEmitterHub()
  const admin = await hub.client()
  const [bad, good] = [await admin.keygen(hub.master, 'a/', 'rw'), await admin.keygen(hub.master, 'b/', 'rw')]
  const readers = await Promise.all(Array.from({ length: 5 }, () => hub.client()))
  for (const reader of readers) for (const filter of [`${bad}/a/`, `${good}/b/`]) await reader.subscribe(filter)
  const bystander = await hub.client()
  await bystander.subscribe(`${good}/b/`)
  const absent = await hub.client(lasting('absent'))
  for (const filter of [`${bad}/a/`, `${good}/b/`]) await absent.subscribe(filter, { qos: 1 })
  absent.raw.drop()
  await admin.ask('keyban', { secret: hub.master, target: bad, banned: true })
  for (const reader of readers) await toldOnce(reader)
  await admin.ask('keyban', { secret: hub.master, target: bad, banned: false })
  await admin.publish(`${bad}/a/`, 'nobody is left')
  await admin.publish(`${good}/b/`, 'still')
  for (const reader of [...readers, bystander]) {
    expect(await reader.message()).toBe('b/ still')
    await reader.quiet()
  }
  const back = await hub.client(lasting('absent'))
  await back.raw.message('b/', 'still', { qos: 1 })
  await back.quiet()
})

describe('a key that ends in time', () => {
  it('ends a watch with a 401, though nothing happens that it would be told of', async () => {
    const { hub, pass } = await startHubInTime()
    const [watcher, guest] = [await hub.client(), await hub.client()]
    const [short, forever] = [await guest.keygen(MASTER, 'a/', 'p', 10), await guest.keygen(MASTER, 'a/', 'r')]
    await watcher.ask('presence', { key: short, channel: 'a/', status: false, changes: true })
    await pass(9)
    await watcher.quiet()
    await pass(3)
    await toldOnce(watcher)
    await guest.subscribe(`${forever}/a/`)
    await watcher.quiet()
  })

  it('ends what a session that lasts has, though the hub was stopped when it was time', async () => {
    const data = await temporaryDirectory()
    const clock = new VirtualClock({ wall: Date.UTC(2026, 10, 20) })
    const first = await startEmitterHub({ data }, { clock })
    const client = await first.client(lasting('client'))
    const [short, long] = [
      await client.keygen(first.master, 'a/', 'rw', 60),
      await client.keygen(first.master, '#/', 'rw'),
    ]
    for (const filter of [`${short}/a/`, `${long}/b/`]) expect(await client.subscribe(filter, { qos: 1 })).toBe(1)
    await first.hub.close()
    await clock.advance(100_000)
    const second = await startEmitterHub({ data }, { clock })
    await clock.advance(2000)
    const writer = await second.client()
    for (const channel of ['a', 'b']) await writer.publish(`${long}/${channel}/`, channel)
    const back = await second.client(lasting('client'))
    await back.raw.message('b/', 'b', { qos: 1 })
    await back.quiet()
  })
})

it('a bare question mark and a trailing ampersand are good wherever a topic is', async () => {
  const hub = await startRecordedHub()
  const client = await hub.client()
  const key = await client.keygen(MASTER, 'a/', 'rwlp')
  for (const [subscribed, unsubscribed] of [
    ['a/?', 'a/'],
    ['a/?last=3&', 'a/?'],
    ['a/', 'a/?last=3&'],
  ] as const) {
    expect(await client.subscribe(`${key}/${subscribed}`), subscribed).toBe(0)
    await client.raw.unsubscribe(`${key}/${unsubscribed}`)
    for (const topic of ['a/?', 'a/?ttl=5&', 'a/?me=1&']) await client.publish(`${key}/${topic}`)
  }
  expect(await client.ask('link', { name: 'a', key, channel: 'a/?' })).toMatchObject({ status: 200 })
  expect(await client.ask('history', { channel: `${key}/a/?last=1&` })).toEqual({ messages: [] })
  expect(await client.ask('presence', { key, channel: 'a/?' })).toMatchObject({ status: 200 })
})
