import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import type { PasswordHash, PasswordVerdict, Passwords } from './domain/passwords.ts'

/** N = 2^15, r = 8: 32 MiB and about 0.1 s for one guess. */
const COST = 15
const BLOCK = 8
const LENGTH = 32
/** Room for N × r × 128 bytes and a little more. */
const MEMORY = 2 ** COST * BLOCK * 128 * 2
/** scrypt computations at once: more would take the memory of a small machine and all of its thread pool. */
const AT_ONCE = 2
/** That wait; a fleet that comes back all at once is told to come again rather than to wait for an hour. */
const WAITING = 1000
/** Right passwords that are remembered, as HMAC under a secret of this process. */
const REMEMBERED = 10_000

/**
 * Checks passwords without stopping the hub: scrypt twice at once, the rest in a queue, and one that was right before
 * in microseconds.
 */
export class ScryptPasswords implements Passwords {
  readonly #secret = randomBytes(32)
  readonly #right = new Map<string, Buffer>()
  readonly #queue: (() => void)[] = []
  /** For accounts that do not exist: they cost as much as those that do. */
  readonly #nobody: PasswordHash = { algorithm: 'scrypt', salt: randomText(), hash: randomText(), cost: COST }
  #running = 0

  async hash(password: Uint8Array): Promise<PasswordHash> {
    const salt = randomBytes(16)
    const hash = await this.#inTurn(() => derive(password, salt, COST))
    return { algorithm: 'scrypt', salt: salt.toString('base64url'), hash: hash.toString('base64url'), cost: COST }
  }

  check(
    account: string,
    password: Uint8Array,
    kept: PasswordHash | undefined,
    isWanted: () => boolean = () => true,
  ): PasswordVerdict | Promise<PasswordVerdict> {
    const proof = this.#proof(account, password, kept)
    const known = this.#right.get(account)
    if (kept !== undefined && known !== undefined && timingSafeEqual(known, proof)) return 'right'
    if (this.#queue.length >= WAITING) return 'busy'
    return this.#verify(account, password, kept, { proof, isWanted })
  }

  async #verify(
    account: string,
    password: Uint8Array,
    kept: PasswordHash | undefined,
    { proof, isWanted }: { readonly proof: Buffer; readonly isWanted: () => boolean },
  ): Promise<PasswordVerdict> {
    const { salt, hash, cost } = kept ?? this.#nobody
    const expected = Buffer.from(hash, 'base64url')
    const computed = await this.#inTurn(async () =>
      isWanted() ? derive(password, Buffer.from(salt, 'base64url'), cost) : undefined,
    )
    if (computed === undefined) return 'busy'
    const isRight = expected.length === computed.length && timingSafeEqual(expected, computed) && kept !== undefined
    if (!isRight) return 'wrong'
    this.#right.delete(account)
    this.#right.set(account, proof)
    if (this.#right.size > REMEMBERED) {
      for (const oldest of this.#right.keys()) {
        this.#right.delete(oldest)
        break
      }
    }
    return 'right'
  }

  /** Holds for this password and this hash of it: a changed password is not the remembered one. */
  #proof(account: string, password: Uint8Array, kept: PasswordHash | undefined): Buffer {
    return createHmac('sha256', this.#secret)
      .update(`${account.length} ${account} ${kept?.hash ?? ''} `)
      .update(password)
      .digest()
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve))
    else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#queue.shift()
      // Its place goes to the one who waited longest.
      if (next) next()
      else this.#running--
    }
  }
}

function derive(password: Uint8Array, salt: Buffer, cost: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N: 2 ** cost, r: BLOCK, p: 1, maxmem: MEMORY }
    scrypt(password, salt, LENGTH, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function randomText(): string {
  return randomBytes(LENGTH).toString('base64url')
}
