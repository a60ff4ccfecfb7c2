/** A promise that somebody else settles. */
export class Later<T> {
  readonly promise: Promise<T>
  resolve!: (value: T) => void
  reject!: (error: Error) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // Whoever waits hears of it; that nobody does is no failure.
    this.promise.catch(() => {})
  }
}
