/** Drops what has waited too long. */
import type { Clock, Timer } from '../clock.ts'
import type { Custody } from './custody.ts'
import type { Item } from './item.ts'

/** Many deadlines in a row are seen to together. */
const MIN_INTERVAL = 10

export class Expiry {
  readonly #custody: Custody
  readonly #clock: Clock
  readonly #watched = new Set<Item>()
  #timer: Timer | undefined
  #due = Infinity

  constructor(custody: Custody, clock: Clock) {
    this.#custody = custody
    this.#clock = clock
  }

  watch(item: Item): void {
    if (item.deadline === undefined) return
    this.#watched.add(item)
    if (item.deadline < this.#due) this.#schedule(item.deadline)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#watched.clear()
  }

  #schedule(due: number): void {
    this.#timer?.cancel()
    this.#due = due
    this.#timer = this.#clock.setTimer(Math.max(0, due - this.#clock.monotonic()), () => this.#look())
  }

  /** Settled, long before its time perhaps. */
  forget(item: Item): void {
    this.#watched.delete(item)
  }

  #look(): void {
    const now = this.#clock.monotonic()
    this.#due = Infinity
    let next = Infinity
    for (const item of this.#watched) {
      const { deadline = Infinity } = item
      if (deadline > now) {
        next = Math.min(next, deadline)
      } else {
        this.#watched.delete(item)
        this.#custody.withdraw(item, 'expired')
      }
    }
    if (next < Infinity) this.#schedule(Math.max(next, now + MIN_INTERVAL))
  }
}
