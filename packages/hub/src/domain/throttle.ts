export interface ThrottleLimits {
  /** failures within the window, after which nobody gets in */
  readonly failures: number
  /** seconds */
  readonly window: number
}

/** Names held at once; the one that failed longest ago is forgotten first. */
const REMEMBERED = 10_000

/**
 * Counts failures per name (an address, an account) in fixed windows. Four characters are guessed in a day if nobody
 * counts. A success does not clear the count: one known key must not buy guesses at another.
 */
export class FailureThrottle {
  readonly #limits: ThrottleLimits
  readonly #failures = new Map<string, { count: number; readonly until: number }>()

  constructor(limits: ThrottleLimits) {
    this.#limits = limits
  }

  /** `now`: monotonic milliseconds. */
  blocked(name: string, now: number): boolean {
    return this.blockedFor(name, now) > 0
  }

  /** Milliseconds until the door opens again; 0: it is open. */
  blockedFor(name: string, now: number): number {
    const entry = this.#failures.get(name)
    return entry !== undefined && now < entry.until && entry.count >= this.#limits.failures ? entry.until - now : 0
  }

  /** True when this failure is the one that closes the door. */
  failed(name: string, now: number): boolean {
    const entry = this.#failures.get(name)
    const live = entry !== undefined && now < entry.until
    const next = live ? entry : { count: 0, until: now + this.#limits.window * 1000 }
    next.count++
    this.#failures.delete(name)
    this.#failures.set(name, next)
    if (this.#failures.size > REMEMBERED) {
      for (const oldest of this.#failures.keys()) {
        this.#failures.delete(oldest)
        break
      }
    }
    return next.count === this.#limits.failures
  }
}
