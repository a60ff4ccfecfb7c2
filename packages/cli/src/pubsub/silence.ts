import { setMaxListeners } from 'node:events'

/** Notices that whoever is waited for says nothing any more. */
export class Silence implements Disposable {
  /** Aborts when it has lasted too long, or with `interrupted`. */
  readonly signal: AbortSignal
  readonly #over = new AbortController()
  readonly #milliseconds: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #waiting = 0
  #isWatched = false

  /** @param milliseconds without a word, while something is waited for */
  constructor(milliseconds: number, interrupted: AbortSignal) {
    this.#milliseconds = milliseconds
    this.signal = AbortSignal.any([interrupted, this.#over.signal])
    // Each message on its way listens.
    setMaxListeners(0, this.signal)
  }

  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  /** From now on it counts. */
  watch(): void {
    this.#isWatched = true
    this.#begin()
  }

  /** Something more is waited for. */
  wait(): void {
    this.#waiting++
    this.#begin()
  }

  /** It came. */
  heard(): void {
    this.#waiting--
    if (this.#waiting > 0) return void this.#timer?.refresh()
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #begin(): void {
    if (!this.#isWatched || this.#waiting === 0 || this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#over.abort(), this.#milliseconds)
  }
}
