import type { ClientSubscription } from './session.ts'

const SECOND = 1000

/** Subscriptions that end by themselves, by the second in which they do: to look once a second costs what ends then. */
export class TimedSubscriptions {
  /** With their names. */
  readonly #bySecond = new Map<number, Map<ClientSubscription, string>>()
  /** No second before it has any. */
  #from = 0

  get size(): number {
    let size = 0
    for (const there of this.#bySecond.values()) size += there.size
    return size
  }

  /** One for ever is passed over. */
  add(name: string, subscription: ClientSubscription): void {
    const { validUntil } = subscription
    if (validUntil === Infinity) return
    // What is over already is found the next time.
    const second = Math.max(secondOf(validUntil), this.#from)
    const there = this.#bySecond.get(second)
    if (there) there.set(subscription, name)
    else this.#bySecond.set(second, new Map([[subscription, name]]))
  }

  remove(subscription: ClientSubscription): void {
    if (subscription.validUntil === Infinity) return
    const second = secondOf(subscription.validUntil)
    const there = this.#bySecond.get(second)
    if (there?.delete(subscription) === true && there.size === 0) this.#bySecond.delete(second)
  }

  /** Takes out those that are over at `now`, monotonic ms. One that went before it was due may be among them. */
  take(now: number): readonly (readonly [ClientSubscription, string])[] {
    const over: (readonly [ClientSubscription, string])[] = []
    for (const second of this.#secondsUpTo(secondOf(now))) {
      const there = this.#bySecond.get(second)
      if (there === undefined) continue
      for (const one of there) {
        if (one[0].validUntil > now) continue
        there.delete(one[0])
        over.push(one)
      }
      if (there.size === 0) this.#bySecond.delete(second)
    }
    this.#from = secondOf(now)
    return over
  }

  /** Few have passed, mostly; after a long pause there may be fewer that have anything. */
  *#secondsUpTo(last: number): Generator<number> {
    if (last - this.#from > this.#bySecond.size) {
      for (const second of [...this.#bySecond.keys()]) if (second <= last) yield second
      return
    }
    for (let second = this.#from; second <= last; second++) yield second
  }
}

function secondOf(time: number): number {
  return Math.floor(time / SECOND)
}
