interface Ending {
  /** Monotonic ms; Infinity: never. */
  readonly validUntil: number
}

const SECOND = 1000

/** Things that end by themselves, by the second in which they do: to look once a second costs what ends then. */
export class Timed<T extends Ending> {
  /** With their names. */
  readonly #bySecond = new Map<number, Map<T, string>>()
  /** No second before it has any. */
  #from = 0

  get size(): number {
    let size = 0
    for (const there of this.#bySecond.values()) size += there.size
    return size
  }

  /** One for ever is passed over. */
  add(name: string, thing: T): void {
    if (thing.validUntil === Infinity) return
    // What is over already is found the next time.
    const second = Math.max(secondOf(thing.validUntil), this.#from)
    const there = this.#bySecond.get(second)
    if (there) there.set(thing, name)
    else this.#bySecond.set(second, new Map([[thing, name]]))
  }

  /** One that was over when it was added may stay until the next {@link take}. */
  remove(thing: T): void {
    if (thing.validUntil === Infinity) return
    const second = secondOf(thing.validUntil)
    const there = this.#bySecond.get(second)
    if (there?.delete(thing) === true && there.size === 0) this.#bySecond.delete(second)
  }

  /** Takes out those that are over at `now`, monotonic ms. */
  take(now: number): readonly (readonly [T, string])[] {
    const over: (readonly [T, string])[] = []
    const last = secondOf(now)
    for (const second of this.#secondsUpTo(last)) {
      const there = this.#bySecond.get(second)
      if (there === undefined) continue
      for (const one of there) {
        const [thing] = one
        if (thing.validUntil > now) continue
        there.delete(thing)
        over.push(one)
      }
      if (there.size === 0) this.#bySecond.delete(second)
    }
    this.#from = last
    return over
  }

  /** Few have passed, mostly; after a long pause fewer may have anything. */
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
