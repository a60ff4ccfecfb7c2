/** Access lists as clients meet them: every way in, and what becomes of what they had when a list changes. */
import type { Connect } from '@halyard/wire/mqtt'
import { expect, it } from 'vitest'
import type { AccessRule } from '../src/domain/mqtt-account-book.ts'
import { overTcp, sampleOf } from './mqtt-support.ts'
import type { MqttClient } from './mqtt-support.ts'
import { startRestHub } from './rest-support.ts'
import { until } from './support.ts'

interface Stage {
  /** Of `ann`, who is made with this list. */
  readonly come: (wish?: Partial<Connect>, version?: 4 | 5) => Promise<MqttClient>
  /** All rights. */
  readonly admin: MqttClient
  readonly change: (access: readonly AccessRule[] | null) => Promise<void>
  readonly remove: () => Promise<void>
  readonly add: () => Promise<void>
  readonly sessions: () => Promise<number>
}

const bytes = (text: string): Buffer => Buffer.from(text)
const rule = (access: AccessRule['access'], filter: string): AccessRule => ({ access, filter })

async function stage(access: readonly AccessRule[]): Promise<Stage> {
  const started = await startRestHub()
  const { call, front, hub } = started
  const account = { username: 'ann', password: 'secret' }
  const add = async (): Promise<void> => {
    expect((await call('POST', '/api/mqtt/accounts', { ...account, access })).status).toBe(201)
  }
  await add()
  const admin = await overTcp(hub.ports.mqtt ?? 0)
  await admin.connect(sampleOf(started))
  return {
    admin,
    add,
    come: async (wish, version) => {
      const client = await overTcp(hub.ports.mqtt ?? 0, version)
      expect(await client.connect({ username: 'ann', password: bytes('secret'), ...wish })).toBe(0)
      return client
    },
    change: async (list) => {
      expect((await call('PATCH', '/api/mqtt/accounts/ann', { access: list })).status).toBe(200)
    },
    remove: async () => {
      expect((await call('DELETE', '/api/mqtt/accounts/ann')).status).toBe(204)
    },
    sessions: async () => {
      const health = await fetch(`http://127.0.0.1:${front}/health`)
      return ((await health.json()) as { services: { mqtt: { sessions: number } } }).services.mqtt.sessions
    },
  }
}

/** What it has got when a message of its own has come back: everything before that. */
async function comeTo(client: MqttClient, mark: string): Promise<(string | undefined)[]> {
  const came: (string | undefined)[] = []
  for (;;) {
    const message = await client.message()
    if (message === `${mark} ` || message === undefined) return came
    came.push(message)
  }
}

it('shared subscriptions, wider ones, and those with hostile client ids are covered by a rule or refused', async () => {
  const { come } = await stage([rule('readwrite', 'own/%c/#'), rule('read', 'news/+'), rule('deny', 'news/secret')])
  const client = await come({ clientId: 'c1' }, 5)
  const codes = async (...filters: string[]): Promise<number[]> => {
    const found: number[] = []
    for (const filter of filters) found.push(await client.subscribe(filter))
    return found
  }
  expect(await codes('own/c1/#', '$share/g/own/c1/+', 'own/c1', 'news/today')).toEqual([1, 1, 1, 1])
  const wider = ['#', 'own/#', 'own/+', 'own/+/#', '$share/g/#', '$share/own/own/+', '$share/g/news/secret', 'news/#']
  expect(await codes(...wider, 'news/+', '+/today', '$SYS/#', '$share/g/$SYS/#')).toEqual(
    Array.from({ length: 12 }, () => 0x87),
  )
  for (const clientId of ['+', '#', 'a/b', 'c1/#', '']) {
    const other = await come({ clientId, cleanStart: true })
    expect([
      await other.subscribe('own/c1/x'),
      await other.subscribe('own/+/x'),
      await other.subscribe('own/#'),
    ]).toEqual([0x80, 0x80, 0x80])
  }
})

it('what may not be published is neither routed nor retained, whatever its QoS', async () => {
  const { come, admin } = await stage([rule('readwrite', 'own/#'), rule('deny', 'own/locked')])
  await admin.subscribe('#')
  const client = await come({}, 5)
  for (const topic of ['else', 'own/locked', 'Own/x', '$SYS/broker/version']) {
    client.send({ type: 'publish', topic, payload: bytes('x'), qos: 1, packetId: 1, retain: true, dup: false })
    expect(await client.next()).toMatchObject({ type: 'puback', reasonCode: 0x87 })
  }
  client.send({ type: 'publish', topic: 'own/x', payload: bytes(''), qos: 1, packetId: 1, retain: false, dup: false })
  expect(await comeTo(admin, 'own/x')).toEqual([])
  const late = await come()
  expect(await late.subscribe('own/#')).toBe(0x80)
})

it.each([
  ['own/will', ['own/will gone']],
  ['else/will', []],
])('a will to %s', async (topic, came) => {
  const { come, admin, sessions } = await stage([rule('write', 'own/#')])
  await admin.subscribe('#')
  const client = await come({ will: { topic, payload: bytes('gone'), qos: 0, retain: true } })
  client.line.destroy()
  await until('it has gone', async () => (await sessions()) === 1)
  admin.send(admin.publishPacket('mark', ''))
  expect(await comeTo(admin, 'mark')).toEqual(came)
})

it('a list that changes takes back the subscriptions of those who are away, at once, and their wills', async () => {
  const { come, admin, change, sessions } = await stage([rule('readwrite', '#')])
  await admin.subscribe('last/#')
  const lasting = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 600 } }
  const will = {
    topic: 'last/word',
    payload: bytes('x'),
    qos: 0,
    retain: false,
    properties: { willDelayInterval: 0 },
  } as const
  const first = await come({ ...lasting, will }, 5)
  for (const filter of ['open/#', 'closed/#', '$share/g/closed/#', '#']) expect(await first.subscribe(filter)).toBe(1)
  const send = (...topics: string[]): void => {
    for (const topic of topics) {
      admin.send({ type: 'publish', topic, payload: bytes('1'), qos: 1, packetId: 9, retain: true, dup: false })
    }
  }
  const acknowledged = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) expect((await admin.next())?.type).toBe('puback')
  }
  // The connection ends with the change; its will is one that it may not have any more.
  await change([rule('read', 'open/#'), rule('read', 'closed/no')])
  expect(await sessions()).toBe(2)
  send('closed/secret', 'open/a', 'closed/no')
  await acknowledged(3)
  const back = await come(lasting, 5)
  expect(await back.next()).toMatchObject({ type: 'publish', topic: 'open/a' })
  back.send({ type: 'puback', packetId: 1, reasonCode: 0 })
  // What was retained meanwhile is for those who may read it now.
  expect([await back.subscribe('closed/#'), await back.subscribe('closed/+')]).toEqual([0x87, 0x87])
  expect(await back.subscribe('closed/no')).toBe(1)
  expect(await back.message()).toBe('closed/no 1')
  back.send({ type: 'pingreq' })
  while ((await back.next())?.type !== 'pingresp');
})

it('who gets the name of a removed account gets nothing that waited for it', async () => {
  const { come, admin, remove, add, sessions } = await stage([rule('read', 'mail/#')])
  const lasting = { clientId: 'phone', cleanStart: false }
  const first = await come(lasting)
  await first.subscribe('mail/#')
  first.line.destroy()
  admin.send({ type: 'publish', topic: 'mail/1', payload: bytes('x'), qos: 1, packetId: 9, retain: false, dup: false })
  expect((await admin.next())?.type).toBe('puback')
  expect(await sessions()).toBe(2)
  await remove()
  expect(await sessions()).toBe(1)
  await add()
  const second = await come(lasting)
  second.send({ type: 'pingreq' })
  expect((await second.next())?.type).toBe('pingresp')
})
