/**
 * All messages that are owed, in the order in which they came. Most of them nobody ever asks for by name, and a map costs
 * a fifth of what a message costs: so they stand in a row, until somebody asks for the first time.
 *
 * ```
 * oldest ⇄ … ⇄ newest      by id: from the first `get` on, instead of the row
 * ```
 */
import type { Item, Live } from './item.ts'

export class Owed {
  #byId: Map<string, Item> | undefined = undefined
  #oldest: Item | undefined = undefined
  #newest: Item | undefined = undefined
  #inRow = 0

  get size(): number {
    return this.#byId?.size ?? this.#inRow
  }

  /** Those that were found on disk have their names already. */
  begin(found: Map<string, Item>): void {
    this.#byId = found
  }

  add(item: Item): void {
    if (this.#byId !== undefined) {
      this.#byId.set(item.id, item)
      return
    }
    const { alive } = item
    alive.older = this.#newest
    if (this.#newest === undefined) this.#oldest = item
    else this.#newest.alive.newer = item
    this.#newest = item
    this.#inRow++
  }

  delete(item: Item): void {
    if (this.#byId !== undefined) this.#byId.delete(item.id)
    else this.#unlink(item.alive)
  }

  get(id: string): Item | undefined {
    this.#byId ??= this.#named()
    return this.#byId.get(id)
  }

  /** As they are now: whoever goes through them may settle them. */
  all(): readonly Item[] {
    if (this.#byId !== undefined) return [...this.#byId.values()]
    const items: Item[] = []
    for (let item = this.#oldest; item !== undefined; item = item.alive.newer) items.push(item)
    return items
  }

  #unlink(live: Live): void {
    const { older, newer } = live
    if (older === undefined) this.#oldest = newer
    else older.alive.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.alive.older = older
    live.older = undefined
    live.newer = undefined
    this.#inRow--
  }

  #named(): Map<string, Item> {
    const byId = new Map<string, Item>()
    for (const item of this.all()) {
      byId.set(item.id, item)
      this.#unlink(item.alive)
    }
    return byId
  }
}
