interface Holder {
  readonly address: string
  readonly held: number
}

/** Down to this share of the limit is freed at once, so that a full house is not searched for every byte. */
const FREE_TO = 0.9

/**
 * Bytes of unfinished requests. When they pass the limit, the address that holds most gives: its largest go first. Who
 * sends little is never touched for the sake of who sends much.
 */
export class HeldBytes<T extends Holder> {
  readonly #limit: number
  readonly #evict: (holder: T) => void
  readonly #counted = new Map<T, number>()
  #total = 0

  constructor(limit: number, evict: (holder: T) => void) {
    this.#limit = limit
    this.#evict = evict
  }

  get total(): number {
    return this.#total
  }

  update(holder: T): void {
    const before = this.#counted.get(holder) ?? 0
    const held = holder.held
    if (held === before) return
    this.#total += held - before
    if (held === 0) this.#counted.delete(holder)
    else this.#counted.set(holder, held)
    if (this.#total > this.#limit) this.#free()
  }

  remove(holder: T): void {
    this.#total -= this.#counted.get(holder) ?? 0
    this.#counted.delete(holder)
  }

  #free(): void {
    const sums = new Map<string, number>()
    for (const [{ address }, bytes] of this.#counted) sums.set(address, (sums.get(address) ?? 0) + bytes)
    const largestFirst = [...this.#counted].sort(([, a], [, b]) => b - a)
    while (this.#total > this.#limit * FREE_TO) {
      const [heaviest] = [...sums].reduce((most, next) => (next[1] > most[1] ? next : most), ['', -1] as [
        string,
        number,
      ])
      const index = largestFirst.findIndex(([{ address }]) => address === heaviest)
      const [found] = index < 0 ? [] : largestFirst.splice(index, 1)
      if (!found) return
      const [holder, bytes] = found
      sums.set(heaviest, (sums.get(heaviest) ?? 0) - bytes)
      this.remove(holder)
      this.#evict(holder)
    }
  }
}
