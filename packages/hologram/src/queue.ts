/** First in, first out, with a bound: what is put in beyond it pushes the oldest out. Taking costs the same at any length. */
export class Queue<T> {
  readonly #sizeOf: (item: T) => number
  readonly #maxItems: number
  readonly #maxSize: number
  #items: (T | undefined)[] = []
  #head = 0
  #size = 0

  constructor(sizeOf: (item: T) => number, maxItems: number, maxSize: number) {
    this.#sizeOf = sizeOf
    this.#maxItems = maxItems
    this.#maxSize = maxSize
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  /** Gives how many were pushed out; the one that is put in always stays. */
  put(item: T): number {
    this.#items.push(item)
    this.#size += this.#sizeOf(item)
    let dropped = 0
    for (; this.length > 1 && (this.length > this.#maxItems || this.#size > this.#maxSize); dropped++) this.take()
    return dropped
  }

  take(): T | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head++] = undefined
    this.#size -= this.#sizeOf(item)
    // Half of it is empty: moving the rest is paid for by the takes that emptied it.
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  takeAll(): T[] {
    const all = this.#items.slice(this.#head) as T[]
    this.#items = []
    this.#head = 0
    this.#size = 0
    return all
  }
}
