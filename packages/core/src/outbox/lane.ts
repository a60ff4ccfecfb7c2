/** What stands in a lane: one that may leave from the middle. */
export interface Linked<Self> {
  readonly order: number
  /** bytes of the body */
  readonly size: number
  previous: Self | undefined
  next: Self | undefined
}

/** The messages of one destination and priority that wait, oldest first: a list from whose middle one may leave. */
export class Lane<Item extends Linked<Item>> {
  head: Item | undefined = undefined
  /** messages that wait, and bytes of their bodies */
  length = 0
  bytes = 0
  #tail: Item | undefined = undefined
  /** The one that came back last: the next to come back mostly belongs beside it. */
  #returned: Item | undefined = undefined
  /** on the wire */
  inFlight = 0
  /** Dropped, and not yet written down: nothing may overtake what a crash would bring back. */
  dropping = 0
  /** of those that wait or are on the wire, how many were told that they are queued */
  told = 0
  /** The first attempts of messages that go out at most once, or were hard to read, are being prepared. */
  preparing = 0
  /**
   * One of a pipeline came back, or its link went: those that are still on the wire may come back too, and what is behind
   * them waits for that.
   */
  broken = false
  /** Calls are being read from the disk. */
  reading = false
  /** messages at the front that can go before more of them should be read */
  ahead = 0

  push(item: Item): void {
    this.#insertBehind(this.#tail, item)
  }

  /** Back to where its order puts it, which is mostly the front, or beside the one before. */
  putBack(item: Item): void {
    let behind = this.#returned
    while (behind !== undefined && behind.order > item.order) behind = behind.previous
    for (let next = behind === undefined ? this.head : behind.next; next !== undefined && next.order < item.order;) {
      behind = next
      next = next.next
    }
    this.#insertBehind(behind, item)
    this.#returned = item
  }

  remove(item: Item): void {
    if (item === this.#returned) this.#returned = item.previous
    this.length--
    this.bytes -= item.size
    if (item.previous === undefined) this.head = item.next
    else item.previous.next = item.next
    if (item.next === undefined) this.#tail = item.previous
    else item.next.previous = item.previous
    item.previous = undefined
    item.next = undefined
  }

  #insertBehind(previous: Item | undefined, item: Item): void {
    this.length++
    this.bytes += item.size
    const next = previous === undefined ? this.head : previous.next
    item.previous = previous
    item.next = next
    if (previous === undefined) this.head = item
    else previous.next = item
    if (next === undefined) this.#tail = item
    else next.previous = item
  }
}
