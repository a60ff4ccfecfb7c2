import type { Document, Json, Registry } from './ports.ts'

const API_TOKENS = 'api.tokens'

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
export class ApiTokens {
  readonly #registry: Registry
  readonly #mint: TokenMint

  constructor(registry: Registry, mint: TokenMint) {
    this.#registry = registry
    this.#mint = mint
  }

  /** The token itself is known now and never again. */
  async create(
    name: string,
    now: Date,
    token: string = this.#mint.make(),
  ): Promise<ApiToken & { readonly token: string }> {
    const hash = this.#mint.hash(token)
    await this.#registry.put(API_TOKENS, hash, { name, createdAt: now.toISOString() })
    return { id: idOf(hash), name, createdAt: now, token }
  }

  async isValid(token: string): Promise<boolean> {
    return (await this.#registry.get(API_TOKENS, this.#mint.hash(token))) !== undefined
  }

  /** At most a thousand. */
  async list(): Promise<readonly ApiToken[]> {
    return (await this.#registry.list(API_TOKENS, { limit: 1000 })).map((document) => describe(document))
  }

  /** False if there is no token with this id. */
  async remove(id: string): Promise<boolean> {
    const documents = await this.#registry.list(API_TOKENS, { limit: 1000 })
    const document = documents.find((candidate) => idOf(candidate.id) === id)
    return document !== undefined && (await this.#registry.remove(API_TOKENS, document.id)).written
  }
}

function idOf(hash: string): string {
  return hash.slice(0, ID_LENGTH)
}

function describe({ id, value }: Document): ApiToken {
  const { name, createdAt } = value as { readonly name?: Json; readonly createdAt?: Json }
  return { id: idOf(id), name: String(name), createdAt: new Date(String(createdAt)) }
}
