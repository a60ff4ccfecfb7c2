import { createHash } from 'node:crypto'
import type { Clock } from '@halyard/core'
import { KEY_CHARACTERS, isExpired, isMasterKey, targetCovers } from '@halyard/wire/emitter'
import type { KeyCodec, License, Matcher, SecurityKey } from '@halyard/wire/emitter'
import type { EmitterKeys } from '../domain/emitter-keys.ts'
import { LoginGuard } from '../domain/login-guard.ts'
import { isOpen } from './channels.ts'
import type { EmitterLimits } from './limits.ts'
import type { Caller } from './principal.ts'

export interface AuthorityParts {
  readonly license: License
  readonly codec: KeyCodec
  readonly keys: EmitterKeys
  readonly matcher: Matcher
  /** Keys of the licence that nobody issued here are good too. */
  readonly acceptForeign: boolean
  readonly limits: EmitterLimits
  readonly clock: Clock
}

/** A text that is a key of the licence. */
export interface ReadKey {
  /** SHA-256 of the text, hexadecimal. */
  readonly id: string
  readonly key: SecurityKey
}

/** Texts that are decrypted and hashed once; the one that was read longest ago goes first. */
const REMEMBERED = 10_000

/**
 * What a key may do. Its bytes prove nothing, since no cipher of Emitter's is authenticated: it counts when this hub has
 * issued it. docs/protocols/emitter.md §5.4
 */
export class Authority {
  readonly #parts: AuthorityParts
  readonly #guard: LoginGuard
  readonly #read = new Map<string, ReadKey>()

  constructor(parts: AuthorityParts) {
    this.#parts = parts
    const { unknownKeysPerAddress: failures, unknownKeysWindow: window } = parts.limits
    this.#guard = new LoginGuard({ failures, window })
  }

  get contract(): number {
    return this.#parts.license.contract
  }

  /** `undefined`: 32 characters of base64url it is not. Of any other text something comes out. */
  read(text: string): ReadKey | undefined {
    const known = this.#read.get(text)
    if (known) return known
    if (text.length !== KEY_CHARACTERS) return undefined
    const key = this.#parts.codec.decrypt(text)
    if (key === undefined) return undefined
    const read = { id: createHash('sha256').update(text).digest('hex'), key }
    this.#read.set(text, read)
    if (this.#read.size > REMEMBERED) for (const oldest of this.#read.keys()) return this.#forget(oldest, read)
    return read
  }

  /** A key that holds now, whatever it is for; `undefined` and counted: one that nobody issued. */
  verify(caller: Caller, text: string): ReadKey | undefined {
    const read = this.read(text)
    if (read === undefined) return undefined
    const { address } = caller
    const now = this.#parts.clock.monotonic()
    if (address !== '' && this.#guard.blocks(read.id, address, now)) return undefined
    if (!this.#isIssued(read)) {
      caller.missed(read.id)
      if (address !== '') this.#guard.failed(read.id, address, now)
      return undefined
    }
    if (address !== '') this.#guard.succeeded(read.id, address)
    return this.holds(read.id) && !isExpired(read.key, this.now()) ? read : undefined
  }

  /** Monotonic ms from which on a key is looked at that is not now, since its address has guessed; Infinity: it was. */
  looksAgainAt({ address }: Caller, text: string): number {
    const read = this.read(text)
    if (read === undefined || address === '') return Infinity
    const now = this.#parts.clock.monotonic()
    const wait = this.#guard.blocksFor(read.id, address, now)
    return wait > 0 ? now + wait : Infinity
  }

  /** Of a key that held once, and has not ended: whether nobody has taken it back. */
  holds(id: string): boolean {
    const state = this.#parts.keys.stateOf(id)
    return state === 'valid' || (state === 'unknown' && this.#parts.acceptForeign)
  }

  /** A master key that holds. */
  verifyMaster(caller: Caller, text: string): ReadKey | undefined {
    const read = this.verify(caller, text)
    return read && isMasterKey(read.key) ? read : undefined
  }

  /** A key that may do this on that channel, which has its final slash and its group. */
  authorise(caller: Caller, text: string, channel: string, permission: number): ReadKey | undefined {
    const read = this.verify(caller, text)
    if (read === undefined || (read.key.permissions & permission) === 0) return undefined
    return targetCovers(read.key.target, channel) ? read : undefined
  }

  /**
   * The same for what brings what others have published. With the matcher of MQTT `a/#/` reads more than `a/`, which is all
   * that a key for `a/` is for; with the other, `a/` itself does.
   */
  authoriseReading(caller: Caller, text: string, channel: string, permission: number): ReadKey | undefined {
    const read = this.authorise(caller, text, channel, permission)
    if (read === undefined || this.#parts.matcher === 'emitter' || !isOpen(channel)) return read
    return (read.key.target.path & EXACT) === 0 ? read : undefined
  }

  /** Unix seconds. */
  now(): number {
    return Math.floor(this.#parts.clock.now() / 1000)
  }

  /** Monotonic ms at which a key ends; Infinity. */
  endOf({ expires }: Pick<SecurityKey, 'expires'>): number {
    if (expires === 0) return Infinity
    const { clock } = this.#parts
    // It holds for the whole of its last second.
    return clock.monotonic() + (expires + 1) * 1000 - clock.now()
  }

  #isIssued({ id, key }: ReadKey): boolean {
    const { license, keys, acceptForeign } = this.#parts
    const { contract, signature, master } = license
    if (key.contract !== contract || key.signature !== signature || key.master !== master) return false
    return acceptForeign || keys.stateOf(id) !== 'unknown'
  }

  #forget(oldest: string, read: ReadKey): ReadKey {
    this.#read.delete(oldest)
    return read
  }
}

/** Of a target's path: this depth and no deeper. */
const EXACT = 1 << 23
