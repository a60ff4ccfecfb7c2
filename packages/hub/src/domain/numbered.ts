const CHUNK = 64

interface Chunk<V> {
  readonly slots: (V | undefined)[]
  count: number
}

/**
 * Things by numbers that are given one after the other and mostly go so: a `Map` of a million is built anew whenever it has
 * doubled, and is slower to look into. In the order of their numbers, if they were put in so.
 */
export class Numbered<V extends object> {
  readonly #chunks = new Map<number, Chunk<V>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(number: number): V | undefined {
    return this.#chunks.get(Math.floor(number / CHUNK))?.slots[number % CHUNK]
  }

  set(number: number, value: V): void {
    const index = Math.floor(number / CHUNK)
    let chunk = this.#chunks.get(index)
    if (chunk === undefined) {
      chunk = { slots: Array.from<undefined>({ length: CHUNK }), count: 0 }
      this.#chunks.set(index, chunk)
    }
    const slot = number % CHUNK
    if (chunk.slots[slot] === undefined) {
      chunk.count++
      this.#size++
    }
    chunk.slots[slot] = value
  }

  delete(number: number): void {
    const index = Math.floor(number / CHUNK)
    const chunk = this.#chunks.get(index)
    const slot = number % CHUNK
    if (chunk?.slots[slot] === undefined) return
    chunk.slots[slot] = undefined
    this.#size--
    if (--chunk.count === 0) this.#chunks.delete(index)
  }

  *values(): Generator<V> {
    for (const [, value] of this.entries()) yield value
  }

  /** What goes meanwhile is left out. */
  *entries(): Generator<readonly [number, V]> {
    for (const [index, { slots }] of this.#chunks) {
      for (let slot = 0; slot < CHUNK; slot++) {
        const value = slots[slot]
        if (value !== undefined) yield [index * CHUNK + slot, value]
      }
    }
  }
}
