import type { Position } from './positions.ts'

const CHUNK = 256

/** Of a row in which nothing stands. Nobody adds to it. */
const NO_CHUNKS: Chunk[] = []

interface Chunk {
  readonly positions: Float64Array
  readonly marks: Uint8Array
}

/** A row of positions, oldest first, each with a byte of its owner's. An empty one holds no memory; 100,000 hold 0.9 MB. */
export class PositionQueue {
  #chunks: Chunk[] = NO_CHUNKS
  /** Of the first chunk. */
  #start = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(position: Position, mark: number): void {
    const at = this.#start + this.#length++
    const index = Math.floor(at / CHUNK)
    if (index === this.#chunks.length) {
      if (this.#chunks === NO_CHUNKS) this.#chunks = []
      this.#chunks.push({ positions: new Float64Array(CHUNK), marks: new Uint8Array(CHUNK) })
    }
    const chunk = this.#chunks[index]
    if (!chunk) return
    chunk.positions[at % CHUNK] = position
    chunk.marks[at % CHUNK] = mark
  }

  /** The oldest, still in the row; 0 if there is none. */
  get first(): Position {
    return this.#length === 0 ? 0 : (this.#chunks[0]?.positions[this.#start] ?? 0)
  }

  /** Of the oldest. */
  get firstMark(): number {
    return this.#length === 0 ? 0 : (this.#chunks[0]?.marks[this.#start] ?? 0)
  }

  /** Gives the oldest away; 0 if there is none. */
  shift(): Position {
    const position = this.first
    if (this.#length === 0) return 0
    this.#length--
    if (++this.#start === CHUNK) {
      this.#chunks.shift()
      this.#start = 0
    }
    if (this.#length === 0) this.clear()
    return position
  }

  *[Symbol.iterator](): Generator<Position> {
    for (const [position] of this.entries()) yield position
  }

  /** With their marks. */
  *entries(): Generator<readonly [Position, number]> {
    for (let index = 0; index < this.#length; index++) {
      const at = this.#start + index
      const chunk = this.#chunks[Math.floor(at / CHUNK)]
      if (chunk !== undefined) yield [chunk.positions[at % CHUNK] ?? 0, chunk.marks[at % CHUNK] ?? 0]
    }
  }

  clear(): void {
    this.#chunks = NO_CHUNKS
    this.#start = 0
    this.#length = 0
  }
}
