import { pbkdf2Sync } from 'node:crypto'
import { runVectors } from '@halyard/testkit'
import type { Vector } from '@halyard/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  channelHash,
  CONNECTION_ID_KDF,
  connectionIdInput,
  decodeKey,
  decodeMessageId,
  encodeKey,
  encodeMessageId,
  encodeTarget,
  formatConnectionId,
  formatPermissions,
  isExpired,
  isMasterKey,
  isMessageOf,
  keyCodec,
  parseLicense,
  parsePermissions,
} from '../../src/emitter/index.ts'
import type { KeyCodec, License, MessageId, SecurityKey } from '../../src/emitter/index.ts'
import { good, hex, rows, TL3 } from './load.ts'

describe('the hash', () => {
  for (const { text, hash } of rows('hashes') as readonly { text: string; hash: number }[]) {
    it(`of ${JSON.stringify(text)}`, () => expect(channelHash(text)).toBe(hash))
  }
  it('is that of the UTF-8', () => {
    const pieces = fc.constantFrom('a', '/', 'ü', '€', '😀', '\0', '\uD800')
    // No table gives one of other letters: two implementations are compared.
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (some) => {
        const text = some.join('')
        expect(channelHash(text)).toBe(murmur(text))
      }),
    )
  })
})

/** MurmurHash3 once more, plainly, over big integers. */
function murmur(text: string): number {
  const bytes = Buffer.from(text)
  const mask = 0xffff_ffffn
  const rotate = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (32n - n))) & mask
  const scramble = (k: bigint): bigint => (rotate((k * 0xcc9e2d51n) & mask, 15n) * 0x1b873593n) & mask
  let h = 37n
  const whole = bytes.length - (bytes.length % 4)
  for (let i = 0; i < whole; i += 4)
    h = (rotate(h ^ scramble(BigInt(bytes.readUInt32LE(i))), 13n) * 5n + 0xe6546b64n) & mask
  let tail = 0n
  for (const [i, byte] of bytes.subarray(whole).entries()) tail |= BigInt(byte) << BigInt(8 * i)
  h ^= scramble(tail) ^ BigInt(bytes.length)
  h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & mask
  h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & mask
  const out = Buffer.alloc(4)
  out.writeUInt32LE(Number(h ^ (h >> 16n)))
  return out.readUInt32BE()
}

interface Plain {
  readonly salt: number
  readonly master: number
  readonly contract: number
  readonly signature: number
  readonly permissions: string
  readonly path: string
  readonly hash: string
  readonly expires: number
}

interface KeyRow extends Vector<Plain> {
  readonly key: string
  readonly license?: string
  /** With a key and a salt of zeros. */
  readonly version?: 2 | 3
}

const fromPlain = ({ permissions, path, hash, ...rest }: Plain): SecurityKey => ({
  ...rest,
  permissions: permissions === 'm' ? 1 : parsePermissions(permissions),
  target: { path: Number.parseInt(path, 16), hash: Number.parseInt(hash, 16) },
})

const toPlain = ({ permissions, target, ...rest }: SecurityKey): Plain => ({
  salt: rest.salt,
  master: rest.master,
  contract: rest.contract,
  signature: rest.signature,
  permissions: formatPermissions(permissions),
  path: target.path.toString(16).padStart(6, '0'),
  hash: target.hash.toString(16).padStart(8, '0'),
  expires: rest.expires,
})

const codecOf = ({ license, version }: Pick<KeyRow, 'license' | 'version'>): KeyCodec => {
  if (license !== undefined) return good(keyCodec(good(parseLicense(license))))
  const zeros = { key: new Uint8Array(32), contract: 0, signature: 0, master: 1 }
  return version === 2
    ? good(keyCodec({ ...zeros, version: 2, salt: new Uint8Array(24) }))
    : good(keyCodec({ ...zeros, version: 3, salt: new Uint8Array(16) }))
}

const keys = rows('keys') as readonly KeyRow[]
runVectors(
  { about: 'keys as bytes', vectors: keys },
  {
    encode: (plain) => encodeKey(fromPlain(plain)),
    decode: (bytes) => (bytes.length < 24 ? undefined : { message: toPlain(decodeKey(bytes)), size: 24 }),
  },
  { describe, it },
)

describe('keys as text', () => {
  for (const row of keys) {
    it(`${row.name}: ${row.key}`, () => {
      const codec = codecOf(row)
      expect(codec.decrypt(row.key)).toEqual(fromPlain(row.message!))
      expect(codec.encrypt(fromPlain(row.message!))).toBe(row.key)
    })
  }
  interface Known {
    readonly name: string
    readonly key: string
    readonly permissions: string
    readonly target?: string
    readonly expired?: string
    readonly legacy?: true
  }
  for (const { name, key: text, permissions, target, expired, legacy } of rows('key-texts') as readonly Known[]) {
    it(`${name}: ${text} is ${permissions} on ${target}`, () => {
      const key = codecOf({ license: TL3 }).decrypt(text)!
      expect(key).toMatchObject({ contract: 0x11248139, signature: 0x10062b50, master: 1 })
      expect(formatPermissions(key.permissions)).toBe(permissions)
      expect(isMasterKey(key)).toBe(permissions === 'm')
      expect(key.target).toEqual(wanted(target, legacy))
      const day = new Date(key.expires * 1000).toISOString().slice(0, 10)
      expect(expired === undefined ? key.expires : day).toBe(expired ?? 0)
      expect(isExpired(key, 1_600_000_000)).toBe(expired !== undefined)
    })
  }
  const wanted = (target: string | undefined, legacy?: true): unknown => {
    if (target === undefined) return { path: 0, hash: 0 }
    const written = encodeTarget(target)
    return legacy ? { ...written, path: 0 } : written
  }
  it('are 32 characters of base64url', () => {
    const codec = codecOf({ license: TL3 })
    const text = 'EjS03Fqu19zM2UtauInu5exlZXZqK_Jm'
    for (const wrong of [
      '',
      text.slice(1),
      `${text}A`,
      `${text.slice(1)}=`,
      `${text.slice(1)}+`,
      `${text.slice(1)}ü`,
    ]) {
      expect(codec.decrypt(wrong)).toBeUndefined()
    }
  })
  it('end after their last second', () => {
    const key = { ...codecOf({ license: TL3 }).decrypt('EjS03Fqu19zM2UtauInu5exlZXZqK_Jm')!, expires: 1_600_000_000 }
    expect([isExpired(key, 1_600_000_000), isExpired(key, 1_600_000_001)]).toEqual([false, true])
    // A ttl below 0 makes a key that has ended, never one without an end.
    expect(decodeKey(encodeKey({ ...key, expires: 5 })).expires).toBe(1_262_304_001)
    expect(decodeKey(encodeKey({ ...key, expires: 1e12 })).expires).toBe(1_262_304_000 + 0xffff_ffff)
  })
})

const word = fc.integer({ min: 0, max: 0xffff_ffff })
const anyKey: fc.Arbitrary<SecurityKey> = fc.record({
  salt: fc.integer({ min: 0, max: 0xffff }),
  master: fc.integer({ min: 0, max: 0xffff }),
  contract: word,
  signature: word,
  permissions: fc.integer({ min: 0, max: 255 }),
  target: fc.record({ path: fc.integer({ min: 0, max: 0xff_ffff }), hash: word }),
  expires: fc.oneof(fc.constant(0), fc.integer({ min: 1_262_304_001, max: 1_262_304_000 + 0xffff_ffff })),
})
const secret = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const contract = { contract: 1, signature: 0, master: 1 }
const anyLicense: fc.Arbitrary<License> = fc.oneof(
  secret(16).map((key) => ({ ...contract, version: 1 as const, key, expires: 0, type: 2 })),
  fc.tuple(secret(32), secret(24)).map(([key, salt]) => ({ ...contract, version: 2 as const, key, salt })),
  fc.tuple(secret(32), secret(16)).map(([key, salt]) => ({ ...contract, version: 3 as const, key, salt })),
)
const anyCodec = anyLicense.map((license) => keyCodec(license))

describe('ciphers', () => {
  it('give back each key under each licence', () => {
    fc.assert(
      fc.property(anyCodec, anyKey, (codec, key) => {
        const text = good(codec).encrypt(key)
        expect(text).toMatch(/^[A-Za-z0-9_-]{32}$/)
        expect(good(codec).decrypt(text)).toEqual(key)
      }),
      { numRuns: 600 },
    )
  })
  it('read any 32 characters as some key, which is written as the same characters', () => {
    fc.assert(
      fc.property(anyCodec, fc.stringMatching(/^[A-Za-z0-9_-]{32}$/), (codec, text) => {
        expect(good(codec).encrypt(good(codec).decrypt(text)!)).toBe(text)
      }),
      { numRuns: 600 },
    )
  })
  it('bear a flipped bit of the text: the same bit of the key, or with XTEA its block', () => {
    fc.assert(
      fc.property(anyLicense, anyKey, fc.integer({ min: 16, max: 191 }), (license, key, bit) => {
        const { version } = license
        const codec = good(keyCodec(license))
        const flipped = Buffer.from(codec.encrypt(key), 'base64url')
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        const before = encodeKey(key)
        const after = encodeKey(codec.decrypt(flipped.toString('base64url'))!)
        const changed = [...before.keys()].filter((i) => before[i] !== after[i])
        expect(changed).not.toHaveLength(0)
        // XTEA: the whole block; of the first one the salt too, which is XORed over all others.
        const xtea = (i: number): boolean => i >> 3 === bit >> 6 || bit < 64
        const stream = changed.length === 1 && (before[bit >> 3]! ^ after[bit >> 3]!) === 1 << (bit & 7)
        expect(stream || (version === 1 && changed.every(xtea))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
  it('of versions 2 and 3 let a holder make a master key: hence the hub asks its registry', () => {
    for (const text of ['w07Jv3TMhYTg6lLk6fQoVG2KCe7gjFPk', 'EjS03Fqu19zM2UtauInu5exlZXZqK_Jm']) {
      const codec = codecOf(keys.find(({ key }) => key === text)!)
      const bytes = Buffer.from(text, 'base64url')
      bytes[15] = bytes[15]! ^ parsePermissions('rwslp') ^ 1
      expect(isMasterKey(codec.decrypt(bytes.toString('base64url'))!)).toBe(true)
    }
  })
})

describe('message ids', () => {
  const vectors = rows('message-ids') as readonly (Vector<MessageId> & { base64: string; channel: string })[]
  runVectors(
    { about: 'as bytes', vectors },
    {
      encode: encodeMessageId,
      decode: (bytes) => {
        const message = decodeMessageId(bytes)
        return message && { message, size: bytes.length }
      },
      selfDelimiting: false,
    },
    { describe, it },
  )
  for (const { hex: bytes, base64, message, channel } of vectors) {
    it(`${base64} is of ${channel}`, () => {
      expect(hex(Buffer.from(base64, 'base64'))).toBe(bytes)
      expect(isMessageOf(message!, message!.contract, ['st', 'a'])).toBe(true)
      expect(isMessageOf(message!, message!.contract, ['st', 'b'])).toBe(false)
      expect(isMessageOf(message!, message!.contract, ['st'])).toBe(false)
      expect(isMessageOf(message!, 7, ['st', 'a'])).toBe(false)
    })
  }
  it('come in the order of their messages, the newest first', () => {
    const id = { time: 1_795_167_873, counter: 5, process: 7, contract: 1, segments: [2] }
    const earlier = encodeMessageId(id)
    for (const later of [
      { ...id, time: id.time + 1, counter: 0 },
      { ...id, counter: 6 },
    ]) {
      expect(Buffer.compare(encodeMessageId(later), earlier)).toBe(-1)
    }
  })
  it('are refused if they cannot be', () => {
    for (const length of [0, 16, 20, 27, 29]) expect(decodeMessageId(new Uint8Array(length).fill(1))).toBeUndefined()
    const bytes = vectors[0]!.hex
    expect(decodeMessageId(Buffer.from(`00${bytes.slice(2)}`, 'hex'))).toBeUndefined()
  })
})

describe('connection ids', () => {
  interface Row {
    readonly node: number
    readonly local: number
    readonly salt: string
    readonly id: string
  }
  for (const { node, local, salt, id } of rows('connection-ids') as readonly Row[]) {
    it(id, () => {
      const { rounds, length } = CONNECTION_ID_KDF
      const derived = pbkdf2Sync(connectionIdInput(BigInt(node), BigInt(local)), salt, rounds, length, 'sha1')
      expect(formatConnectionId(derived)).toBe(id)
    })
  }
})
