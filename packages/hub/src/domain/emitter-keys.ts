import type { Document, Json, Registry } from './ports.ts'

const EMITTER_KEYS = 'emitter.keys'

/**
 * - `issued`: by this hub, to whoever has a master key; `extended`: to whoever has a key that may extend
 * - `imported`: made elsewhere, and let in by the owner of the hub
 * - `stranger`: not let in, only banned
 */
export type EmitterKeyOrigin = 'issued' | 'extended' | 'imported' | 'stranger'

/** `revoked` is for ever, `banned` until somebody takes it back. */
export type EmitterKeyState = 'valid' | 'banned' | 'revoked'

/** A key of Emitter's as the hub knows it: by the hash of its text, which it does not keep. */
export interface EmitterKey {
  /** SHA-256 of the text, hexadecimal: names it, opens nothing. */
  readonly id: string
  readonly contract: number
  /** As it was asked for; `''` for a master key, and where nobody said it. */
  readonly channel: string
  /** Bits as in the key. */
  readonly permissions: number
  /** Unix seconds; 0: never. */
  readonly expires: number
  readonly origin: EmitterKeyOrigin
  /** The key that it was made with: it ends with that. */
  readonly parent?: string
  readonly createdAt: Date
  readonly state: EmitterKeyState
}

export type NewEmitterKey = Omit<EmitterKey, 'state'>

export interface EmitterKeyLimits {
  /** In all. */
  readonly keys: number
  /** Made with one key that may extend; beyond it the oldest of them is forgotten, and with it what it may do. */
  readonly extendedKeys: number
}

/** What is asked for each message: kept small, for there may be a million. */
interface Entry {
  readonly state: EmitterKeyState
  readonly parent: string | undefined
  readonly expires: number
}

/**
 * Which keys there are and what became of them. Nothing in a key's own bytes proves that somebody issued it, so that this
 * list is what a key is worth. All of it is in memory, kept true by the registry's changes.
 */
export class EmitterKeys implements Disposable {
  readonly #registry: Registry
  readonly #limits: EmitterKeyLimits
  readonly #entries = new Map<string, Entry>()
  /** By parent, the oldest first. */
  readonly #children = new Map<string, Set<string>>()
  readonly #listeners = new Set<(ids: readonly string[]) => void>()
  /** Many go at once: they are told of together. `undefined`: none do. */
  #clearing: Set<string> | undefined
  readonly #stopWatching: () => void

  private constructor(registry: Registry, limits: EmitterKeyLimits) {
    this.#registry = registry
    this.#limits = limits
    this.#stopWatching = registry.watch(({ collection, id, document }) => {
      if (collection === EMITTER_KEYS) this.#changed(id, document)
    })
  }

  /** Reads all of them. */
  static async open(registry: Registry, limits: EmitterKeyLimits): Promise<EmitterKeys> {
    const keys = new EmitterKeys(registry, limits)
    const extended: EmitterKey[] = []
    for (let after: string | undefined = ''; after !== undefined;) {
      const documents = await registry.list(EMITTER_KEYS, { after, limit: PAGE })
      for (const document of documents) {
        const key = parse(document)
        keys.#remember(key)
        if (key.parent !== undefined) extended.push(key)
      }
      after = documents.length < PAGE ? undefined : documents.at(-1)?.id
    }
    // The registry has them by id.
    for (const key of extended.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())) keys.#adopt(key)
    return keys
  }

  get size(): number {
    return this.#entries.size
  }

  /** There may be one more. */
  get hasRoom(): boolean {
    return this.size < this.#limits.keys
  }

  /** `unknown`: it was never issued here, nor imported. A key is no better than the one that it was made with. */
  stateOf(id: string): EmitterKeyState | 'unknown' {
    const entry = this.#entries.get(id)
    if (entry === undefined) return 'unknown'
    if (entry.state !== 'valid') return entry.state
    const parent = entry.parent === undefined ? undefined : this.#entries.get(entry.parent)
    return parent === undefined ? 'valid' : parent.state
  }

  /** False: there is one with this text already, or as many as may be. It lasts when the promise resolves. */
  async add(key: NewEmitterKey): Promise<boolean> {
    if (!this.hasRoom) return false
    const { written } = await this.#registry.put(EMITTER_KEYS, key.id, valueOf({ ...key, state: 'valid' }), 0)
    if (!written) return false
    if (key.parent !== undefined) await this.#forgetOldest(key.parent)
    return true
  }

  /** One that was made elsewhere. False: there are as many as may be, or it was revoked here. */
  async import(key: NewEmitterKey): Promise<boolean> {
    if (await this.add(key)) return true
    for (;;) {
      const known = await this.#read(key.id)
      if (known === undefined || known.key.state === 'revoked') return false
      if (known.key.origin !== 'stranger') return true
      // A ban is older than the import, and stays.
      if (await this.#write({ ...key, state: known.key.state }, known.revision)) return true
    }
  }

  /** Bans a key, or takes the ban back; `stranger`: what is to be known of one that is not here. Gives what it is then. */
  async ban(id: string, banned: boolean, stranger: NewEmitterKey): Promise<EmitterKeyState> {
    for (;;) {
      const known = await this.#read(id)
      if (known === undefined) {
        if (!banned) return 'valid'
        if (await this.#write({ ...stranger, state: 'banned' }, 0)) return 'banned'
        continue
      }
      const { key, revision } = known
      if (key.state === 'revoked') return 'revoked'
      const state = banned ? 'banned' : 'valid'
      if (key.state === state) return state
      const isGone = key.origin === 'stranger' && !banned
      const written = isGone
        ? (await this.#registry.remove(EMITTER_KEYS, id, revision)).written
        : await this.#write({ ...key, state }, revision)
      if (written) return state
    }
  }

  /** Takes a key away for ever. Gives what it was; `undefined`: there is none. */
  async revoke(id: string): Promise<EmitterKey | undefined> {
    for (;;) {
      const known = await this.#read(id)
      if (known === undefined) return undefined
      if (known.key.state === 'revoked') return known.key
      if (await this.#write({ ...known.key, state: 'revoked' }, known.revision)) return known.key
    }
  }

  /** By its id, or by how that begins; `undefined`: there is none, or there are several. */
  async find(idOrBeginning: string): Promise<EmitterKey | undefined> {
    if (!/^[0-9a-f]{4,64}$/.test(idOrBeginning)) return undefined
    const whole = await this.#read(idOrBeginning)
    if (whole) return whole.key
    const [first, second] = await this.#registry.list(EMITTER_KEYS, { after: idOrBeginning, limit: 2 })
    if (!first?.id.startsWith(idOrBeginning) || second?.id.startsWith(idOrBeginning)) return undefined
    return parse(first)
  }

  /** By id, at most `limit` (at most 1,000) behind `after`. */
  async list(page: { readonly after?: string; readonly limit: number }): Promise<readonly EmitterKey[]> {
    return (await this.#registry.list(EMITTER_KEYS, page)).map((document) => parse(document))
  }

  /** Those that ended before: nobody needs to know them any more. `now`: unix seconds. */
  async forgetExpired(now: number): Promise<void> {
    const ended: string[] = []
    for (const [id, { expires }] of this.#entries) if (expires !== 0 && expires < now) ended.push(id)
    await this.#clear(ended)
  }

  /** Told which keys are worth something else now, before whoever changed them is. The function given back ends it. */
  onChange(listener: (ids: readonly string[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  [Symbol.dispose](): void {
    this.#stopWatching()
  }

  async #read(id: string): Promise<{ readonly key: EmitterKey; readonly revision: number } | undefined> {
    const document = await this.#registry.get(EMITTER_KEYS, id)
    return document && { key: parse(document), revision: document.revision }
  }

  /** False: somebody else has changed it meanwhile. */
  async #write(key: EmitterKey, expected: number): Promise<boolean> {
    return (await this.#registry.put(EMITTER_KEYS, key.id, valueOf(key), expected)).written
  }

  async #forgetOldest(parent: string): Promise<void> {
    const children = this.#children.get(parent)
    const { extendedKeys } = this.#limits
    if (children === undefined || children.size <= extendedKeys) return
    // A tenth at once: to look who used them costs the same for one.
    const kept = extendedKeys - Math.floor(extendedKeys / 10)
    await this.#clear([...children].slice(0, children.size - kept))
  }

  async #clear(ids: readonly string[]): Promise<void> {
    if (ids.length === 0 || this.#clearing) return
    const clearing = (this.#clearing = new Set<string>())
    try {
      for (const id of ids) await this.#registry.remove(EMITTER_KEYS, id)
    } finally {
      this.#clearing = undefined
      this.#tell([...clearing])
    }
  }

  #changed(id: string, document: Document | undefined): void {
    const before = this.#entries.get(id)
    if (document === undefined) {
      this.#entries.delete(id)
      if (before?.parent !== undefined) this.#disown(before.parent, id)
    } else {
      const key = parse(document)
      this.#remember(key)
      this.#adopt(key)
    }
    // Nobody has asked about a key that was not there: its text is new.
    const after = this.#entries.get(id)
    if (before === undefined && after?.state === 'valid' && !isImported(document)) return
    // A key is no better than the one that it was made with.
    const changed = [id, ...(this.#children.get(id) ?? [])]
    if (this.#clearing === undefined || document !== undefined) this.#tell(changed)
    else for (const one of changed) this.#clearing.add(one)
  }

  #tell(ids: readonly string[]): void {
    for (const listener of this.#listeners) listener(ids)
  }

  #remember({ id, state, parent, expires }: EmitterKey): void {
    this.#entries.set(id, { state, parent, expires })
  }

  #adopt({ id, parent }: EmitterKey): void {
    if (parent === undefined) return
    const children = this.#children.get(parent)
    if (children) children.add(id)
    else this.#children.set(parent, new Set([id]))
  }

  #disown(parent: string, id: string): void {
    const children = this.#children.get(parent)
    children?.delete(id)
    if (children?.size === 0) this.#children.delete(parent)
  }
}

const PAGE = 1000

function isImported(document: Document | undefined): boolean {
  return document !== undefined && parse(document).origin === 'imported'
}

function valueOf({ contract, channel, permissions, expires, origin, parent, createdAt, state }: EmitterKey): Json {
  return {
    contract,
    channel,
    permissions,
    expires,
    origin,
    state,
    createdAt: createdAt.toISOString(),
    ...(parent !== undefined && { parent }),
  }
}

function parse({ id, value }: Document): EmitterKey {
  const { createdAt, ...key } = value as unknown as Omit<EmitterKey, 'id' | 'createdAt'> & {
    readonly createdAt: string
  }
  return { id, ...key, createdAt: new Date(createdAt) }
}
