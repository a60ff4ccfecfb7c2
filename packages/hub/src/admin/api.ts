/** What the owner of a hub's data directory may do with it. */
import type {
  EmitterKeyEntry,
  EmitterKeyMade,
  EmitterLicenseEntry,
  NewEmitterKeyWish,
} from '../domain/emitter-key-book.ts'
import type {
  MqttAccountChange,
  MqttAccountEntry,
  MqttAccountMade,
  NewMqttAccount,
} from '../domain/mqtt-account-book.ts'

/** Both are four printable ASCII characters, without spaces; one that is left out is made. */
export interface NewHologramAccount {
  readonly cloudId?: string
  readonly cloudKey?: string
}

/** As `accounts.json` and the clients have it. */
export interface HologramCredentials {
  readonly cloud_id: string
  readonly cloud_key: string
}

export interface HologramAccountAdmin {
  /**
   * The key is kept as a hash: it is known now and never again.
   *
   * @throws {UsageError} `ERR_USAGE`, `ERR_HUB_ACCOUNT_EXISTS`
   */
  add(account?: NewHologramAccount): Promise<HologramCredentials>
  /** By id, read in pages: there may be thousands. */
  list(): AsyncIterable<{ readonly cloud_id: string }>
  /**
   * Its device is let in no more, also while the hub runs. A sample leaves `accounts.json` too: `sample` says so.
   *
   * @throws {UsageError} `ERR_HUB_DEVICE_UNKNOWN`
   */
  remove(cloudId: string): Promise<Removed>
}

export interface MqttAccountAdmin {
  /**
   * A password that is left out is made, known now and never again: 160 random bits. One that is given is kept as scrypt.
   *
   * @throws {UsageError} `ERR_USAGE`, `ERR_HUB_ACCOUNT_EXISTS`
   */
  add(account: NewMqttAccount): Promise<MqttAccountMade>
  /**
   * Another password, other rights, or both. Its connections end, and come again as what they are now.
   *
   * @throws {UsageError} `ERR_USAGE`, `ERR_HUB_ACCOUNT_UNKNOWN`
   */
  change(username: string, change: MqttAccountChange): Promise<MqttAccountMade>
  /** By name, read in pages. */
  list(): AsyncIterable<MqttAccountEntry>
  /**
   * Its connections end. A sample leaves `accounts.json` too: `sample` says so.
   *
   * @throws {UsageError} `ERR_HUB_ACCOUNT_UNKNOWN`
   */
  remove(username: string): Promise<Removed>
}

export interface EmitterKeyAdmin {
  /** Under which the hub makes and reads keys: a secret. */
  license(): Promise<EmitterLicenseEntry>
  /**
   * The hub keeps a hash of the key: it is known now and never again.
   *
   * @throws {UsageError} `ERR_USAGE`, `ERR_HUB_EMITTER_KEYS_FULL`
   */
  add(wish: NewEmitterKeyWish): Promise<EmitterKeyMade>
  /**
   * Lets a key of the licence in that was made elsewhere.
   *
   * @throws {UsageError} `ERR_HUB_EMITTER_KEY`, `ERR_HUB_EMITTER_KEYS_FULL`
   */
  import(key: string): Promise<EmitterKeyEntry>
  /** By the key, its id, or how that begins. @throws {UsageError} `ERR_HUB_EMITTER_KEY_UNKNOWN` */
  describe(keyOrId: string): Promise<EmitterKeyEntry>
  /** By id, read in pages. */
  list(): AsyncIterable<EmitterKeyEntry>
  /**
   * For ever. Subscriptions with it end. A sample's master key leaves `accounts.json`: `sample` says so.
   *
   * @throws {UsageError} `ERR_HUB_EMITTER_KEY_UNKNOWN`
   */
  revoke(keyOrId: string): Promise<EmitterKeyEntry & Removed>
}

export interface Removed {
  /** It was in `accounts.json`, and is not any more. */
  readonly sample: boolean
}

export interface TokenEntry {
  /** The first characters of its hash: names it, opens nothing. */
  readonly id: string
  readonly name: string
  readonly createdAt: Date
}

export interface TokenAdmin {
  /**
   * The token itself is known now and never again. `name`: for people, 1 to 100 characters.
   *
   * @throws {UsageError} `ERR_USAGE`
   */
  add(name: string): Promise<TokenEntry & { readonly token: string }>
  list(): AsyncIterable<TokenEntry>
  /** @throws {UsageError} `ERR_HUB_TOKEN_UNKNOWN` */
  remove(id: string): Promise<Removed>
}

export interface Administration {
  readonly hologram: { readonly accounts: HologramAccountAdmin }
  readonly mqtt: { readonly accounts: MqttAccountAdmin }
  readonly emitter: { readonly keys: EmitterKeyAdmin }
  /** Of the HTTP API. */
  readonly tokens: TokenAdmin
}

/** Changes the data directory of a hub, or asks the hub that runs on it. */
export interface HubAdmin extends Administration, AsyncDisposable {
  /** `'hub'`: a running hub does what is asked; `'directory'`: it is stopped, and its directory is locked until `close()`. */
  readonly via: 'directory' | 'hub'
  /** Lets the directory go. Idempotent. */
  close(): Promise<void>
}
