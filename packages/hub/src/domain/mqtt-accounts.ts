import type { AccessRule } from './mqtt-account-book.ts'
import type { PasswordHash } from './passwords.ts'
import type { Document, Json, Registry } from './ports.ts'

const MQTT_ACCOUNTS = 'mqtt.accounts'

/** Who may speak plain MQTT: a name, the hash of a password, and what it may do. */
export interface MqttAccount {
  /** 1 to 128 characters, no control characters. */
  readonly username: string
  readonly secret: MqttSecret
  /** None: everything but `$SYS`, which it may read. */
  readonly access: readonly AccessRule[] | undefined
}

export type MqttSecret =
  /** Chosen by a person. */
  | PasswordHash
  /** Made by the hub, 160 random bits: needs no slow hash. */
  | { readonly algorithm: 'sha256'; readonly hash: string }

/** `hash`: SHA-256 of the password, hexadecimal. */
export function sha256Secret(hash: string): MqttSecret {
  return { algorithm: 'sha256', hash }
}

/** `account`: as it is now; `undefined`: removed. */
export type AccountListener = (username: string, account: MqttAccount | undefined) => void

/** The registry behind a cache of all accounts that were asked for, kept true by its changes. */
export class MqttAccounts implements Disposable {
  readonly #registry: Registry
  readonly #cache = new Map<string, MqttAccount | undefined>()
  readonly #listeners = new Set<AccountListener>()
  readonly #stopWatching: () => void
  #epoch = 0

  constructor(registry: Registry) {
    this.#registry = registry
    this.#stopWatching = registry.watch(({ collection, id, document }) => {
      if (collection !== MQTT_ACCOUNTS) return
      this.#epoch++
      this.#cache.delete(id)
      const account = document && parse(document)
      for (const listener of this.#listeners) listener(id, account)
    })
  }

  /** At once if it was asked for before. */
  find(username: string): MqttAccount | undefined | Promise<MqttAccount | undefined> {
    return this.#cache.has(username) ? this.#cache.get(username) : this.#read(username)
  }

  async #read(username: string): Promise<MqttAccount | undefined> {
    const epoch = this.#epoch
    const document = await this.#registry.get(MQTT_ACCOUNTS, username)
    const account = document && parse(document)
    if (epoch === this.#epoch) this.#remember(username, account)
    return account
  }

  #remember(username: string, account: MqttAccount | undefined): void {
    this.#cache.set(username, account)
    if (this.#cache.size <= REMEMBERED) return
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest)
      break
    }
  }

  /** False if there is one of this name. */
  async create(account: MqttAccount): Promise<boolean> {
    return (await this.#registry.put(MQTT_ACCOUNTS, account.username, valueOf(account), 0)).written
  }

  /** Another password, other rights, or both; `undefined` if there is none of this name. */
  async change(
    username: string,
    change: { readonly secret?: MqttSecret | undefined; readonly access?: readonly AccessRule[] | undefined | null },
  ): Promise<MqttAccount | undefined> {
    for (;;) {
      const document = await this.#registry.get(MQTT_ACCOUNTS, username)
      const account = document && parse(document)
      if (!document || !account) return undefined
      const access = change.access === undefined ? account.access : (change.access ?? undefined)
      const changed: MqttAccount = { username, secret: change.secret ?? account.secret, access }
      // Somebody else has changed it meanwhile: his change stays.
      if ((await this.#registry.put(MQTT_ACCOUNTS, username, valueOf(changed), document.revision)).written)
        return changed
    }
  }

  async remove(username: string): Promise<boolean> {
    return (await this.#registry.remove(MQTT_ACCOUNTS, username)).written
  }

  /** In the order of their names, at most `limit` (at most 1,000) behind `after`. */
  async list(page: { readonly after?: string; readonly limit: number }): Promise<readonly MqttAccount[]> {
    const documents = await this.#registry.list(MQTT_ACCOUNTS, page)
    return documents.flatMap((document) => parse(document) ?? [])
  }

  /** Called for an account that was made, changed or removed, before whoever did it is told so. */
  onChange(listener: AccountListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  [Symbol.dispose](): void {
    this.#stopWatching()
  }
}

export const MAX_USERNAME = 128

/** What can be the name of an account; nothing else is looked for. */
export function isUsername(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 2 * MAX_USERNAME) return false
  return /^[^\p{Cc}\p{Cs}]{1,128}$/u.test(value)
}

/** Names too that do not exist: guessing costs no disk twice. */
const REMEMBERED = 10_000

function valueOf({ secret, access }: MqttAccount): Json {
  return { secret, ...(access && { access }) } as unknown as Json
}

function parse({ id, value }: Document): MqttAccount | undefined {
  const { secret, access } = value as { readonly secret?: MqttSecret; readonly access?: readonly AccessRule[] }
  return secret === undefined ? undefined : { username: id, secret, access }
}
