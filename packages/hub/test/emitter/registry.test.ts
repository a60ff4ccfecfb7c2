/** Which keys there are, and what becomes of them: without MQTT. */
import { silentLogger } from '@halyard/core'
import { keyCodec, masterKey, parseLicense } from '@halyard/wire/emitter'
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { EmitterKeys } from '../../src/domain/emitter-keys.ts'
import type { NewEmitterKey } from '../../src/domain/emitter-keys.ts'
import { KeyBook } from '../../src/emitter-key-book.ts'
import { DEFAULT_EMITTER_LIMITS } from '../../src/emitter/limits.ts'
import { startEmitter } from '../../src/emitter/start.ts'
import type { EmitterService } from '../../src/emitter/start.ts'
import { MemoryMessageHistory } from '../../src/store/memory-message-history.ts'
import { MemoryRegistry } from '../../src/store/memory-registry.ts'
import { ALL_KEY, MASTER, TL3 } from './support.ts'

const LIMITS = { keys: 100, extendedKeys: 10 }
const createdAt = new Date(0)

function keyOf(id: string, more: Partial<NewEmitterKey> = {}): NewEmitterKey {
  return {
    id: id.padEnd(64, '0'),
    contract: 1,
    channel: 'a/',
    permissions: 6,
    expires: 0,
    origin: 'issued',
    createdAt,
    ...more,
  }
}
const id = (name: string): string => name.padEnd(64, '0')

describe('the registry of keys', () => {
  it('knows what was issued, banned and revoked, also after it was opened again', async () => {
    const registry = new MemoryRegistry()
    const keys = await EmitterKeys.open(registry, LIMITS)
    for (const name of ['aaaa', 'bbbb', 'cccc']) expect(await keys.add(keyOf(name))).toBe(true)
    expect(await keys.add(keyOf('aaaa'))).toBe(false)
    expect(await keys.ban(id('bbbb'), true, keyOf('bbbb'))).toBe('banned')
    expect((await keys.revoke(id('cccc')))?.channel).toBe('a/')
    expect(await keys.ban(id('cccc'), false, keyOf('cccc'))).toBe('revoked')
    expect(await keys.revoke(id('dddd'))).toBeUndefined()
    for (const one of [keys, await EmitterKeys.open(registry, LIMITS)]) {
      expect(['aaaa', 'bbbb', 'cccc', 'dddd'].map((name) => one.stateOf(id(name)))).toEqual([
        ...['valid', 'banned', 'revoked', 'unknown'],
      ])
    }
    expect((await keys.list({ limit: 2 })).map((key) => key.id)).toEqual([id('aaaa'), id('bbbb')])
    expect((await keys.list({ after: id('bbbb'), limit: 2 })).map(({ state }) => state)).toEqual(['revoked'])
    expect((await keys.find('bbbb'))?.state).toBe('banned')
    expect(await keys.find('b')).toBeUndefined()
    expect(await keys.ban(id('bbbb'), false, keyOf('bbbb'))).toBe('valid')
  })

  it('keeps the ban of a key that it does not know, also when it is imported later', async () => {
    const keys = await EmitterKeys.open(new MemoryRegistry(), LIMITS)
    const stranger = keyOf('aaaa', { origin: 'stranger', channel: '' })
    expect(await keys.ban(stranger.id, true, stranger)).toBe('banned')
    expect(await keys.import(keyOf('aaaa', { origin: 'imported' }))).toBe(true)
    expect(keys.stateOf(stranger.id)).toBe('banned')
    expect(await keys.ban(stranger.id, false, stranger)).toBe('valid')
    const other = keyOf('bbbb', { origin: 'stranger' })
    await keys.ban(other.id, true, other)
    await keys.ban(other.id, false, other)
    expect(keys.stateOf(other.id)).toBe('unknown')
    expect(await keys.ban(other.id, false, other)).toBe('valid')
    expect(keys.size).toBe(1)
  })

  it('has a bound in all, and one for what a key makes: the oldest go', async () => {
    const registry = new MemoryRegistry()
    const keys = await EmitterKeys.open(registry, LIMITS)
    let told = 0
    keys.onChange(() => told++)
    await keys.add(keyOf('parent'))
    const extend = (from: EmitterKeys, number: number): Promise<boolean> => {
      const more = { origin: 'extended', parent: id('parent'), createdAt: new Date(number) } as const
      return from.add(keyOf(`c${99 - number}`, more))
    }
    for (let number = 0; number < 10; number++) await extend(keys, number)
    expect(keys.size).toBe(11)
    expect(told).toBe(0)
    // Their order is that of their making, also in the next process.
    const again = await EmitterKeys.open(registry, LIMITS)
    await extend(again, 10)
    expect([0, 1, 2, 10].map((number) => again.stateOf(id(`c${99 - number}`)))).toEqual([
      ...['unknown', 'unknown', 'valid', 'valid'],
    ])
    expect(told).toBeGreaterThan(0)
    for (let number = 0; number < 100; number++) await again.add(keyOf(`d${number}x`))
    expect(again.size).toBe(100)
    expect(await again.add(keyOf('last'))).toBe(false)
    // A key is no better than its parent.
    await again.revoke(id('parent'))
    expect(again.stateOf(id('c89'))).toBe('revoked')
  })

  it('forgets what has ended', async () => {
    const keys = await EmitterKeys.open(new MemoryRegistry(), LIMITS)
    for (const expires of [0, 50, 100]) await keys.add(keyOf(`e${expires}`, { expires }))
    await keys.forgetExpired(100)
    expect(['e0', 'e50', 'e100'].map((name) => keys.stateOf(id(name)))).toEqual(['valid', 'unknown', 'valid'])
  })

  it('names each of those that end together once, also if one was made with another', async () => {
    const keys = await EmitterKeys.open(new MemoryRegistry(), LIMITS)
    await keys.add(keyOf('aaaa', { expires: 50 }))
    await keys.add(keyOf('bbbb', { expires: 50, origin: 'extended', parent: id('aaaa') }))
    const told: (readonly string[])[] = []
    keys.onChange((ids) => told.push(ids))
    await keys.forgetExpired(100)
    expect(told).toEqual([[id('aaaa'), id('bbbb')]])
  })
})

describe('without MQTT', () => {
  async function service(): Promise<{ emitter: EmitterService; book: KeyBook }> {
    const clock = new VirtualClock({ wall: Date.UTC(2026, 10, 20) })
    const license = parseLicense(TL3)
    const codec = 'problem' in license ? license : keyCodec(license)
    if ('problem' in license || 'problem' in codec) throw new Error('the licence of the vectors')
    const keys = await EmitterKeys.open(new MemoryRegistry(), DEFAULT_EMITTER_LIMITS)
    const emitter = startEmitter({
      license,
      keys,
      clock,
      matcher: 'emitter',
      acceptForeignKeys: false,
      limits: DEFAULT_EMITTER_LIMITS,
      history: new MemoryMessageHistory(clock),
      logger: silentLogger,
      hashSecret: () => 'hash',
    })
    const book = new KeyBook({
      license: { license, codec, text: TL3 },
      keys,
      matcher: 'emitter',
      acceptForeignKeys: false,
      now: () => new Date(clock.now()),
      forgetSample: () => Promise.resolve(false),
    })
    return { emitter, book }
  }

  it('keys are imported, made and banned, and presence is asked', async () => {
    const { emitter, book } = await service()
    const wish = { key: MASTER, channel: 'a/', type: 'rp', ttl: 0 }
    expect(await emitter.keygen(wish, '192.0.2.1')).toEqual({ refusal: 'unauthorized' })
    expect(await book.import(MASTER)).toMatchObject({ origin: 'imported', type: 'm' })
    expect(await book.import(ALL_KEY)).toMatchObject({ origin: 'imported', state: 'valid' })
    expect(await book.import(ALL_KEY)).toMatchObject({ state: 'valid' })
    for (const none of ['0TJnt4yZPL73zt35h1UTIFsYBLetyD_g', 'short']) {
      await expect(book.import(none)).rejects.toMatchObject({ code: 'ERR_HUB_EMITTER_KEY' })
    }
    const made = await emitter.keygen(wish, '192.0.2.1')
    if ('refusal' in made) throw new Error(made.refusal)
    expect(emitter.presence({ key: made.key, channel: 'a' }, '')).toMatchObject({ event: 'status', who: [] })
    expect(emitter.presence({ key: ALL_KEY, channel: 'a' }, '')).toEqual({ refusal: 'unauthorized' })
    const ban = { secret: MASTER, target: made.key, banned: true }
    expect(await emitter.keyban(ban, '')).toEqual({ banned: true })
    expect(emitter.presence({ key: made.key, channel: 'a' }, '')).toEqual({ refusal: 'unauthorized' })
    // Nothing is extended without a connection.
    const parent = await emitter.keygen({ ...wish, type: 'e' }, '')
    if ('refusal' in parent) throw new Error(parent.refusal)
    expect(await emitter.keygen({ ...wish, key: parent.key }, '')).toEqual({ refusal: 'unauthorized' })
    emitter.close()
  })

  it('what was revoked is not imported', async () => {
    const { emitter, book } = await service()
    await book.import(ALL_KEY)
    await book.revoke(ALL_KEY)
    expect(await book.import(ALL_KEY)).toMatchObject({ state: 'revoked' })
    emitter.close()
  })

  it('an address that tries keys is not listened to for a while', async () => {
    const { emitter, book } = await service()
    const license = parseLicense(TL3)
    const codec = 'problem' in license ? license : keyCodec(license)
    if ('problem' in license || 'problem' in codec) throw new Error('the licence of the vectors')
    await book.import(MASTER)
    const ask = (key: string, address: string): Promise<object> =>
      emitter.keygen({ key, channel: 'a/', type: 'r', ttl: 0 }, address)
    for (let salt = 1000; salt < 2000; salt++) await ask(codec.encrypt(masterKey(license, salt)), 'guesser')
    expect(await ask(MASTER, 'guesser')).toEqual({ refusal: 'unauthorized' })
    expect(await ask(MASTER, 'another')).toMatchObject({ channel: 'a/' })
    emitter.close()
  })
})
