import { UsageError } from '@halyard/core'
import type { Clock, Timer } from '@halyard/core'

export interface VirtualClockOptions {
  /** What the wall clock shows. Default 2024-06-01T00:00:00Z. */
  readonly wall?: Date | number
}

/** A timer that has not fired, as tests see it. */
export interface PendingTimer {
  /** The reading of `monotonic()` at which it fires. */
  readonly at: number
}

/**
 * A clock that stands still until it is told to go on. Nothing waits for real time, so a test of a day's retries takes
 * a millisecond and gives the same result each time.
 *
 * It knows the two ways in which clocks of small devices lie: {@link setWall} jumps as NTP does, {@link reboot} begins
 * another boot.
 *
 * @example
 * ```ts
 * import { VirtualClock } from '@halyard/testkit'
 *
 * const clock = new VirtualClock({ wall: Date.UTC(2024, 0, 1) })
 * clock.setTimer(1500, () => console.log(new Date(clock.now()).toISOString())) // 2024-01-01T00:00:01.500Z
 * await clock.advance(60_000)
 * console.log(clock.monotonic()) // 60000
 * ```
 */
export class VirtualClock implements Clock {
  #wallAtBoot: number
  #monotonic = 0
  #boots = 1
  /** In the order in which they fire: by time, and those of one time as they were set. */
  #timers: VirtualTimer[] = []

  /** @throws {UsageError} `ERR_TESTKIT_ARGUMENT` if `wall` is not a time. */
  constructor(options: VirtualClockOptions = {}) {
    this.#wallAtBoot = timeOf(options.wall ?? Date.UTC(2024, 5, 1))
  }

  get bootId(): string {
    return `virtual-boot-${this.#boots}`
  }

  now(): number {
    return this.#wallAtBoot + this.#monotonic
  }

  monotonic(): number {
    return this.#monotonic
  }

  setTimer(milliseconds: number, callback: () => void): Timer {
    const timer = { at: this.#monotonic + (milliseconds > 0 ? milliseconds : 0), callback }
    const behind = this.#timers.findIndex((other) => other.at > timer.at)
    this.#timers.splice(behind === -1 ? this.#timers.length : behind, 0, timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  /** The timers that have not fired, next one first. */
  get pendingTimers(): readonly PendingTimer[] {
    return this.#timers.map(({ at }) => ({ at }))
  }

  /**
   * Lets so many milliseconds pass. Timers fire in order, each at its own time; before the first, between two and
   * behind the last everything that waits for promises and I/O callbacks already due runs, so timers that it sets in
   * time fire too.
   *
   * @throws {UsageError} `ERR_TESTKIT_ARGUMENT` if the milliseconds are negative or not finite.
   */
  async advance(milliseconds: number): Promise<void> {
    if (!(milliseconds >= 0 && milliseconds < Infinity)) {
      const message = `advance(${milliseconds}); give milliseconds from 0: only setWall() goes back`
      throw new UsageError('ERR_TESTKIT_ARGUMENT', message)
    }
    const boot = this.#boots
    const end = this.#monotonic + milliseconds
    await settled()
    while (this.#boots === boot) {
      const next = this.#timers[0]
      if (next === undefined || next.at > end) {
        this.#monotonic = Math.max(this.#monotonic, end)
        return
      }
      this.#timers.shift()
      this.#monotonic = Math.max(this.#monotonic, next.at)
      next.callback()
      await settled()
    }
  }

  /**
   * Goes straight to the next timer and fires it. Returns false, and lets no time pass, if there is none.
   */
  async advanceToNextTimer(): Promise<boolean> {
    await settled()
    const next = this.#timers[0]
    if (next === undefined) return false
    await this.advance(Math.max(0, next.at - this.#monotonic))
    return true
  }

  /**
   * Sets the wall clock, forwards or back, as NTP does. No timer fires for it and `monotonic()` stays.
   *
   * @throws {UsageError} `ERR_TESTKIT_ARGUMENT` if it is not a time.
   */
  setWall(wall: Date | number): void {
    this.#wallAtBoot = timeOf(wall) - this.#monotonic
  }

  /**
   * Begins another boot: a new `bootId`, `monotonic()` from 0, all timers gone without firing.
   *
   * @param options `wall`: what the clock shows at the start; a device without a battery says 0. Default: as it was.
   * @throws {UsageError} `ERR_TESTKIT_ARGUMENT` if `wall` is not a time.
   */
  reboot(options: VirtualClockOptions = {}): void {
    this.#wallAtBoot = timeOf(options.wall ?? this.now())
    this.#monotonic = 0
    this.#timers = []
    this.#boots += 1
  }
}

interface VirtualTimer {
  readonly at: number
  readonly callback: () => void
}

/** A turn of the event loop empties the whole queue of promise jobs, however long the chain is. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function timeOf(wall: Date | number): number {
  const time = Number(wall)
  if (!Number.isFinite(time)) {
    throw new UsageError('ERR_TESTKIT_ARGUMENT', `the wall clock cannot show ${time}; give a Date or milliseconds`)
  }
  return time
}
