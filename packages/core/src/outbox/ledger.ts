/** What became of the last messages: what `why` answers, and what keeps an id from being sent twice. */
import type { SettledRecord } from './record.ts'
import type { OutboxEntry } from './types.ts'

/** So many settled messages are remembered. */
const CAPACITY = 10_000

export interface SettledItem extends SettledRecord {
  /** where its record lies */
  segment: number
  readonly recordBytes: number
}

export class Ledger {
  /** bytes of the records of what is remembered */
  recordBytes = 0
  readonly #byId = new Map<string, SettledItem>()
  /** In the order of settlement; the oldest is overwritten. */
  readonly #ring: SettledItem[] = []
  #next = 0

  add(item: SettledItem): void {
    const forgotten = this.#ring[this.#next]
    // The same id may have been used again since: only its own entry is forgotten.
    if (forgotten !== undefined && this.#byId.get(forgotten.id) === forgotten) this.#forget(forgotten)
    this.#ring[this.#next] = item
    this.#next = (this.#next + 1) % CAPACITY
    const same = this.#byId.get(item.id)
    if (same !== undefined) this.#forget(same)
    this.#byId.set(item.id, item)
    this.recordBytes += item.recordBytes
  }

  get(id: string): OutboxEntry | undefined {
    const item = this.#byId.get(id)
    return item && entryOf(item)
  }

  /** Oldest first. */
  *entries(): Generator<OutboxEntry> {
    for (const item of this.#remembered()) yield entryOf(item)
  }

  *inSegment(segment: number): Generator<SettledItem> {
    for (const item of this.#remembered()) if (item.segment === segment) yield item
  }

  get size(): number {
    return this.#byId.size
  }

  #forget(item: SettledItem): void {
    this.#byId.delete(item.id)
    this.recordBytes -= item.recordBytes
  }

  *#remembered(): Generator<SettledItem> {
    for (let index = 0; index < this.#ring.length; index++) {
      const item = this.#ring[(this.#next + index) % this.#ring.length]
      if (item !== undefined && this.#byId.get(item.id) === item) yield item
    }
  }
}

function entryOf(item: SettledItem): OutboxEntry {
  return {
    id: item.id,
    destination: item.destination,
    state: item.state,
    ...(item.reason !== '' && { reason: item.reason }),
    queuedAt: new Date(item.queuedAt),
    settledAt: new Date(item.settledAt),
    attempts: item.attempts,
    size: item.size,
  }
}
