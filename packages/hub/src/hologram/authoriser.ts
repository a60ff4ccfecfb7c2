import type { HologramAccount, HologramAccounts } from '../domain/accounts.ts'
import type { Devices } from '../domain/devices.ts'
import { FailureThrottle } from '../domain/throttle.ts'
import type { HologramLimits } from './limits.ts'

export interface KeyCheck {
  /** In constant time, also for an account that does not exist. */
  matches(keyHash: string | undefined, cloudId: string, cloudKey: string): boolean
}

/** `throttled`: too many wrong keys; whether this one is right was not looked at. */
export type Verdict = 'granted' | 'wrong' | 'throttled'

export interface Claim {
  readonly cloudId: string
  readonly cloudKey: string
  readonly address: string
  /** monotonic, ms */
  readonly now: number
}

/**
 * Four characters are few: guesses are counted. A stranger's count against his address and against the account he
 * guesses at. A device that has proved itself from its address before is counted by that pair alone, so that neither a
 * neighbour behind the same router nor a guesser elsewhere locks it out.
 */
export class Authoriser {
  readonly #accounts: HologramAccounts
  readonly #devices: Devices
  readonly #keys: KeyCheck
  readonly #addresses: FailureThrottle
  readonly #ids: FailureThrottle

  constructor(parts: {
    readonly accounts: HologramAccounts
    readonly devices: Devices
    readonly keys: KeyCheck
    readonly limits: HologramLimits
  }) {
    const { accounts, devices, keys, limits } = parts
    this.#accounts = accounts
    this.#devices = devices
    this.#keys = keys
    this.#addresses = new FailureThrottle({
      failures: limits.authFailuresPerAddress,
      window: limits.authWindowPerAddress,
    })
    this.#ids = new FailureThrottle({ failures: limits.authFailuresPerAccount, window: limits.authWindowPerAccount })
  }

  /** At once if the account is in memory; nearly always. Rejects if the registry cannot be read. */
  check(claim: Claim): Verdict | Promise<Verdict> {
    if (this.#isThrottled(claim)) return 'throttled'
    const account = this.#accounts.peek(claim.cloudId)
    if (account !== 'unknown') return this.#judge(account, claim)
    // Guesses that were looked up together are counted one by one.
    return this.#accounts
      .find(claim.cloudId)
      .then((found) => (this.#isThrottled(claim) ? 'throttled' : this.#judge(found, claim)))
  }

  #isThrottled(claim: Claim): boolean {
    const { cloudId, address, now } = claim
    if (this.#isKnown(claim)) return this.#ids.blocked(pairOf(claim), now)
    return this.#addresses.blocked(address, now) || this.#ids.blocked(cloudId, now)
  }

  #judge(account: HologramAccount | undefined, claim: Claim): Verdict {
    const { cloudId, cloudKey, address, now } = claim
    if (this.#keys.matches(account?.keyHash, cloudId, cloudKey)) return 'granted'
    if (this.#isKnown(claim)) {
      this.#ids.failed(pairOf(claim), now)
    } else {
      this.#addresses.failed(address, now)
      this.#ids.failed(cloudId, now)
    }
    return 'wrong'
  }

  #isKnown({ cloudId, address }: Claim): boolean {
    return this.#devices.find(cloudId)?.address === address
  }
}

/** Longer than any account's name, so no name is taken for one. */
function pairOf({ cloudId, address }: Claim): string {
  return `${cloudId} ${address}`
}
