import type { Document, Registry } from './ports.ts'

const API_TOKENS = 'api.tokens'

/** More are refused: each is somebody's to look after. */
export const MAX_API_TOKENS = 1000

export interface TokenMint {
  /** 160 random bits as text */
  make(): string
  /** SHA-256, hexadecimal */
  hash(token: string): string
}

export interface ApiToken {
  /** The first characters of its hash: names it, opens nothing. */
  readonly id: string
  readonly name: string
  readonly createdAt: Date
}

/** Characters of a hash that name a token. */
const ID_LENGTH = 12

/** Who may use the HTTP API. A token is kept as its hash alone; it is found by it, so nothing is compared in steps. */
export class ApiTokens implements Disposable {
  readonly #registry: Registry
  readonly #mint: TokenMint
  /** Hashes of tokens that have proved themselves; never more than there are tokens. */
  readonly #proved = new Set<string>()
  readonly #listeners = new Set<(id: string) => void>()
  readonly #stopWatching: () => void
  /** Grows with every removal, so that a token found before it is not remembered after it. */
  #epoch = 0
  /** One after the other: two at once would both be the thousandth. */
  #creating: Promise<unknown> = Promise.resolve()

  constructor(registry: Registry, mint: TokenMint) {
    this.#registry = registry
    this.#mint = mint
    this.#stopWatching = registry.watch((change) => {
      if (change.collection !== API_TOKENS || change.document) return
      this.#epoch++
      this.#proved.delete(change.id)
      for (const listener of this.#listeners) listener(idOf(change.id))
    })
  }

  /** The token itself is known now and never again. `undefined`: there are {@link MAX_API_TOKENS} already. */
  create(
    name: string,
    now: Date,
    token: string = this.#mint.make(),
  ): Promise<(ApiToken & { readonly token: string }) | undefined> {
    const created = this.#creating.then(async () => {
      if ((await this.#documents()).length >= MAX_API_TOKENS) return undefined
      const hash = this.#mint.hash(token)
      await this.#registry.put(API_TOKENS, hash, { name, createdAt: now.toISOString() })
      return { id: idOf(hash), name, createdAt: now, token }
    })
    this.#creating = created.catch(() => {})
    return created
  }

  async isValid(token: string): Promise<boolean> {
    return (await this.identify(token)) !== undefined
  }

  /** The id of a token that has proved itself before; costs no disk. */
  recognise(token: string): string | undefined {
    const hash = this.#mint.hash(token)
    return this.#proved.has(hash) ? idOf(hash) : undefined
  }

  /** The id of a valid token. */
  async identify(token: string): Promise<string | undefined> {
    const hash = this.#mint.hash(token)
    if (this.#proved.has(hash)) return idOf(hash)
    const epoch = this.#epoch
    if ((await this.#registry.get(API_TOKENS, hash)) === undefined) return undefined
    if (epoch === this.#epoch) this.#proved.add(hash)
    return idOf(hash)
  }

  async list(): Promise<readonly ApiToken[]> {
    return (await this.#documents()).map((document) => describe(document))
  }

  /** False if there is no token with this id. */
  async remove(id: string): Promise<boolean> {
    // Hashes lie in order, and an id is how its hash begins: it stands right before it.
    const [document] = await this.#registry.list(API_TOKENS, { after: id, limit: 1 })
    if (document === undefined || idOf(document.id) !== id) return false
    return (await this.#registry.remove(API_TOKENS, document.id)).written
  }

  /** Called with the id of each token that is removed: who came in by it leaves. The function given back ends it. */
  onRemoved(listener: (id: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  [Symbol.dispose](): void {
    this.#stopWatching()
  }

  #documents(): Promise<readonly Document[]> {
    return this.#registry.list(API_TOKENS, { limit: MAX_API_TOKENS })
  }
}

function idOf(hash: string): string {
  return hash.slice(0, ID_LENGTH)
}

function describe({ id, value }: Document): ApiToken {
  const { name, createdAt } = value as { readonly name: string; readonly createdAt: string }
  return { id: idOf(id), name, createdAt: new Date(createdAt) }
}
