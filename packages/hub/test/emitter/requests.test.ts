import { keyCodec, parseLicense, parsePermissions, targetCovers } from '@halyard/wire/emitter'
import type { SecurityKey } from '@halyard/wire/emitter'
import { describe, expect, it } from 'vitest'
import { publishPacket } from '../mqtt/raw-client.ts'
import { publish0 } from './bytes.ts'
import {
  ALL_KEY,
  BAD_REQUEST,
  FORBIDDEN,
  MASTER,
  NOT_FOUND,
  TEST_KEY,
  TL3,
  UNAUTHORIZED,
  startEmitterHub,
  startRecordedHub,
} from './support.ts'

function read(license: string, text: string): SecurityKey | undefined {
  const parsed = parseLicense(license)
  const codec = 'problem' in parsed ? parsed : keyCodec(parsed)
  return 'problem' in codec ? undefined : codec.decrypt(text)
}

const refusal = (status: number, message: string): object => ({ status, message })

describe('keygen', () => {
  it('makes a key that says what was asked for, and works at once', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const answer = await client.ask('keygen', { key: MASTER, channel: 'test/', type: 'rwslp', ttl: 0 })
    expect(Object.keys(answer)).toEqual(['status', 'key', 'channel'])
    const text = answer['key'] as string
    const key = read(TL3, text)
    expect(key).toMatchObject({ permissions: parsePermissions('rwslp'), expires: 0, master: 1 })
    expect(key && targetCovers(key.target, 'test/')).toBe(true)
    expect(await client.subscribe(`${text}/test/`)).toBe(0)
    await client.publish(`${text}/test/?me=0`)
  })

  it('in the order of the requests, also without packet ids', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const wish = (channel: string): string => JSON.stringify({ key: MASTER, channel, type: 'r' })
    for (const channel of ['a/', 'bad', 'b/']) {
      client.raw.send({
        type: 'publish',
        topic: 'emitter/keygen/',
        payload: Buffer.from(wish(channel)),
        qos: 0,
        retain: false,
        dup: false,
      })
    }
    expect((await client.said()).json).toMatchObject({ channel: 'a/' })
    expect((await client.said()).json).toMatchObject({ status: 400 })
    expect((await client.said()).json).toMatchObject({ channel: 'b/' })
  })

  it('refuses what the original refuses, in its words', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const ask = (body: unknown): Promise<object> => client.ask('keygen', body)
    const deep = (parts: number): string => Array.from({ length: parts }, (_, i) => `${i + 1}/`).join('')
    const end = 'channel should end with `/` for strict types or `/#/` for wildcards'
    expect(await ask({ key: MASTER, channel: 'test' })).toEqual(refusal(400, end))
    expect(await ask({ key: MASTER, channel: deep(24) })).toEqual(
      refusal(400, 'channel can not have more than 23 parts'),
    )
    expect(await ask({ key: MASTER, channel: deep(23) })).toMatchObject({ status: 200 })
    expect(await ask({ key: MASTER, channel: `${deep(23)}#/` })).toMatchObject({ status: 200 })
    expect(await ask({ key: TEST_KEY, channel: 'test/' })).toEqual(refusal(401, UNAUTHORIZED))
    expect(await ask({ key: 'xyz', channel: 'test/' })).toEqual(refusal(401, UNAUTHORIZED))
    for (const body of ['', '{oops', '[]', '"x"', '{} {}', { key: MASTER, channel: 'a/', ttl: '5' }, { key: 5 }]) {
      expect(await ask(body)).toEqual(refusal(400, BAD_REQUEST))
    }
    expect(await ask({ key: MASTER, channel: 'a/', ttl: 1.5 })).toEqual(refusal(400, BAD_REQUEST))
    expect(await ask({ key: MASTER, channel: 'a/', ttl: 2 ** 31 })).toEqual(refusal(400, BAD_REQUEST))
    expect(await ask('null')).toEqual(refusal(401, UNAUTHORIZED))
    // Names in any case, unknown ones passed over.
    expect(await ask({ KEY: MASTER, Channel: 'a/', more: {} })).toMatchObject({ status: 200 })
  })

  it('no key begins as an option of a command does', async () => {
    const hub = await startEmitterHub()
    const client = await hub.client()
    for (let n = 0; n < 300; n++) expect(await client.keygen(hub.master, 'a/', 'r')).not.toMatch(/^-/)
  })

  it("a master key of another contract is not found, one of another master's index is not allowed", async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const parsed = parseLicense(TL3)
    const codec = 'problem' in parsed ? parsed : keyCodec(parsed)
    const master = read(TL3, MASTER)
    if ('problem' in codec || master === undefined) throw new Error('the licence of the vectors')
    const other = codec.encrypt({ ...master, contract: 5 })
    expect(await client.ask('keygen', { key: other, channel: 'a/' })).toEqual(refusal(404, NOT_FOUND))
    const wrong = codec.encrypt({ ...master, master: 2 })
    expect(await client.ask('keygen', { key: wrong, channel: 'a/' })).toEqual(refusal(401, UNAUTHORIZED))
  })

  it('without a type the key may do nothing, and m makes no master key', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const nothing = await client.keygen(MASTER, 'a/', '')
    expect(read(TL3, nothing)?.permissions).toBe(0)
    expect(read(TL3, await client.keygen(MASTER, 'a/', 'mr!'))?.permissions).toBe(parsePermissions('r'))
  })

  it('a key that has ended when it is made', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const key = await client.keygen(MASTER, 'a/', 'rw', -5)
    expect(await client.subscribe(`${key}/a/`)).toBe(0x80)
  })
})

describe('extended keys', () => {
  it('are for a channel of the connection, with what both may do, and not to extend', async () => {
    const hub = await startEmitterHub()
    const client = await hub.client()
    const parent = await client.keygen(hub.master, 'priv/#/', 'rwe')
    const { id } = await client.ask('me', '')
    const answer = await client.ask('keygen', { key: parent, channel: 'priv/', type: 'rwsle' })
    expect(answer).toMatchObject({ status: 200, channel: `priv/${String(id)}/` })
    const key = read(hub.hub.accounts.emitter?.license ?? '', answer['key'] as string)
    expect(key?.permissions).toBe(parsePermissions('rw'))
    const own = `${String(answer['key'])}/priv/${String(id)}/`
    expect(await client.subscribe(own)).toBe(0)
    expect(await client.subscribe(`${String(answer['key'])}/priv/`)).toBe(0x80)
    const below = await client.ask('keygen', { key: parent, channel: 'priv/#/', type: 'r' })
    expect(below['channel']).toBe(`priv/${String(id)}/#/`)
  })

  it('a key that may extend is for that alone', async () => {
    const hub = await startEmitterHub()
    const client = await hub.client()
    const key = await client.keygen(hub.master, 'priv/', 'rwlpe')
    const extend = 'the security key with extend permission can only be used for private links'
    expect(await client.refused(`${key}/priv/`)).toBe(`401 ${extend}`)
    expect(await client.subscribe(`${key}/priv/`)).toBe(0x80)
    expect(await client.ask('presence', { key, channel: 'priv' })).toEqual(refusal(401, UNAUTHORIZED))
    expect(await client.ask('history', { channel: `${key}/priv/` })).toEqual(refusal(401, UNAUTHORIZED))
    for (const channel of ['priv', 'priv/+/', 'te st/']) {
      expect(await client.ask('keygen', { key, channel, type: 'r' })).toEqual(refusal(400, BAD_REQUEST))
    }
    expect(await client.ask('keygen', { key, channel: 'other/', type: 'r' })).toEqual(refusal(401, UNAUTHORIZED))
  })

  it('cannot read the parent through links', async () => {
    const hub = await startEmitterHub()
    const [client, other] = [await hub.client(), await hub.client()]
    const parent = await client.keygen(hub.master, 'priv/', 'rwe')
    const writer = await client.keygen(hub.master, 'priv/', 'w')
    const link = { name: 'p', key: parent, channel: 'priv/', subscribe: true }
    expect(await client.ask('link', link)).toMatchObject({ status: 200 })
    await other.publish(`${writer}/priv/`, 'secret')
    await client.quiet()
  })

  it('end with the key that made them', async () => {
    const hub = await startEmitterHub()
    const client = await hub.client()
    const parent = await client.keygen(hub.master, 'priv/', 'rwe', 60)
    const answer = await client.ask('keygen', { key: parent, channel: 'priv/', type: 'r', ttl: 0 })
    const license = hub.hub.accounts.emitter?.license ?? ''
    expect(read(license, answer['key'] as string)?.expires).toBe(read(license, parent)?.expires)
    const filter = `${String(answer['key'])}/${String(answer['channel'])}`
    expect(await client.subscribe(filter)).toBe(0)
    const ban = { secret: hub.master, target: parent, banned: true }
    const other = await hub.client()
    expect(await other.ask('keyban', ban)).toEqual({ status: 200, banned: true })
    expect((await client.said()).json).toMatchObject({ status: 401 })
    expect(await client.subscribe(filter)).toBe(0x80)
  })
})

describe('link', () => {
  it('a short topic stands for key, channel and options', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const link = { name: 'a0', key: ALL_KEY, channel: 'lnk/?me=1&ttl=60', subscribe: true, private: false }
    expect(await client.ask('link', link)).toEqual({ status: 200, name: 'a0', channel: 'lnk/?me=1&ttl=60' })
    const packetId = client.raw.nextId
    client.raw.send({
      type: 'publish',
      topic: 'a0',
      payload: Buffer.from('x'),
      qos: 1,
      packetId,
      retain: false,
      dup: false,
    })
    expect(await client.message()).toBe('lnk/ x')
    await client.raw.expect('puback', { packetId })
    expect(await client.ask('me', 'not JSON')).toMatchObject({ status: 200, links: { a0: 'lnk/?me=1&ttl=60' } })
    // Another one of this name takes its place at once.
    await client.ask('link', { ...link, channel: 'other/', subscribe: false })
    await client.publish('a0', 'y')
  })

  it('holds for what is right behind it, though its answer waits for one before', async () => {
    const hub = await startEmitterHub()
    const client = await hub.client()
    const key = await client.keygen(hub.master, 'a/', 'rw')
    client.raw.sendBytes(
      Buffer.concat([
        publish0('emitter/keygen/', JSON.stringify({ key: hub.master, channel: 'b/', type: 'r' })),
        publish0('emitter/link/', JSON.stringify({ name: 'a0', key, channel: 'a/', subscribe: true })),
        publish0('a0', 'x'),
      ]),
    )
    expect(await client.message()).toBe('a/ x')
    expect(await client.said()).toMatchObject({ topic: 'emitter/keygen/' })
    expect((await client.said()).json).toEqual({ status: 200, name: 'a0', channel: 'a/' })
    await client.quiet()
  })

  it('what it refuses, and when', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const name = 'the link must be an alphanumeric string of 1 or 2 characters'
    for (const wrong of ['', 'abc', 'ä', 'a/', '-']) {
      expect(await client.ask('link', { name: wrong, key: ALL_KEY, channel: 'a/' })).toEqual(refusal(400, name))
    }
    expect(await client.ask('link', { name: 'a', key: ALL_KEY, channel: 'a' })).toEqual(refusal(400, BAD_REQUEST))
    expect(await client.ask('link', { name: 'a', key: 'x/y', channel: 'a/' })).toEqual(refusal(400, BAD_REQUEST))
    expect(await client.refused('zz')).toBe(`400 ${BAD_REQUEST}`)
    // The key is asked when something is published.
    expect(await client.ask('link', { name: 'b', key: 'wrong', channel: 'a/' })).toMatchObject({ status: 200 })
    expect(await client.refused('b')).toBe(`401 ${UNAUTHORIZED}`)
    expect(await client.ask('link', { name: 'c', key: ALL_KEY, channel: 'a/+/' })).toMatchObject({ status: 200 })
    expect(await client.refused('c')).toBe(`403 ${FORBIDDEN}`)
    // Links are one connection's.
    const other = await hub.client()
    expect(await other.refused('b')).toBe(`400 ${BAD_REQUEST}`)
  })

  it('2,000 of them: as many as fit into 262,144 bytes, then a 403, and nobody else notices', async () => {
    const hub = await startRecordedHub()
    const [client, other] = [await hub.client(), await hub.client()]
    await other.subscribe(`${TEST_KEY}/test/`)
    const letters = Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
    const names = ['', ...letters].flatMap((first) => letters.map((second) => first + second)).slice(0, 2000)
    const link = (name: string): string => JSON.stringify({ name, key: ALL_KEY, channel: 'a/b/' })
    client.raw.send(...names.map((name) => publishPacket('emitter/link/', link(name))))
    other.raw.send(publishPacket(`${TEST_KEY}/test/`, 'undisturbed'))
    const answers: unknown[] = []
    for (const _ of names) answers.push((await client.said()).json)
    expect(await other.message()).toBe('test/ undisturbed')
    // 100 bytes, the key, and the channel twice.
    const room = Math.floor(262_144 / (100 + 32 + 2 * 'a/b/'.length))
    expect(answers.slice(0, room)).toEqual(names.slice(0, room).map((name) => ({ status: 200, name, channel: 'a/b/' })))
    expect(answers.slice(room)).toEqual(names.slice(room).map(() => refusal(403, FORBIDDEN)))
    const { links } = (await client.ask('me', '')) as { readonly links: Readonly<Record<string, string>> }
    expect(Object.keys(links)).toHaveLength(room)
    // Those that are there can be changed, and used.
    const changed = { name: '0', key: TEST_KEY, channel: 'test/' }
    expect(await client.ask('link', changed)).toMatchObject({ status: 200 })
    await client.publish('0', 'by link')
    expect(await other.message()).toBe('test/ by link')
  })
})

it('me: an id of 26 characters that may be a segment, and no links if there are none', async () => {
  const hub = await startRecordedHub()
  const [one, other] = [await hub.client(), await hub.client()]
  const me = await one.ask('me', '')
  expect(Object.keys(me)).toEqual(['status', 'id'])
  expect(me['id']).toMatch(/^[A-Z2-7]{26}$/)
  expect((await other.ask('me', ''))['id']).not.toBe(me['id'])
})

it('an answer comes on the topic of the request, options included', async () => {
  const hub = await startRecordedHub()
  const client = await hub.client()
  client.raw.send({
    type: 'publish',
    topic: 'emitter/me/?req=13',
    payload: Buffer.alloc(0),
    qos: 0,
    retain: false,
    dup: false,
  })
  const { topic, json } = await client.said()
  expect(topic).toBe('emitter/me/?req=13')
  expect(json).not.toHaveProperty('req')
  expect(await client.subscribe('emitter/me/')).toBe(0x80)
})
