/** What became of the last messages: what `why` answers, and what keeps an id from being sent twice. */
import type { Ids } from './ids.ts'
import type { Live } from './item.ts'
import type { SettledRecord } from './record.ts'
import type { OutboxEntry, OutboxState } from './types.ts'

/** So many settled messages are remembered. */
const CAPACITY = 10_000

export interface SettledItem extends SettledRecord {
  /** where its record lies, and how long it is */
  readonly segment: number
  readonly recordBytes: number
}

class Line implements SettledItem {
  /** '' for one whose name follows from its number, see {@link Ledger.forgetful} */
  id: string
  number = 0
  destination: string
  state: OutboxState
  order: number
  reason: string
  attempts: number
  size: number
  queuedAt: number
  settledAt: number
  segment: number
  recordBytes: number

  constructor(record: SettledRecord, segment: number, recordBytes: number) {
    this.id = record.id
    this.destination = record.destination
    this.state = record.state
    this.order = record.order
    this.reason = record.reason
    this.attempts = record.attempts
    this.size = record.size
    this.queuedAt = record.queuedAt
    this.settledAt = record.settledAt
    this.segment = segment
    this.recordBytes = recordBytes
  }

  /**
   * The line of the oldest takes in that of the newest: a line of its own for each would live just long enough to become
   * the garbage that is dear to collect.
   */
  take(live: Live, id: string, segment: number): void {
    this.id = id
    this.number = live.item.order
    this.destination = live.destination
    this.state = live.state
    this.order = live.order
    this.reason = live.reason
    this.attempts = live.attempts
    this.size = live.size
    this.queuedAt = live.queuedAt
    this.settledAt = live.settledAt
    this.segment = segment
    this.recordBytes = live.recordBytes
  }
}

export class Ledger {
  /** `undefined`: nobody has asked yet, see {@link forgetful}. */
  #byId: Map<string, Line> | undefined = new Map()
  #ids: Ids | undefined
  /** In the order of settlement; the oldest is overwritten. */
  #ring: Line[] = []
  #next = 0

  /** Bytes of the records of all that is remembered. */
  bytes = 0

  /**
   * Of an outbox in memory: its lines lie in no segment, and most of them nobody ever asks for. They are only put in a row,
   * and found by their ids from the first time on that somebody does: a map costs a third of what a message costs. Until
   * then ids are not even kept, where they follow from the number of the message.
   */
  forgetful(ids: Ids): void {
    if (this.#ring.length > 0) return
    this.#byId = undefined
    this.#ids = ids
  }

  /** A message whose fate is written, in a segment. */
  add(live: Live, segment: number): void {
    const byId = this.#byId
    const forgotten = this.#ring[this.#next]
    // The same id may have been used again since: only its own entry is forgotten.
    if (forgotten !== undefined && byId?.get(forgotten.id) === forgotten) this.#forget(forgotten)
    const earlier = byId?.get(live.id)
    if (earlier !== undefined) this.#forget(earlier)
    const line = forgotten ?? new Line(live, segment, live.recordBytes)
    line.take(live, byId === undefined && !live.isNamed ? '' : live.id, segment)
    this.#ring[this.#next] = line
    this.#next = (this.#next + 1) % CAPACITY
    byId?.set(line.id, line)
    this.bytes += live.recordBytes
  }

  get #lines(): Map<string, Line> {
    if (this.#byId !== undefined) return this.#byId
    const lines = new Map<string, Line>()
    // Oldest first: of an id that was used again the newest line counts.
    for (let index = 0; index < this.#ring.length; index++) {
      const line = this.#ring[(this.#next + index) % this.#ring.length]
      if (line === undefined) continue
      if (line.id === '') line.id = this.#ids?.of(line.number) ?? ''
      lines.set(line.id, line)
    }
    return (this.#byId = lines)
  }

  /** One entry of an earlier process; {@link begin} follows when all are there. */
  replay(record: SettledRecord, segment: number, recordBytes: number): void {
    const earlier = this.#lines.get(record.id)
    if (earlier !== undefined) this.#forget(earlier)
    this.#lines.set(record.id, new Line(record, segment, recordBytes))
    this.bytes += recordBytes
  }

  /** Remembers the last of them, which need not be those that stand last in the log. Gives the highest order. */
  begin(): number {
    const items = [...this.#lines.values()].sort((a, b) => a.order - b.order)
    for (const item of items.slice(0, -CAPACITY)) this.#forget(item)
    this.#ring = items.slice(-CAPACITY)
    this.#next = this.#ring.length % CAPACITY
    return items.at(-1)?.order ?? 0
  }

  clear(): void {
    this.#lines.clear()
    this.bytes = 0
  }

  line(id: string): SettledItem | undefined {
    const line = this.#lines.get(id)
    // A copy: it may stand for another message soon.
    return line && new Line(line, line.segment, line.recordBytes)
  }

  get(id: string): OutboxEntry | undefined {
    const item = this.#lines.get(id)
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
    const line = this.#lines.get(id)
    if (line?.order === order) line.segment = segment
  }

  #forget(item: SettledItem): void {
    this.#lines.delete(item.id)
    this.bytes -= item.recordBytes
  }

  *#remembered(): Generator<SettledItem> {
    for (let index = 0; index < this.#ring.length; index++) {
      const item = this.#ring[(this.#next + index) % this.#ring.length]
      if (item !== undefined && this.#lines.get(item.id) === item) yield item
    }
  }
}

export function entryOf(item: SettledRecord): OutboxEntry {
  const { id, destination, state, reason, attempts, size } = item
  const queuedAt = new Date(item.queuedAt)
  const settledAt = new Date(item.settledAt)
  // Spreading what is mostly not there costs more than the rest.
  if (reason === '') return { id, destination, state, queuedAt, settledAt, attempts, size }
  return { id, destination, state, reason, queuedAt, settledAt, attempts, size }
}
