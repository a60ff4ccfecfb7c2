/**
 * What earlier processes left in the log: their records, read in order, become the messages that are owed and the ledger
 * of the others.
 */
import { ageOf } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { Destination, Item } from './item.ts'
import type { Keeper } from './item.ts'
import { Ledger } from './ledger.ts'
import { QUEUED, RecordDecoder, SETTLED, STAGE, STARTED, STOPPED, bootNumber } from './record.ts'
import type { QueuedHead } from './record.ts'
import type { OpenedRecord } from './store.ts'

export interface ReplayOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** milliseconds; Infinity: none */
  readonly maxAge: number
}

interface StageMark {
  readonly stage: number
  readonly segment: number
  readonly bytes: number
}

export class Replay {
  readonly items: Map<string, Item> = new Map()
  readonly ledger: Ledger = new Ledger()
  readonly destinations: Map<string, Destination> = new Map()
  /** Messages whose only attempt had begun when an earlier process ended. */
  readonly interrupted: Set<string> = new Set()
  /** How far messages got; a mark may stand before the only copy of its message that is left. */
  readonly #stages = new Map<string, StageMark>()
  /** A later version has written something that is not understood here: it must stay where it is. */
  holdsUnknown = false

  readonly #options: ReplayOptions
  readonly #keeper: Keeper
  readonly #decoder = new RecordDecoder()
  readonly #boot: number
  /** Copies at the end of the log stand behind messages that are younger. */
  #inOrder = true
  #order = 0

  constructor(options: ReplayOptions, keeper: Keeper) {
    this.#options = options
    this.#keeper = keeper
    this.#boot = bootNumber(options.clock.bootId)
  }

  /** Forgets what was read: a look beside a running owner may have to begin again. */
  reset(): void {
    this.items.clear()
    this.ledger.clear()
    this.destinations.clear()
    this.interrupted.clear()
    this.#stages.clear()
    this.#inOrder = true
    this.#order = 0
  }

  record({ bytes, start, end, segment, offset }: OpenedRecord): void {
    switch (this.#decoder.typeOf(bytes, start)) {
      case QUEUED:
        return this.#queued(this.#decoder.queued(bytes, start, end), segment, offset, end - start)
      case SETTLED: {
        const settled = this.#decoder.settled(bytes, start)
        this.items.delete(settled.id)
        this.interrupted.delete(settled.id)
        this.#stages.delete(settled.id)
        this.ledger.replay(settled, segment, end - start)
        return
      }
      case STARTED:
        this.interrupted.add(this.#decoder.attempt(bytes, start))
        return
      case STOPPED:
        this.interrupted.delete(this.#decoder.attempt(bytes, start))
        return
      case STAGE: {
        const { id, stage } = this.#decoder.stage(bytes, start)
        this.#stages.set(id, { stage, segment, bytes: end - start })
        return
      }
      default:
        return this.#unknown(segment, offset)
    }
  }

  /** All is read. What is owed, in its order. */
  finish(): Iterable<Item> {
    if (!this.#inOrder) {
      const owed = [...this.items.values()].sort((a, b) => a.order - b.order)
      this.items.clear()
      for (const item of owed) this.items.set(item.id, item)
    }
    for (const [id, mark] of this.#stages) {
      const item = this.items.get(id)
      if (item !== undefined) item.alive.mark = { ...mark, pending: 0 }
    }
    this.#stages.clear()
    return this.items.values()
  }

  destination(name: string): Destination {
    let destination = this.destinations.get(name)
    if (destination === undefined) this.destinations.set(name, (destination = new Destination(name, this.#keeper)))
    return destination
  }

  /** A copy of a message that is known says where it lies now, and nothing else. */
  #queued(record: QueuedHead, segment: number, offset: number, recordBytes: number): void {
    let item = this.items.get(record.id)
    if (item === undefined) {
      item = new Item({
        id: record.id,
        destination: this.destination(record.destination),
        priority: record.priority,
        order: record.order,
        atMostOnce: record.atMostOnce,
        size: record.size,
        queuedAt: record.wall,
        latest: record.latest === '' ? undefined : record.latest,
        deadline: this.#deadline(record),
      })
      item.earlier = true
      this.items.set(record.id, item)
      this.#inOrder &&= record.order > this.#order
      this.#order = record.order
    }
    item.segment = segment
    item.offset = offset
    item.recordBytes = recordBytes
  }

  /** What is left of a message's life, from now on. */
  #deadline({ expires, wall, monotonic, boot }: QueuedHead): number | undefined {
    const { clock, maxAge } = this.#options
    const life = lifetime(expires, maxAge)
    if (life === Infinity) return undefined
    const bootId = boot === this.#boot ? clock.bootId : ''
    return clock.monotonic() + life - ageOf({ wall, monotonic, bootId }, clock)
  }

  #unknown(segment: number, offset: number): void {
    if (!this.holdsUnknown) {
      const what = 'the outbox holds records that a later version wrote; they stay, and so does all of the log'
      this.#options.logger.warn({ segment, offset }, what)
    }
    this.holdsUnknown = true
  }
}

/** Milliseconds that a message may wait; `expires` in seconds, 0 for never. */
export function lifetime(expires: number, maxAge: number): number {
  return Math.min(expires === 0 ? Infinity : expires * 1000, maxAge)
}
