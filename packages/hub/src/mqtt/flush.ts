/** When outputs are written: once per turn of the event loop, at its end, or earlier where nobody else is waiting. */

export interface Flushable {
  /** Hands to the transport what was put in. */
  flush(): void
}

/** A turn that read from so few sockets is a conversation, not a stream: its answers need not wait for the others. */
const FEW = 2

/**
 * All sockets that were readable in one poll share one write per target: `setImmediate`. But one message at a time, to
 * and fro, would pay a whole turn for each step: if the turn before read from at most two sockets, the flush comes right
 * behind the reader, by `process.nextTick`. Decided per turn, since decided per packet it would fire for each socket.
 */
export class Flusher {
  #marked: Flushable[] = []
  #spare: Flushable[] = []
  #readers = 0
  #readersBefore = 0
  #isScheduled = false
  #isNext = false
  readonly #onTurnEnd = (): void => this.#endTurn()
  readonly #onTick = (): void => {
    this.#isNext = false
    this.#flush()
  }

  /** It has something to write. Marked once: the output knows whether it is. */
  mark(output: Flushable): void {
    this.#marked.push(output)
    this.#schedule()
  }

  /** A socket was read; called when all that came of it has been marked. */
  read(): void {
    this.#readers++
    this.#schedule()
    if (this.#readersBefore <= FEW && this.#readers <= FEW && !this.#isNext && this.#marked.length > 0) {
      this.#isNext = true
      process.nextTick(this.#onTick)
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#onTurnEnd)
  }

  #endTurn(): void {
    this.#isScheduled = false
    this.#readersBefore = this.#readers
    this.#readers = 0
    this.#flush()
  }

  /** What is marked while it runs has the next turn. */
  #flush(): void {
    const marked = this.#marked
    if (marked.length === 0) return
    this.#marked = this.#spare
    for (const output of marked) output.flush()
    marked.length = 0
    this.#spare = marked
  }
}
