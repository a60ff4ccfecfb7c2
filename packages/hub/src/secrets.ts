import { createHash, createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import { LICENSE_RANDOM_BYTES, formatLicense, newLicense } from '@halyard/wire/emitter'
import type { Disk } from '@halyard/core/node'
import type { TokenMint } from './domain/api-tokens.ts'
import { readJsonFile, writeFileAtomically } from './files.ts'

/** 160 random bits: nobody guesses them. */
const SECRET_BYTES = 20
/** Neither 0, o, 1, l, i nor u, v: read aloud, printed small, typed on a phone. */
const ALPHABET = '23456789abcdefghjkmnpqrstwxyz'

export const SECRETS_FILE = 'secrets.json'

/** What a hub has of its own; in `secrets.json`, readable by its owner alone. */
export interface Secrets {
  /** In the id of every message: keeps the names of two hubs apart. Not secret. */
  readonly hubId: string
  /** Keys the hashes of keys that are too short to be hashed alone. */
  readonly keySecret: Buffer
  /** With which the hub makes Emitter's keys, unless it is given another. */
  readonly emitterLicense: string
}

export function makeSecrets(): Secrets {
  return { hubId: randomWord(8), keySecret: randomBytes(SECRET_BYTES), emitterLicense: makeLicense() }
}

function makeLicense(): string {
  return formatLicense(newLicense(randomBytes(LICENSE_RANDOM_BYTES)))
}

/** Reads `secrets.json`, or makes it at the first start; what an earlier version did not know is added. */
export async function loadSecrets(disk: Disk, directory: string): Promise<Secrets> {
  const path = join(directory, SECRETS_FILE)
  const present = await readJsonFile(disk, path, parseSecrets)
  if (present?.emitterLicense !== undefined) return { ...present, emitterLicense: present.emitterLicense }
  const secrets = { ...makeSecrets(), ...present, emitterLicense: makeLicense() }
  const { hubId, keySecret, emitterLicense } = secrets
  const text = JSON.stringify({ version: 1, hubId, keySecret: keySecret.toString('base64url'), emitterLicense })
  await writeFileAtomically(disk, path, `${text}\n`)
  return secrets
}

function parseSecrets(value: unknown): (Omit<Secrets, 'emitterLicense'> & Partial<Secrets>) | undefined {
  const { version, hubId, keySecret, emitterLicense } = value as Readonly<Record<string, unknown>>
  if (version !== 1 || typeof hubId !== 'string' || typeof keySecret !== 'string') return undefined
  const bytes = Buffer.from(keySecret, 'base64url')
  if (!/^[a-z0-9]{8}$/.test(hubId) || bytes.length !== SECRET_BYTES) return undefined
  if (emitterLicense === undefined) return { hubId, keySecret: bytes }
  return typeof emitterLicense === 'string' ? { hubId, keySecret: bytes, emitterLicense } : undefined
}

/** Random characters that cannot be mistaken for each other. */
export function randomWord(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

/** For secrets that the hub makes itself: so many bits need no slow hash. */
export const TOKEN_MINT: TokenMint = {
  make: () => randomBytes(SECRET_BYTES).toString('base64url'),
  hash: (token) => createHash('sha256').update(token).digest('hex'),
}

/** Hashes and checks the four-character keys of Hologram accounts. */
export class KeyHasher {
  readonly #secret: Buffer

  constructor(secret: Buffer) {
    this.#secret = secret
  }

  /** Hexadecimal. Without the hub's secret, four characters would be found in the hash in a second. */
  hash(cloudId: string, cloudKey: string): string {
    return this.#digest(cloudId, cloudKey).toString('hex')
  }

  /** Takes as long for a wrong key, and for an account that does not exist, as for the right one. */
  matches(keyHash: string | undefined, cloudId: string, cloudKey: string): boolean {
    const digest = this.#digest(cloudId, cloudKey)
    const expected = keyHash === undefined ? digest : Buffer.from(keyHash, 'hex')
    const equal = expected.length === digest.length && timingSafeEqual(digest, expected)
    return equal && keyHash !== undefined
  }

  #digest(cloudId: string, cloudKey: string): Buffer {
    return createHmac('sha256', this.#secret).update(`hologram\0${cloudId}\0${cloudKey}`).digest()
  }
}
