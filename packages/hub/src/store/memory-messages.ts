import { Numbered } from '../domain/numbered.ts'
import type { Lsn } from '../domain/ports.ts'
import type { MessageStore, Position } from '../domain/positions.ts'

interface Held<M> {
  readonly message: M
  readonly bytes: number
  times: number
  lsn: Lsn
}

/** Messages that sessions wait for, in memory; each once. */
export class MemoryMessages<M> implements MessageStore<M> {
  readonly #held = new Numbered<Held<M>>()
  #next: Position = 1
  #bytes = 0
  /** Of all sessions that get a message each asks for it. */
  #latest: Held<M> | undefined
  #latestAt: Position = 0

  get bytes(): number {
    return this.#bytes
  }

  get count(): number {
    return this.#held.size
  }

  hold(message: M, bytes: number): Position {
    const position = this.#next++
    this.#put(position, { message, bytes, times: 1, lsn: 0 })
    return position
  }

  share(position: Position): boolean {
    const held = this.#at(position)
    if (held === undefined) return false
    held.times++
    return true
  }

  get(position: Position): M | undefined {
    return this.#at(position)?.message
  }

  isLast(position: Position): boolean {
    return this.#at(position)?.times === 1
  }

  lsnOf(position: Position): Lsn {
    return this.#at(position)?.lsn ?? 0
  }

  wrote(position: Position, lsn: Lsn): void {
    const held = this.#at(position)
    if (held !== undefined) held.lsn = lsn
  }

  *writtenBefore(lsn: Lsn): Generator<readonly [Position, M]> {
    for (const [position, held] of this.#held.entries()) {
      if (held.lsn !== 0 && held.lsn < lsn) yield [position, held.message]
    }
  }

  restore(position: Position, message: M, bytes: number): void {
    this.#put(position, { message, bytes, times: 0, lsn: 1 })
    this.#next = Math.max(this.#next, position + 1)
  }

  forgetUnheld(last: Position): void {
    this.#next = Math.max(this.#next, last + 1)
    for (const [position, { times }] of this.#held.entries()) if (times === 0) this.release(position)
  }

  release(position: Position): void {
    const held = this.#at(position)
    if (!held || --held.times > 0) return
    this.#held.delete(position)
    this.#bytes -= held.bytes
    this.#latest = undefined
    this.#latestAt = 0
  }

  #at(position: Position): Held<M> | undefined {
    if (position === this.#latestAt) return this.#latest
    const held = this.#held.get(position)
    if (held !== undefined) {
      this.#latest = held
      this.#latestAt = position
    }
    return held
  }

  #put(position: Position, held: Held<M>): void {
    this.#held.set(position, held)
    this.#bytes += held.bytes
    this.#latest = held
    this.#latestAt = position
  }
}
