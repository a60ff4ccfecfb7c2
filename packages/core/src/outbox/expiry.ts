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

  #look(): void {
    const now = this.#clock.monotonic()
    this.#due = Infinity
    let next = Infinity
    for (const item of this.#watched) {
      if (item.deadline === undefined || this.#custody.items.get(item.id) !== item || item.phase === 'settling') {
        this.#watched.delete(item)
      } else if (item.deadline > now || item.phase === 'storing') {
        // A slow disk may take longer than the message has.
        next = Math.min(next, item.deadline)
      } else if (item.phase === 'waiting') {
        this.#watched.delete(item)
        this.#custody.settle(item, 'dropped', 'expired')
      } else {
        // On the wire: if it comes back it is seen to there.
        this.#watched.delete(item)
      }
    }
    if (next < Infinity) this.#schedule(Math.max(next, now + MIN_INTERVAL))
  }
}
