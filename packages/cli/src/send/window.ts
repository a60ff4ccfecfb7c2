/** What is on its way at once, and what comes of it, in the order in which it was given. */
export class Window<T> {
  readonly #maxItems: number
  readonly #maxBytes: number
  #items = 0
  #bytes = 0
  #last: Promise<void> = Promise.resolve()
  #onLeave: () => void = () => {}

  constructor(maxItems: number, maxBytes: number) {
    this.#maxItems = maxItems
    this.#maxBytes = maxBytes
  }

  /** Resolves when there is room for one more of so many bytes; a single one always fits. */
  async room(bytes: number): Promise<void> {
    while (this.#items >= this.#maxItems || (this.#items > 0 && this.#bytes + bytes > this.#maxBytes)) {
      await new Promise<void>((resolve) => (this.#onLeave = resolve))
    }
  }

  /** `settled` is called when it and all before it are over. */
  add(bytes: number, item: Promise<T>, settled: (result: PromiseSettledResult<T>) => void): void {
    this.#items += 1
    this.#bytes += bytes
    const over = Promise.allSettled([item])
    this.#last = this.#last.then(async () => {
      const [result] = await over
      this.#items -= 1
      this.#bytes -= bytes
      settled(result)
      this.#onLeave()
    })
  }

  /** Resolves when nothing is on its way any more. */
  async empty(): Promise<void> {
    await this.#last
  }
}
