import type { Disk } from '../disk.ts'
import type { HalyardError } from '../errors.ts'

/** Told once, in order: the record lasts, or it certainly does not. */
export interface StoreWaiter {
  committed(lsn: number, segment: number, offset: number): void
  failed(error: HalyardError): void
}

/**
 * Where the outbox keeps what it owes: a log of records on disk, or nothing but the memory of this process. The outbox
 * knows what the records mean, the store only makes them last.
 */
export interface OutboxStore {
  /** Whether anything is left when the process ends. */
  readonly durable: boolean
  /** bytes on disk */
  readonly bytes: number
  /** files on disk */
  readonly segments: number
  /** The bytes are copied. */
  append(record: Uint8Array, waiter: StoreWaiter): void
  read(segment: number, offset: number): Promise<Uint8Array>
  /** Records of which many may lie side by side; `undefined` for one that cannot be read this way. Never rejects. */
  readMany(places: readonly RecordPlace[]): Promise<readonly (Uint8Array | undefined)[]>
  /** The oldest part that could be given up, and the number of the first record behind it. */
  readonly oldest: { readonly segment: number; readonly end: number } | undefined
  dropBelow(lsn: number): Promise<void>
  close(): Promise<void>
}

/** Where a record lies, and how long it is. */
export interface RecordPlace {
  readonly segment: number
  readonly offset: number
  readonly bytes: number
}

export interface OpenedRecord {
  /** The record lies in `bytes` from `start` to `end`, during the call. */
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly segment: number
  readonly offset: number
}

export type OpenStore = (options: {
  readonly path: string
  readonly readOnly: boolean
  readonly replay: (record: OpenedRecord) => void
  /** Called before every replay: reading beside an owner may have to begin again. */
  readonly reset: () => void
  readonly report: (object: object, message: string) => void
  readonly disk?: Disk | undefined
  readonly segmentBytes: number
}) => Promise<OutboxStore>

/** No disk: a record is as good as kept when this turn is over. */
export class MemoryStore implements OutboxStore {
  readonly durable = false
  readonly bytes = 0
  readonly segments = 0
  readonly oldest = undefined
  #lsn = 0
  #waiting: (StoreWaiter | undefined)[] = []

  append(_record: Uint8Array, waiter: StoreWaiter): void {
    if (this.#waiting.push(waiter) === 1) queueMicrotask(() => this.#commit())
  }

  read(): Promise<Uint8Array> {
    return Promise.reject(new TypeError('nothing can be read back from memory: the outbox keeps the calls itself'))
  }

  readMany(): Promise<readonly (Uint8Array | undefined)[]> {
    return Promise.resolve([])
  }

  dropBelow(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #commit(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const waiter of waiting) waiter?.committed(++this.#lsn, 0, 0)
    // A list that has grown old keeps alive what was in it, until it is itself collected.
    waiting.fill(undefined)
  }
}
