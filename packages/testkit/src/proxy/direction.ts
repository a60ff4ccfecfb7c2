import { secondsToMilliseconds, UsageError } from '@halyard/core'

/** What is wrong with one direction of the proxied connections. All of them together, on every connection alike. */
export interface DirectionFaults {
  /** Seconds that every byte waits. */
  readonly delay?: number
  /** Bytes per second and connection. */
  readonly rate?: number
  /** So many bytes of a connection go through, then it is cut; 0 cuts it when its first byte comes. */
  readonly cutAfter?: number
  /** How it is cut: `reset` (RST, the default) or `fin` (an orderly end) to both sides. */
  readonly cut?: 'reset' | 'fin'
  /** Offsets in each connection's stream at which the byte has all its bits flipped. */
  readonly corruptAt?: readonly number[]
  /** Probability, 0 to 1, with which a byte has one bit flipped; which, the proxy's seed decides. */
  readonly corruptChance?: number
  /**
   * Nothing goes through, not even the end of the connection: what a peer sees when the other one has lost its power
   * or its radio. Bytes wait where they are, with the sender or in the proxy, and go on when this ends.
   */
  readonly silent?: boolean
}

/** One direction of a {@link FaultProxy}: its faults, which may change at any time, and its counters. */
export class FaultDirection {
  readonly #changed: () => void
  #faults: DirectionFaults = {}
  /** Bytes that went through, of all connections. */
  bytes = 0
  /** Bytes that wait in the proxy, of all connections. */
  held = 0

  constructor(changed: () => void) {
    this.#changed = changed
  }

  get faults(): DirectionFaults {
    return this.#faults
  }

  /**
   * Replaces all faults; those not named end.
   *
   * @throws {UsageError} `ERR_TESTKIT_ARGUMENT`, `ERR_USAGE_SECONDS` if a figure cannot be one.
   */
  set(faults: DirectionFaults): void {
    const { delay = 0, rate = 1, cutAfter = 0, corruptAt = [], corruptChance = 0 } = faults
    secondsToMilliseconds('delay', delay)
    check(rate > 0, `rate is ${rate}; give bytes per second above 0`)
    check(Number.isInteger(cutAfter) && cutAfter >= 0, `cutAfter is ${cutAfter}; give a number of bytes from 0`)
    check(corruptChance >= 0 && corruptChance <= 1, `corruptChance is ${corruptChance}; give 0 to 1`)
    check(
      corruptAt.every((offset) => Number.isInteger(offset) && offset >= 0),
      `corruptAt is ${corruptAt.join()}; give offsets from 0`,
    )
    this.#faults = { ...faults, corruptAt: [...corruptAt] }
    this.#changed()
  }

  /** Ends all faults. */
  clear(): void {
    this.set({})
  }
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new UsageError('ERR_TESTKIT_ARGUMENT', message)
}
