/** Emitter's keys, as those who look after a hub see them. */
import type { EmitterKeyOrigin, EmitterKeyState } from './emitter-keys.ts'

export interface EmitterKeyEntry {
  /** SHA-256 of the key, hexadecimal: names it, opens nothing. */
  readonly id: string
  /** `chat/#/`; `''` for a master key, and for one that was made elsewhere: the channel cannot be read out of a key. */
  readonly channel: string
  /** Letters of `rwslpex`; `m` for a master key. */
  readonly type: string
  /** Left out: never. */
  readonly expires?: Date
  /** `unknown` only where a key was described that this hub does not know. */
  readonly origin: EmitterKeyOrigin | 'unknown'
  readonly state: EmitterKeyState | 'unknown'
  /** The id of the key that it was extended from: it ends with that. */
  readonly parent?: string
  /** Left out where a key was described that this hub does not know. */
  readonly createdAt?: Date
}

/** The key is known now and never again. */
export type EmitterKeyMade = EmitterKeyEntry & { readonly key: string }

/** A master key makes keys, and may do nothing else. */
export type NewEmitterKeyWish =
  | { readonly master: true }
  | {
      /** `chat/` for it alone, `chat/#/` for all below it too. */
      readonly channel: string
      /** Letters of `rwslpe`; rw */
      readonly type?: string
      /** Seconds until it expires; 0 or left out: never. */
      readonly ttl?: number
    }

export interface EmitterLicenseEntry {
  /** The secret that keys are made and read with. */
  readonly license: string
  readonly version: 1 | 2 | 3
  readonly contract: number
  readonly matcher: 'emitter' | 'mqtt'
  readonly acceptForeignKeys: boolean
}

export interface EmitterKeyBook {
  license(): EmitterLicenseEntry
  /** @throws {UsageError} `ERR_USAGE`, `ERR_HUB_EMITTER_KEYS_FULL` */
  add(wish: NewEmitterKeyWish): Promise<EmitterKeyMade>
  /**
   * Lets a key of the licence in that was made elsewhere. One that is known already stays what it is.
   *
   * @throws {UsageError} `ERR_HUB_EMITTER_KEY`, `ERR_HUB_EMITTER_KEYS_FULL`
   */
  import(key: string): Promise<EmitterKeyEntry>
  /** By the key, its id, or how that begins. @throws {UsageError} `ERR_HUB_EMITTER_KEY_UNKNOWN` */
  describe(keyOrId: string): Promise<EmitterKeyEntry>
  /** By id; at most `limit` (at most 1,000) behind `after`. */
  list(page: { readonly after?: string; readonly limit: number }): Promise<readonly EmitterKeyEntry[]>
  /**
   * For ever; subscriptions with it end. `sample`: out of `accounts.json` too.
   *
   * @throws {UsageError} `ERR_HUB_EMITTER_KEY_UNKNOWN`
   */
  revoke(keyOrId: string): Promise<EmitterKeyEntry & { readonly sample: boolean }>
}
