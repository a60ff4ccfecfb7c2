import { FailureThrottle } from './throttle.ts'
import type { ThrottleLimits } from './throttle.ts'

/** Pairs of account and address that are remembered; the one that came longest ago is forgotten first. */
const REMEMBERED = 10_000

/**
 * Counts wrong passwords. A stranger's count against his address. Who has come in from there with this account before is
 * counted by that pair alone, so that a neighbour behind the same router who guesses does not lock him out.
 */
export class LoginGuard {
  readonly #failures: FailureThrottle
  readonly #known = new Set<string>()

  constructor(limits: ThrottleLimits) {
    this.#failures = new FailureThrottle(limits)
  }

  /** `now`: monotonic ms. */
  blocks(account: string, address: string, now: number): boolean {
    return this.#failures.blocked(this.#nameOf(account, address), now)
  }

  /** Milliseconds until it does not any more. */
  blocksFor(account: string, address: string, now: number): number {
    return this.#failures.blockedFor(this.#nameOf(account, address), now)
  }

  failed(account: string, address: string, now: number): void {
    this.#failures.failed(this.#nameOf(account, address), now)
  }

  succeeded(account: string, address: string): void {
    const pair = pairOf(account, address)
    this.#known.delete(pair)
    this.#known.add(pair)
    if (this.#known.size <= REMEMBERED) return
    for (const oldest of this.#known) {
      this.#known.delete(oldest)
      break
    }
  }

  #nameOf(account: string, address: string): string {
    const pair = pairOf(account, address)
    return this.#known.has(pair) ? pair : address
  }
}

/** No address has a space in it. */
function pairOf(account: string, address: string): string {
  return `${address} ${account}`
}
