import { ageOf } from '@halyard/core'
import type { Clock, Moment } from '@halyard/core'

/** Monotonic milliseconds of a boot. */
export interface Dated {
  readonly at: number
  readonly boot: Boot
}

/** A boot as its last `clock` record tells of it. */
export interface Boot {
  moment: Moment
}

/**
 * Moments of records in the monotonic milliseconds of now. They are looked at when all records have been read: a machine
 * without a battery learns what time it is some minutes after it has started, and what was written before gets its true
 * date by that.
 */
export class Boots {
  readonly #clock: Clock
  readonly #boots = new Map<string, Boot>()
  #present: Boot

  constructor(clock: Clock) {
    this.#clock = clock
    this.#present = this.#boot({ bootId: clock.bootId, wall: clock.now(), monotonic: clock.monotonic() })
  }

  /** Records that follow are of this boot. */
  tell(moment: Moment): void {
    this.#present = this.#boot(moment)
    this.#present.moment = moment
  }

  /** Of the records that are read now. */
  at(at: number): Dated {
    return { at, boot: this.#present }
  }

  past({ at, boot }: Dated): number {
    const { bootId, wall, monotonic } = boot.moment
    return this.#clock.monotonic() - ageOf({ bootId, wall: wall + at - monotonic, monotonic: at }, this.#clock)
  }

  /** Of one that was still to come when the clock was written down. */
  future({ at, boot }: Dated): number {
    if (at === Infinity) return at
    const { monotonic } = boot.moment
    return this.past({ at: monotonic, boot }) + at - monotonic
  }

  #boot(moment: Moment): Boot {
    let boot = this.#boots.get(moment.bootId)
    if (boot === undefined) this.#boots.set(moment.bootId, (boot = { moment }))
    return boot
  }
}
