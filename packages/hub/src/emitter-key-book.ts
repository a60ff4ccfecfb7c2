import { UsageError } from '@halyard/core'
import {
  EmitterEncodeError,
  PERMISSION,
  encodeTarget,
  formatChannel,
  formatPermissions,
  parsePermissions,
} from '@halyard/wire/emitter'
import type { SecurityKey } from '@halyard/wire/emitter'
import type {
  EmitterKeyBook,
  EmitterKeyEntry,
  EmitterKeyMade,
  EmitterLicenseEntry,
  NewEmitterKeyWish,
} from './domain/emitter-key-book.ts'
import type { EmitterKey, EmitterKeys, NewEmitterKey } from './domain/emitter-keys.ts'
import type { EmitterLicense } from './emitter-license.ts'
import { encryptNewKey, idOfKey, newChannelKey, newMasterKey } from './emitter-new-key.ts'

export interface EmitterKeyBookParts {
  readonly license: EmitterLicense
  /** Why that is not the licence which the hub has when it runs; it is. */
  readonly unknown?: UsageError | undefined
  readonly keys: EmitterKeys
  readonly matcher: 'emitter' | 'mqtt'
  readonly acceptForeignKeys: boolean
  readonly now: () => Date
  /** Its text is in `accounts.json`, and must not be when it opens nothing. True: it was. */
  readonly forgetSample: (isMeant: (masterKey: string) => boolean) => Promise<boolean>
}

/** Of a key as text: docs/protocols/emitter.md §3.3 */
const KEY_TEXT = /^[\w-]{32}$/
/** Salts that are tried before it is given up. */
const TRIES = 100
const MAX_TTL = 2_147_483_647

/** Keys as people ask for them: checked, by their text or by their id. */
export class KeyBook implements EmitterKeyBook {
  readonly #parts: EmitterKeyBookParts

  constructor(parts: EmitterKeyBookParts) {
    this.#parts = parts
  }

  /** @throws {UsageError} `ERR_HUB_EMITTER_LICENSE` */
  get #license(): EmitterLicense {
    const { license, unknown } = this.#parts
    if (unknown) throw unknown
    return license
  }

  license(): EmitterLicenseEntry {
    const { matcher, acceptForeignKeys } = this.#parts
    const license = this.#license
    const { version, contract } = license.license
    return { license: license.text, version, contract, matcher, acceptForeignKeys }
  }

  async add(wish: NewEmitterKeyWish): Promise<EmitterKeyMade> {
    const { keys, now } = this.#parts
    const license = this.#license
    const { channel, make } = 'master' in wish ? this.#masterKey() : this.#channelKey(wish)
    for (let tries = 0; tries < TRIES && keys.hasRoom; tries++) {
      const { key: made, text: key } = encryptNewKey(license.codec, make)
      const issued = this.#described(idOfKey(key), made, { channel, origin: 'issued', createdAt: now() })
      if (await keys.add(issued)) return { key, ...entryOf({ ...issued, state: 'valid' }) }
    }
    throw keysFull()
  }

  async import(text: string): Promise<EmitterKeyEntry> {
    const { keys, now } = this.#parts
    const read = this.#read(text)
    if (read === undefined) {
      throw new UsageError(
        'ERR_HUB_EMITTER_KEY',
        "this is no key of the hub's licence: check that all 32 characters are there, and that the hub has the licence that the key was made with (halyard emitter license show; of a hub that is stopped and was never started with it, give it here: --emitter-license)",
      )
    }
    const { id, key } = read
    const imported = this.#described(id, key, { channel: '', origin: 'imported', createdAt: now() })
    if (!(await keys.import(imported)) && keys.stateOf(id) === 'unknown') throw keysFull()
    return this.describe(id)
  }

  async describe(keyOrId: string): Promise<EmitterKeyEntry> {
    const { keys } = this.#parts
    const known = (await keys.find(keyOrId)) ?? (KEY_TEXT.test(keyOrId) && (await keys.find(idOfKey(keyOrId))))
    if (known) return entryOf(known)
    const read = this.#read(keyOrId)
    if (read === undefined) throw keyUnknown()
    const { permissions, expires } = read.key
    return {
      id: read.id,
      channel: '',
      type: formatPermissions(permissions),
      ...expiryOf(expires),
      origin: 'unknown',
      state: 'unknown',
    }
  }

  async list(page: { readonly after?: string; readonly limit: number }): Promise<readonly EmitterKeyEntry[]> {
    return (await this.#parts.keys.list(page)).map((key) => entryOf(key))
  }

  async revoke(keyOrId: string): Promise<EmitterKeyEntry & { readonly sample: boolean }> {
    const { keys, forgetSample } = this.#parts
    const { id, state } = await this.describe(keyOrId)
    if (state === 'unknown') throw keyUnknown()
    // The file first: who is cut off in between revokes it again.
    const sample = await forgetSample((masterKey) => idOfKey(masterKey) === id)
    const known = await keys.revoke(id)
    if (known === undefined) throw keyUnknown()
    return { ...entryOf({ ...known, state: 'revoked' }), sample }
  }

  #masterKey(): { readonly channel: string; readonly make: () => SecurityKey } {
    return { channel: '', make: () => newMasterKey(this.#license.license) }
  }

  #channelKey({ channel, type = 'rw', ttl = 0 }: Exclude<NewEmitterKeyWish, { master: true }>): {
    readonly channel: string
    readonly make: () => SecurityKey
  } {
    const { now } = this.#parts
    const { license } = this.#license
    const wanted = checkChannel(channel)
    const target = encodeTarget(wanted)
    if ('refusal' in target) throw new UsageError('ERR_USAGE', 'a key can be made for 23 levels of a channel at most')
    if (typeof type !== 'string' || !/^[rwslpex]+$/.test(type)) {
      throw new UsageError(
        'ERR_USAGE',
        'type is letters of rwslpe: read, write, store, load, presence, extend, at least one',
      )
    }
    if (!(Number.isInteger(ttl) && ttl >= 0 && ttl <= MAX_TTL)) {
      throw new UsageError('ERR_USAGE', `ttl is a whole number of seconds from 0, which is for ever, to ${MAX_TTL}`)
    }
    const expires = ttl === 0 ? 0 : Math.floor(now().getTime() / 1000) + ttl
    const permissions = parsePermissions(type)
    return { channel: wanted, make: () => newChannelKey(license, { permissions, target, expires }) }
  }

  /** A key of this licence; of any other text something comes out too. */
  #read(text: string): { readonly id: string; readonly key: SecurityKey } | undefined {
    if (typeof text !== 'string' || !KEY_TEXT.test(text)) return undefined
    const { license, codec } = this.#license
    const key = codec.decrypt(text)
    const { contract, signature, master } = license
    if (key?.contract !== contract || key.signature !== signature || key.master !== master) return undefined
    return { id: idOfKey(text), key }
  }

  #described(
    id: string,
    { permissions, expires }: SecurityKey,
    { channel, origin, createdAt }: Pick<NewEmitterKey, 'channel' | 'origin' | 'createdAt'>,
  ): NewEmitterKey {
    const { contract } = this.#license.license
    return { id, contract, channel, permissions, expires, origin, createdAt }
  }
}

function entryOf({ id, channel, permissions, expires, origin, parent, createdAt, state }: EmitterKey): EmitterKeyEntry {
  return {
    id,
    channel,
    type: permissions === PERMISSION.master ? 'm' : formatPermissions(permissions),
    ...expiryOf(expires),
    origin,
    state,
    ...(parent !== undefined && { parent }),
    createdAt,
  }
}

function expiryOf(expires: number): { readonly expires?: Date } {
  return expires === 0 ? {} : { expires: new Date(expires * 1000) }
}

function checkChannel(channel: unknown): string {
  try {
    if (typeof channel === 'string' && channel !== '') return formatChannel({ channel })
  } catch (cause) {
    if (!(cause instanceof EmitterEncodeError)) throw cause
    throw new UsageError('ERR_USAGE', `channel: ${cause.message}`, { cause })
  }
  throw new UsageError('ERR_USAGE', 'channel is a text such as chat/ or chat/#/')
}

function keysFull(): UsageError {
  return new UsageError(
    'ERR_HUB_EMITTER_KEYS_FULL',
    'the hub has as many keys as may be (emitter.limits.keys); revoked ones count, expired ones go after a day',
  )
}

/** Not the text: it may be a key. */
function keyUnknown(): UsageError {
  return new UsageError(
    'ERR_HUB_EMITTER_KEY_UNKNOWN',
    'the hub knows no such key; name the key itself, or its id or at least 4 of the characters with which one id begins: halyard emitter keys list shows them all',
  )
}
