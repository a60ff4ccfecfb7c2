import type { MessageStore, Position } from '../domain/positions.ts'

interface Held<M> {
  readonly message: M
  readonly bytes: number
  times: number
}

/** Messages that sessions wait for, in memory; each once. */
export class MemoryMessages<M> implements MessageStore<M> {
  readonly #held = new Map<Position, Held<M>>()
  #next: Position = 1
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get count(): number {
    return this.#held.size
  }

  hold(message: M, bytes: number): Position {
    const position = this.#next++
    this.#held.set(position, { message, bytes, times: 1 })
    this.#bytes += bytes
    return position
  }

  share(position: Position): boolean {
    const held = this.#held.get(position)
    if (held === undefined) return false
    held.times++
    return true
  }

  get(position: Position): M | undefined {
    return this.#held.get(position)?.message
  }

  release(position: Position): void {
    const held = this.#held.get(position)
    if (!held || --held.times > 0) return
    this.#held.delete(position)
    this.#bytes -= held.bytes
  }
}
