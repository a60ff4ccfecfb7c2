/** What became of the last messages: what `why` answers, and what keeps an id from being sent twice. */
import type { SettledRecord } from './record.ts'
import type { OutboxEntry } from './types.ts'

/** So many settled messages are remembered. */
const CAPACITY = 10_000

type Line = { -readonly [Field in keyof SettledItem]: SettledItem[Field] }

export interface SettledItem extends SettledRecord {
  /** where its record lies, and how long it is */
  segment: number
  recordBytes: number
}

export class Ledger {
  readonly #byId = new Map<string, Line>()
  /** In the order of settlement; the oldest is overwritten. */
  #ring: Line[] = []
  #next = 0

  /** Bytes of the records of all that is remembered. */
  bytes = 0

  add(item: SettledItem): void {
    const forgotten = this.#ring[this.#next]
    // The same id may have been used again since: only its own entry is forgotten.
    if (forgotten !== undefined && this.#byId.get(forgotten.id) === forgotten) this.#forget(forgotten)
    const earlier = this.#byId.get(item.id)
    if (earlier !== undefined) this.#forget(earlier)
    const line = copied(item, forgotten)
    this.#ring[this.#next] = line
    this.#next = (this.#next + 1) % CAPACITY
    this.#byId.set(line.id, line)
    this.bytes += item.recordBytes
  }

  /** One entry of an earlier process; {@link begin} follows when all are there. */
  replay(item: SettledItem): void {
    const earlier = this.#byId.get(item.id)
    if (earlier !== undefined) this.#forget(earlier)
    this.#byId.set(item.id, { ...item })
    this.bytes += item.recordBytes
  }

  /** Remembers the last of them, which need not be those that stand last in the log. Gives the highest order. */
  begin(): number {
    const items = [...this.#byId.values()].sort((a, b) => a.order - b.order)
    for (const item of items.slice(0, -CAPACITY)) this.#forget(item)
    this.#ring = items.slice(-CAPACITY)
    this.#next = this.#ring.length % CAPACITY
    return items.at(-1)?.order ?? 0
  }

  clear(): void {
    this.#byId.clear()
    this.bytes = 0
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

  /** The record of a settlement was copied to another segment; by then it may be forgotten. */
  moved({ id, order }: Pick<SettledItem, 'id' | 'order'>, segment: number): void {
    const line = this.#byId.get(id)
    if (line?.order === order) line.segment = segment
  }

  #forget(item: SettledItem): void {
    this.#byId.delete(item.id)
    this.bytes -= item.recordBytes
  }

  *#remembered(): Generator<SettledItem> {
    for (let index = 0; index < this.#ring.length; index++) {
      const item = this.#ring[(this.#next + index) % this.#ring.length]
      if (item !== undefined && this.#byId.get(item.id) === item) yield item
    }
  }
}

/**
 * The line of the oldest takes in that of the newest: a line of its own for each would live just long enough to become
 * the garbage that is dear to collect.
 */
function copied(item: SettledItem, into: Line | undefined): Line {
  if (into === undefined) return { ...item }
  into.id = item.id
  into.destination = item.destination
  into.state = item.state
  into.order = item.order
  into.reason = item.reason
  into.attempts = item.attempts
  into.size = item.size
  into.queuedAt = item.queuedAt
  into.settledAt = item.settledAt
  into.segment = item.segment
  into.recordBytes = item.recordBytes
  return into
}

export function entryOf(item: SettledItem): OutboxEntry {
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
