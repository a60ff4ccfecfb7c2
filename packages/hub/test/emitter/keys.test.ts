/** What the original got wrong about keys, each case by its name. docs/protocols/emitter.md §5.4 */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { keyCodec, parseLicense } from '@halyard/wire/emitter'
import type { KeyCodec, SecurityKey } from '@halyard/wire/emitter'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../support.ts'
import { ALL_KEY, MASTER, TEST_KEY, TL3, UNAUTHORIZED, startEmitterHub, startRecordedHub } from './support.ts'
import type { EmitterHub } from './support.ts'

function codecOf(license: string): KeyCodec {
  const parsed = parseLicense(license)
  const codec = 'problem' in parsed ? parsed : keyCodec(parsed)
  if ('problem' in codec) throw new Error(codec.problem)
  return codec
}

/** What whoever has a key can do without any secret: the ciphers hide, and prove nothing. */
function forge(text: string, permissions: number, wanted: number): string {
  const bytes = Buffer.from(text, 'base64url')
  bytes[15] = (bytes[15] ?? 0) ^ permissions ^ wanted
  return bytes.toString('base64url')
}

const unauthorized = { status: 401, message: UNAUTHORIZED }

describe('forged keys', () => {
  it('do not work: a channel key with other permission bits is no master key', async () => {
    const hub = await startEmitterHub()
    const client = await hub.client()
    const key = await client.keygen(hub.master, 'a/', 'r')
    const master = forge(key, 2, 1)
    expect(codecOf(hub.hub.accounts.emitter?.license ?? '').decrypt(master)?.permissions).toBe(1)
    expect(await client.ask('keygen', { key: master, channel: 'a/', type: 'rw' })).toEqual(unauthorized)
    const ban = { secret: master, target: key, banned: true }
    expect(await client.ask('keyban', ban)).toEqual(unauthorized)
    expect(await client.refused(`${forge(key, 2, 6)}/a/`)).toBe(`401 ${UNAUTHORIZED}`)
    expect(await client.subscribe(`${key}/a/`)).toBe(0)
  })

  it.each([
    ['2', 'RfBEIIFz1nNLf12JYRpoEUqFPLb3na0X_xbP_h3PM_CqDUVBGJfEV3WalW2maauQd48o-TcTM_61BfEsELfk0qMDqrCTswkB:2'],
    ['3', TL3],
  ])('nor under a licence of version %s, whatever is made of them', async (_, emitterLicense) => {
    const hub = await startEmitterHub({ emitterLicense })
    const client = await hub.client()
    const key = await client.keygen(hub.master, 'a/', 'r')
    const codec = codecOf(emitterLicense)
    for (const permissions of [0, 1, 3, 4, 6, 18, 34, 66, 126, 130, 255]) {
      const forged = forge(key, 2, permissions)
      expect(codec.decrypt(forged)?.permissions).toBe(permissions)
      expect(await client.ask('keygen', { key: forged, channel: 'a/', type: 'r' })).toEqual(unauthorized)
      expect(await client.refused(`${forged}/a/`)).toBe(`401 ${UNAUTHORIZED}`)
    }
    expect(await client.subscribe(`${key}/a/`)).toBe(0)
  })

  it('under version 1: blocks of two keys with one salt make a third, which is nobody’s', async () => {
    const license = 'zT83oDV0DWY5_JysbSTPTDr8KB0AAAAAAAAAAAAAAAI'
    const hub = await startEmitterHub({ emitterLicense: license })
    const client = await hub.client()
    const codec = codecOf(license)
    const [reads, writes] = [await client.keygen(hub.master, 'a/', 'r'), await client.keygen(hub.master, 'a/', 'w')]
    const [read, write] = [codec.decrypt(reads), codec.decrypt(writes)]
    if (read === undefined || write === undefined) throw new Error('keys of the licence')
    // As if the hub had drawn the same salt twice, which it may.
    const twin = Buffer.from(codec.encrypt({ ...write, salt: read.salt }), 'base64url')
    const mixed = Buffer.concat([Buffer.from(reads, 'base64url').subarray(0, 8), twin.subarray(8)]).toString(
      'base64url',
    )
    expect(codec.decrypt(mixed)).toEqual({ ...write, salt: read.salt })
    expect(await client.refused(`${mixed}/a/`)).toBe(`401 ${UNAUTHORIZED}`)
    await client.publish(`${writes}/a/`)
  })

  it('work with acceptForeignKeys, and every start says so', async () => {
    const hub = await startRecordedHub()
    expect(hub.log.texts('warn').filter((text) => text.includes('--accept-foreign-keys'))).toHaveLength(1)
    const client = await hub.client()
    expect(await client.ask('keygen', { key: forge(TEST_KEY, 6, 1), channel: 'a/' })).toMatchObject({ status: 200 })
  })

  it('nor do keys of the same licence that this hub has not issued', async () => {
    const hub = await startEmitterHub({ emitterLicense: TL3 })
    expect(hub.hub.accounts.emitter?.license).toBe(TL3)
    const client = await hub.client()
    expect(await client.ask('keygen', { key: MASTER, channel: 'a/' })).toEqual(unauthorized)
    expect(await client.subscribe(`${ALL_KEY}/a/`)).toBe(0x80)
    expect(await client.subscribe(`${hub.hub.accounts.emitter?.channel_key}/demo/x/`)).toBe(0)
    // Issued by this hub under the same licence.
    expect(await client.subscribe(`${await client.keygen(hub.master, 'a/', 'r')}/a/`)).toBe(0)
  })

  it('a master key of the hub is not found by trying salts: its unused bytes are random', async () => {
    const [one, other] = [
      await startEmitterHub({ emitterLicense: TL3 }),
      await startEmitterHub({ emitterLicense: TL3 }),
    ]
    const targets = [one, other].map(({ master }) => codecOf(TL3).decrypt(master)?.target)
    expect(targets[0]).not.toEqual(targets[1])
    expect(codecOf(TL3).decrypt(one.master)).toMatchObject({
      permissions: 1,
      expires: 0,
    } satisfies Partial<SecurityKey>)
  })
})

describe('a licence', () => {
  it('of each version makes keys that work; one that is none is told, and not shown', async () => {
    const licenses = [
      'zT83oDV0DWY5_JysbSTPTDr8KB0AAAAAAAAAAAAAAAI',
      'RfBEIIFz1nNLf12JYRpoEUqFPLb3na0X_xbP_h3PM_CqDUVBGJfEV3WalW2maauQd48o-TcTM_61BfEsELfk0qMDqrCTswkB:2',
      TL3,
    ]
    for (const emitterLicense of licenses) {
      const hub = await startEmitterHub({ emitterLicense })
      const client = await hub.client()
      const key = await client.keygen(hub.master, 'a/', 'rw')
      expect(await client.subscribe(`${key}/a/`)).toBe(0)
      await client.publish(`${key}/a/?me=0`)
    }
    const wrong = `${TL3.slice(0, 40)}:3`
    const failure = await startEmitterHub({ emitterLicense: wrong }).then(
      () => undefined,
      (error: unknown) => error as Error,
    )
    expect(failure).toMatchObject({ code: 'ERR_HUB_EMITTER_LICENSE' })
    expect(failure?.message).not.toContain(wrong.slice(0, 10))
    const gone = startEmitterHub({ emitterLicense: '@/nowhere/licence' })
    await expect(gone).rejects.toMatchObject({ code: 'ERR_HUB_EMITTER_LICENSE' })
  })
})

describe('bans', () => {
  async function ban(hub: EmitterHub, target: string, banned: boolean): Promise<void> {
    const admin = await hub.client()
    expect(await admin.ask('keyban', { secret: hub.master, target, banned })).toEqual({ status: 200, banned })
  }

  it('hit publish, subscribe, presence, links, extend and history, and an un-ban works at once', async () => {
    const hub = await startEmitterHub()
    const client = await hub.client()
    const key = await client.keygen(hub.master, 'a/', 'rwslp')
    const extending = await client.keygen(hub.master, 'a/', 'e')
    const uses = async (): Promise<readonly unknown[]> => [
      await client.subscribe(`${key}/a/`),
      (await client.ask('presence', { key, channel: 'a/', changes: false }))['status'],
      Array.isArray((await client.ask('history', { channel: `${key}/a/` }))['messages']),
      (await client.ask('keygen', { key: extending, channel: 'a/', type: 'r' }))['status'],
    ]
    await client.ask('link', { name: 'l', key, channel: 'a/?me=0' })
    expect(await uses()).toEqual([0, 200, true, 200])
    await client.publish('l')
    await client.publish(`${key}/a/?me=0`)
    await ban(hub, key, true)
    await ban(hub, extending, true)
    expect((await client.said()).json).toEqual(unauthorized)
    expect(await uses()).toEqual([0x80, 401, false, 401])
    expect(await client.refused('l')).toBe(`401 ${UNAUTHORIZED}`)
    expect(await client.refused(`${key}/a/?me=0`)).toBe(`401 ${UNAUTHORIZED}`)
    await ban(hub, key, false)
    await ban(hub, extending, false)
    await client.publish(`${key}/a/?me=0`)
    await client.publish('l')
    expect(await uses()).toEqual([0, 200, true, 200])
  })

  it('end existing subscriptions with a 401, and what they watched', async () => {
    const hub = await startEmitterHub()
    const [reader, other] = [await hub.client(), await hub.client()]
    const key = await other.keygen(hub.master, 'a/', 'rp')
    const writer = await other.keygen(hub.master, 'a/', 'wr')
    expect(await reader.subscribe(`${key}/a/`)).toBe(0)
    await reader.ask('presence', { key, channel: 'a/', status: false, changes: true })
    await ban(hub, key, true)
    for (const _ of ['the watch', 'the subscription']) {
      const { topic, json } = await reader.said()
      expect([topic, json]).toEqual(['emitter/error/', unauthorized])
    }
    await other.publish(`${writer}/a/`, 'secret')
    expect(await other.subscribe(`${writer}/a/`)).toBe(0)
    await reader.quiet()
  })

  it('a banned master key is banned', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    await ban(hub, MASTER, true)
    expect(await client.ask('keygen', { key: MASTER, channel: 'a/' })).toEqual(unauthorized)
    expect(await client.ask('keyban', { secret: MASTER, target: MASTER, banned: false })).toEqual(unauthorized)
    await ban(hub, MASTER, false)
    expect(await client.ask('keygen', { key: MASTER, channel: 'a/' })).toMatchObject({ status: 200 })
  })

  it('refuse who is no master, and targets that are no keys of the contract', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client()
    const ask = (body: unknown): Promise<object> => client.ask('keyban', body)
    expect(await ask({ secret: TEST_KEY, target: ALL_KEY, banned: true })).toEqual(unauthorized)
    expect(await ask({ secret: MASTER, target: 'xyz', banned: true })).toEqual(unauthorized)
    const foreign = '0TJnt4yZPL73zt35h1UTIFsYBLetyD_g'
    expect(await ask({ secret: MASTER, target: foreign, banned: true })).toEqual(unauthorized)
    expect(await ask({ secret: MASTER, target: ALL_KEY, banned: 'yes' })).toMatchObject({ status: 400 })
    // Again is the same.
    for (const banned of [true, true, false, false]) {
      expect(await ask({ secret: MASTER, target: ALL_KEY, banned })).toEqual({ status: 200, banned })
    }
  })
})

it('a restart keeps keys, bans and the licence, and their texts are nowhere', async () => {
  const data = await temporaryDirectory()
  const first = await startEmitterHub({ data })
  const client = await first.client()
  const [good, bad] = [await client.keygen(first.master, 'a/', 'rw'), await client.keygen(first.master, 'b/', 'rw')]
  await client.ask('keyban', { secret: first.master, target: bad, banned: true })
  // What a session that lasts has, and its will, lie on the disk.
  const lasting = await first.client({
    clientId: 'lasting',
    cleanStart: false,
    username: 'u',
    password: Buffer.from('its secret'),
    will: { topic: `${good}/a/`, payload: Buffer.from('gone'), qos: 1, retain: true },
  })
  expect(await lasting.subscribe(`${good}/a/?last=3`, { qos: 1 })).toBe(1)
  await client.publish(`${good}/a/?ttl=60`, 'x')
  await first.hub.close()
  const second = await startEmitterHub({ data })
  expect(second.hub.accounts.emitter).toEqual(first.hub.accounts.emitter)
  const again = await second.client()
  expect(await again.subscribe(`${good}/a/`)).toBe(0)
  expect(await again.subscribe(`${bad}/b/`)).toBe(0x80)
  await second.hub.close()
  for (const file of await readdir(data, { recursive: true, withFileTypes: true })) {
    if (!file.isFile() || file.name === 'accounts.json') continue
    const bytes = await readFile(join(file.parentPath, file.name))
    for (const text of [good, bad, first.master, 'its secret']) expect(bytes.includes(text), file.name).toBe(false)
  }
})

it('another licence makes other samples; the keys of the one before are none then', async () => {
  const data = await temporaryDirectory()
  const first = await startEmitterHub({ data })
  await first.hub.close()
  const second = await startEmitterHub({ data, emitterLicense: TL3 })
  expect(second.hub.accounts.emitter?.license).toBe(TL3)
  const client = await second.client()
  expect(await client.ask('keygen', { key: second.master, channel: 'a/' })).toMatchObject({ status: 200 })
  expect(await client.ask('keygen', { key: first.master, channel: 'a/' })).not.toMatchObject({ status: 200 })
  await second.hub.close()
  const third = await startEmitterHub({ data, emitterLicense: TL3 })
  expect(third.hub.accounts.emitter).toEqual(second.hub.accounts.emitter)
})

describe('keys by brute force', () => {
  it('one connection has so many guesses', async () => {
    const strict = await startEmitterHub({ config: '{ emitter: { limits: { unknownKeys: 5 } } }' })
    const client = await strict.client()
    const guess = (number: number): string => `${number}`.padStart(32, 'A')
    // The same key again is the mistake of one who does not know better.
    for (let round = 0; round < 10; round++) expect(await client.subscribe(`${guess(0)}/a/`)).toBe(0x80)
    for (let number = 1; number < 4; number++) expect(await client.subscribe(`${guess(number)}/a/`)).toBe(0x80)
    client.raw.send({
      type: 'publish',
      topic: `${guess(9)}/a/`,
      payload: Buffer.alloc(0),
      qos: 0,
      retain: false,
      dup: false,
    })
    expect((await client.said()).json).toEqual(unauthorized)
    await client.raw.closed()
  })

  it('an address that guesses is not listened to, but for the keys it has used before', async () => {
    const hub = await startEmitterHub({ config: '{ emitter: { limits: { unknownKeysPerAddress: 5 } } }' })
    const [client, guesser] = [await hub.client(), await hub.client()]
    const [used, fresh] = [await client.keygen(hub.master, 'a/', 'r'), await client.keygen(hub.master, 'b/', 'r')]
    expect(await client.subscribe(`${used}/a/`)).toBe(0)
    for (let number = 0; number < 5; number++) {
      expect(await guesser.subscribe(`${`${number}`.padStart(32, 'A')}/a/`)).toBe(0x80)
    }
    expect(await guesser.subscribe(`${used}/a/`)).toBe(0)
    expect(await guesser.subscribe(`${fresh}/b/`)).toBe(0x80)
  })
})
