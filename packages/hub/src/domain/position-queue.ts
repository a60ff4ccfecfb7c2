import type { Position } from './positions.ts'

const CHUNK = 256

/** A row of positions, oldest first. An empty one holds no memory; one of 100,000 holds 0.8 MB. */
export class PositionQueue {
  readonly #chunks: Float64Array[] = []
  /** Of the first chunk. */
  #start = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(position: Position): void {
    const at = this.#start + this.#length++
    const chunk = Math.floor(at / CHUNK)
    if (chunk === this.#chunks.length) this.#chunks.push(new Float64Array(CHUNK))
    const target = this.#chunks[chunk]
    if (target) target[at % CHUNK] = position
  }

  /** The oldest, still in the row. */
  peek(): Position | undefined {
    return this.#length === 0 ? undefined : this.#chunks[0]?.[this.#start]
  }

  shift(): Position | undefined {
    const position = this.peek()
    if (position === undefined) return undefined
    this.#length--
    if (++this.#start === CHUNK || this.#length === 0) {
      this.#chunks.shift()
      this.#start = 0
    }
    return position
  }

  *[Symbol.iterator](): Generator<Position> {
    for (let index = 0; index < this.#length; index++) {
      const at = this.#start + index
      const position = this.#chunks[Math.floor(at / CHUNK)]?.[at % CHUNK]
      if (position !== undefined) yield position
    }
  }

  clear(): void {
    this.#chunks.length = 0
    this.#start = 0
    this.#length = 0
  }
}
