import type { Document, Json, Registry } from './ports.ts'

/** A Hologram account: what its device proves itself with is kept as a keyed hash, never in clear. */
export interface HologramAccount {
  /** four characters */
  readonly cloudId: string
  /** HMAC-SHA-256 of id and key under the hub's secret, hexadecimal */
  readonly keyHash: string
}

export const HOLOGRAM_ACCOUNTS = 'hologram.accounts'

/** Entries kept in memory; unknown ids count too, so that guessing costs no disk twice. */
const CACHED = 10_000

/** Who may send: the registry behind a cache that every change of the registry keeps true. */
export class HologramAccounts implements Disposable {
  readonly #registry: Registry
  /** In the order of last use; `undefined` is an id that is known not to exist. */
  readonly #cache = new Map<string, HologramAccount | undefined>()
  readonly #stopWatching: () => void
  /** Grows with every change, so that an answer read before it is not cached after it. */
  #epoch = 0

  constructor(registry: Registry) {
    this.#registry = registry
    this.#stopWatching = registry.watch((change) => {
      if (change.collection !== HOLOGRAM_ACCOUNTS) return
      this.#epoch++
      this.#cache.delete(change.id)
    })
  }

  /** The account if memory knows; `'unknown'` if the registry must be asked. Keeps the hot path free of promises. */
  peek(cloudId: string): HologramAccount | undefined | 'unknown' {
    if (!this.#cache.has(cloudId)) return 'unknown'
    const account = this.#cache.get(cloudId)
    this.#cache.delete(cloudId)
    this.#cache.set(cloudId, account)
    return account
  }

  async find(cloudId: string): Promise<HologramAccount | undefined> {
    const known = this.peek(cloudId)
    if (known !== 'unknown') return known
    const epoch = this.#epoch
    const document = await this.#registry.get(HOLOGRAM_ACCOUNTS, cloudId)
    const account = document && parseAccount(document)
    if (epoch === this.#epoch) this.#remember(cloudId, account)
    return account
  }

  /** Cloud ids in order, at most `limit` (at most 1,000) behind `after`. */
  async list(page: { readonly after?: string; readonly limit: number }): Promise<readonly string[]> {
    return (await this.#registry.list(HOLOGRAM_ACCOUNTS, page)).map(({ id }) => id)
  }

  /** False if there is an account with this id. */
  async create(account: HologramAccount): Promise<boolean> {
    const value: Json = { keyHash: account.keyHash }
    return (await this.#registry.put(HOLOGRAM_ACCOUNTS, account.cloudId, value, 0)).written
  }

  async remove(cloudId: string): Promise<boolean> {
    return (await this.#registry.remove(HOLOGRAM_ACCOUNTS, cloudId)).written
  }

  [Symbol.dispose](): void {
    this.#stopWatching()
  }

  #remember(cloudId: string, account: HologramAccount | undefined): void {
    this.#cache.set(cloudId, account)
    if (this.#cache.size <= CACHED) return
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest)
      break
    }
  }
}

function parseAccount(document: Document): HologramAccount | undefined {
  const value = document.value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const keyHash = (value as { readonly keyHash?: Json }).keyHash
  return typeof keyHash === 'string' ? { cloudId: document.id, keyHash } : undefined
}
