import type { Position } from './positions.ts'

const CHUNK = 256

interface Chunk {
  readonly positions: Float64Array
  /** Of all that ever came before each. */
  readonly bytesBefore: Float64Array
  readonly marks: Uint8Array
  /** Whose next one it is. */
  readonly readers: Uint32Array
}

/**
 * One row of positions for many who wait for the same: each is a place in it, and what costs is done once for all. What
 * all have passed is let go of, so that a row which nobody reads holds nothing.
 *
 * ```
 *        start      a reader    two readers      end
 * gone ──▶│ p p p p ▲ p p p p p p ▲▲ p p p p p p ▲│◀── push
 * ```
 *
 * Places are counted from the first that ever was.
 */
export class SharedRow {
  readonly #release: (position: Position) => void
  readonly #chunks: Chunk[] = []
  /** Of the first chunk, its first place. */
  #base: number
  #start: number
  #end: number
  #bytes = 0
  #readers = 0

  /** `release`: called once for each position. `first`: the place of the first. */
  constructor(release: (position: Position) => void, first = 0) {
    this.#release = release
    this.#base = this.#start = this.#end = first
  }

  /** The first place that is still there. */
  get start(): number {
    return this.#start
  }

  /** Behind the last one. */
  get end(): number {
    return this.#end
  }

  get readers(): number {
    return this.#readers
  }

  push(position: Position, bytes: number, mark: number): void {
    const chunk = this.#chunkAt(this.#end)
    const at = this.#slot(this.#end++)
    chunk.positions[at] = position
    chunk.bytesBefore[at] = this.#bytes
    chunk.marks[at] = mark
    this.#bytes += bytes
  }

  positionAt(place: number): Position {
    return this.#chunkAt(place).positions[this.#slot(place)] ?? 0
  }

  markAt(place: number): number {
    return this.#chunkAt(place).marks[this.#slot(place)] ?? 0
  }

  /** The first place from `from` on whose position is not smaller; `to`, or the end, if there is none. */
  placeOf(position: Position, from: number, to: number): number {
    let least = from
    let end = Math.max(from, Math.min(to, this.#end))
    while (least < end) {
      const middle = Math.floor((least + end) / 2)
      if (this.positionAt(middle) < position) least = middle + 1
      else end = middle
    }
    return least
  }

  bytesBetween(from: number, to: number): number {
    return this.#bytesBefore(to) - this.#bytesBefore(from)
  }

  /** A place from {@link start} to {@link end}. */
  enter(place: number): void {
    this.#readers++
    this.#count(place, 1)
  }

  /** Forwards. */
  move(from: number, to: number): void {
    this.#count(from, -1)
    this.#count(to, 1)
    if (from === this.#start) this.tidy()
  }

  leave(place: number): void {
    this.#readers--
    this.#count(place, -1)
    if (place === this.#start || this.#readers === 0) this.tidy()
  }

  /** Lets go of what nobody is going to read. */
  tidy(): void {
    while (this.#start < this.#end) {
      const at = this.#slot(this.#start)
      const chunk = this.#chunkAt(this.#start)
      if (chunk.readers[at] !== 0) return
      this.#start++
      this.#release(chunk.positions[at] ?? 0)
      if (at < CHUNK - 1) continue
      this.#chunks.shift()
      this.#base += CHUNK
    }
  }

  #bytesBefore(place: number): number {
    if (place >= this.#end) return this.#bytes
    return this.#chunkAt(place).bytesBefore[this.#slot(place)] ?? 0
  }

  #count(place: number, change: 1 | -1): void {
    const { readers } = this.#chunkAt(place)
    const at = this.#slot(place)
    readers[at] = (readers[at] ?? 0) + change
  }

  #slot(place: number): number {
    return (place - this.#base) % CHUNK
  }

  /** The place behind the last one has one too: whoever has read everything stands there. */
  #chunkAt(place: number): Chunk {
    const index = Math.floor((place - this.#base) / CHUNK)
    return (this.#chunks[index] ??= {
      positions: new Float64Array(CHUNK),
      bytesBefore: new Float64Array(CHUNK),
      marks: new Uint8Array(CHUNK),
      readers: new Uint32Array(CHUNK),
    })
  }
}
