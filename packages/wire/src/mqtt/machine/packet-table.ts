/**
 * Values by packet identifier. Identifiers that are in use mostly lie close together, and wander: so they have pages, of
 * which only those exist that hold something. A map of as many leaves its old tables behind, again and again.
 *
 * ```
 * 0x0421 ──▶ page 0x04 │ … │ value 0x21 │ … │
 * ```
 */
export class PacketTable<Value> {
  readonly #pages: (Page<Value> | undefined)[] = []
  /** An empty page: the next one that is needed. */
  #spare: Page<Value> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get(packetId: number): Value | undefined {
    return this.#pages[packetId >> 8]?.values[packetId & 0xff]
  }

  set(packetId: number, value: Value): void {
    const page = (this.#pages[packetId >> 8] ??= this.#page())
    if (page.values[packetId & 0xff] === undefined) {
      page.used++
      this.#size++
    }
    page.values[packetId & 0xff] = value
  }

  delete(packetId: number): void {
    const page = this.#pages[packetId >> 8]
    if (page?.values[packetId & 0xff] === undefined) return
    page.values[packetId & 0xff] = undefined
    this.#size--
    if (--page.used > 0) return
    this.#pages[packetId >> 8] = undefined
    this.#spare = page
  }

  #page(): Page<Value> {
    const page = this.#spare ?? { values: Array<Value | undefined>(256).fill(undefined), used: 0 }
    this.#spare = undefined
    return page
  }
}

interface Page<Value> {
  readonly values: (Value | undefined)[]
  used: number
}
