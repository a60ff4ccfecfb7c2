import type { LogCommit } from '@halyard/core/node'
import type { Logger } from '@halyard/core'

/** Upper ends in seconds: from memory and good SSDs to cards that tidy up. */
const BUCKETS: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** ms; whoever sends waits as long. */
const SLOW = 1000

export interface Distribution {
  /** Upper end in seconds, and how many took no longer. */
  readonly buckets: readonly (readonly [end: number, count: number])[]
  readonly count: number
  readonly seconds: number
}

/** What the journal's disk has done since the start. Counted with each group, so plain numbers. */
export class Commits {
  records = 0
  bytes = 0
  #seconds = 0
  readonly #counts: number[] = Array.from({ length: BUCKETS.length + 1 }, () => 0)
  readonly #logger: Logger

  /** @param logger one that does not repeat itself */
  constructor(logger: Logger) {
    this.#logger = logger
  }

  observe({ milliseconds, bytes, records }: LogCommit): void {
    const seconds = milliseconds / 1000
    this.records += records
    this.bytes += bytes
    this.#seconds += seconds
    const bucket = BUCKETS.findIndex((end) => seconds <= end)
    const index = bucket < 0 ? BUCKETS.length : bucket
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    if (milliseconds <= SLOW) return
    this.#logger.warn(
      { milliseconds: Math.round(milliseconds) },
      'the disk is slow: it took more than a second to write and sync the journal, and whoever waits for an acknowledgement waits as long',
    )
  }

  get distribution(): Distribution {
    let count = 0
    const buckets = BUCKETS.map((end, index) => [end, (count += this.#counts[index] ?? 0)] as const)
    return { buckets, count: count + (this.#counts[BUCKETS.length] ?? 0), seconds: this.#seconds }
  }
}
