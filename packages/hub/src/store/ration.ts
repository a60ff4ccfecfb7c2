/** Does a piece of work, and gives what it has cost: above 0, in units that are the ration's. */
type Work = () => number

/**
 * So much work in one turn of the event loop, whoever has it; what is more waits for the turns that follow, the first to
 * come first. Whoever does his in slices shares the turns with others like him, and sockets are served in between.
 */
export class Ration {
  readonly #perTurn: number
  #waiting: (() => number)[] = []
  /** The first that has not been done. */
  #next = 0
  #left: number
  #isRenewed = true

  constructor(perTurn: number) {
    this.#perTurn = perTurn
    this.#left = perTurn
  }

  /** Does it at once if something is left of this turn; the last one may take more than that. */
  do(work: Work): Promise<void> {
    this.#renewLater()
    return new Promise((resolve, reject) => {
      const run = (): number => {
        try {
          const cost = work()
          resolve()
          return cost
        } catch (error) {
          reject(error)
          return 1
        }
      }
      if (this.#left > 0 && this.#waiting.length === 0) this.#left -= run()
      else this.#waiting.push(run)
    })
  }

  #renewLater(): void {
    if (!this.#isRenewed) return
    this.#isRenewed = false
    setImmediate(() => this.#renew())
  }

  #renew(): void {
    this.#isRenewed = true
    this.#left = this.#perTurn
    while (this.#left > 0 && this.#next < this.#waiting.length) this.#left -= (this.#waiting[this.#next++] as Work)()
    if (this.#next < this.#waiting.length) {
      this.#renewLater()
      // Not for each turn: there may be ten thousand.
      if (this.#next * 2 < this.#waiting.length) return
    }
    this.#waiting = this.#waiting.slice(this.#next)
    this.#next = 0
  }
}
