import { UsageError } from '@halyard/core'

/** Randomness that can be repeated: the same seed gives the same values in the same order, on every machine. */
export interface SeededRandom {
  /** What it was made from; print it when something fails. */
  readonly seed: number
  /** 0 ≤ x < 1, 32 random bits. */
  float(): number
  /** A whole number, 0 ≤ x < `below`. */
  integer(below: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  /** One of the items, of which there must be one. */
  pick<T>(items: readonly T[]): T
  /** A new array with the same items in another order. */
  shuffle<T>(items: readonly T[]): T[]
  bytes(length: number): Uint8Array
  /** An independent stream, so that what one part of a test draws does not move what another part gets. */
  fork(): SeededRandom
}

/**
 * xoshiro128** (Blackman and Vigna), its state filled by splitmix32. Not for secrets.
 *
 * @example
 * ```ts
 * import { seededRandom } from '@halyard/testkit'
 *
 * const random = seededRandom(42)
 * console.log(random.integer(1000), random.integer(1000)) // 153 850
 * ```
 *
 * @throws {UsageError} `ERR_TESTKIT_ARGUMENT` if the seed is not a whole number from 0 to 2³² − 1.
 */
export function seededRandom(seed: number): SeededRandom {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new UsageError('ERR_TESTKIT_ARGUMENT', `the seed is ${seed}; give a whole number from 0 to 4294967295`)
  }
  return new Xoshiro(seed)
}

/**
 * Runs a randomised test once per round, each round with a seed of its own. The error of a failing round names the
 * seed, and `{ seed, rounds: 1 }` repeats that round alone.
 *
 * @example
 * ```ts
 * import { seededRounds } from '@halyard/testkit'
 *
 * await seededRounds({ seed: 1, rounds: 100 }, (random) => {
 *   const bytes = random.bytes(random.integer(50))
 *   if (Buffer.from(bytes.buffer).toString('hex').length !== bytes.length * 2) throw new Error('bytes went missing')
 * })
 * console.log('100 rounds') // 100 rounds
 * ```
 *
 * @throws {Error} that names round and seed, with what the round threw as its `cause`.
 */
export async function seededRounds(
  options: { readonly seed: number; readonly rounds: number },
  round: (random: SeededRandom) => void | Promise<void>,
): Promise<void> {
  for (let index = 0; index < options.rounds; index++) {
    const seed = (options.seed + index) % 2 ** 32
    try {
      await round(seededRandom(seed))
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      throw new Error(`round ${index + 1} of ${options.rounds}: ${what}\nrepeat it with { seed: ${seed}, rounds: 1 }`, {
        cause: error,
      })
    }
  }
}

class Xoshiro implements SeededRandom {
  readonly seed: number
  readonly #state: Uint32Array

  constructor(seed: number) {
    this.seed = seed
    this.#state = Uint32Array.from(splitmix32(seed, 4))
  }

  float(): number {
    return this.#next() / 2 ** 32
  }

  integer(below: number): number {
    if (!Number.isInteger(below) || below < 1 || below > 2 ** 32) {
      throw new UsageError('ERR_TESTKIT_ARGUMENT', `integer(${below}); give a whole number from 1 to 4294967296`)
    }
    return Math.floor(this.float() * below)
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(items.length)] as T
  }

  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items]
    for (let last = result.length - 1; last > 0; last--) {
      const other = this.integer(last + 1)
      const held = result[last] as T
      result[last] = result[other] as T
      result[other] = held
    }
    return result
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#next() >>> 24)
  }

  fork(): SeededRandom {
    return new Xoshiro(this.#next())
  }

  #next(): number {
    const s = this.#state as Uint32Array & [number, number, number, number]
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0
    const shifted = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= shifted
    s[3] = rotate(s[3], 11)
    return result
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

/** Spreads a small seed over the whole state: seeds 1 and 2 must not give streams that look alike. */
function splitmix32(seed: number, count: number): number[] {
  let state = seed
  return Array.from({ length: count }, () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  })
}
