/** Keeps the process alive while somebody waits for an answer of ours, and only then. */
export class KeepAlive {
  #count = 0
  #timer: { ref?: () => void; unref?: () => void } | undefined

  stop(): void {
    clearInterval(this.#timer as unknown as number)
    this.#timer = undefined
  }

  /** Somebody begins to wait; `leave` follows for certain. */
  enter(): void {
    if (this.#count++ > 0) return
    // Days; in a browser it does nothing at all.
    this.#timer ??= setInterval(() => {}, 2 ** 30) as unknown as { ref?: () => void; unref?: () => void }
    this.#timer.ref?.()
  }

  leave(): void {
    if (--this.#count === 0) this.#timer?.unref?.()
  }
}
