/** Records that go to the disk together: one buffer, one write, one sync. */
import { StorageError } from '../../errors.ts'
import { RECORD_HEADER_BYTES, writeRecord } from './format.ts'
import type { LogPosition, LogWaiter, Lsn } from './types.ts'

const FIRST_BYTES = 16 * 1024
/** A larger group would keep the others waiting for the disk; a record that is larger goes alone. */
const MAX_BYTES = 256 * 1024
/** Waiters do something with what they are told; so many in one turn of the event loop nobody notices. */
const TOLD_IN_A_TURN = 128

export class Group {
  length = 0
  last: Lsn = 0
  /** When it got its first record; `performance.now()` */
  since = 0

  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #sealed = false
  /** waiters that have been told, and the bytes of their records */
  #told = 0
  #toldBytes = 0
  readonly #lsns: Lsn[] = []
  readonly #waiters: (LogWaiter | undefined)[] = []
  #promise: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined

  get records(): number {
    return this.#lsns.length
  }

  takes(length: number): boolean {
    if (this.#sealed) return false
    return this.length === 0 || this.length + length <= MAX_BYTES
  }

  add(lsn: Lsn, payload: Uint8Array, waiter: LogWaiter | undefined): void {
    this.#ensure(this.length + RECORD_HEADER_BYTES + payload.length)
    this.length = writeRecord(this.#buffer, this.length, lsn, payload)
    this.last = lsn
    this.#lsns.push(lsn)
    this.#waiters.push(waiter)
  }

  /** No more records: it is on its way. */
  seal(): void {
    this.#sealed = true
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  settled(): Promise<void> {
    this.#promise ??= withResolvers()
    return this.#promise.promise
  }

  /** Tells the next waiters what became of their records, in order. True while there are more. */
  tell(outcome: LogPosition | StorageError): boolean {
    const end = Math.min(this.#waiters.length, this.#told + TOLD_IN_A_TURN)
    for (; this.#told < end; this.#told++) {
      const waiter = this.#waiters[this.#told]
      if (waiter !== undefined) tellOne(waiter, this.#lsns[this.#told] ?? 0, outcome, this.#toldBytes)
      this.#toldBytes += RECORD_HEADER_BYTES + this.#buffer.readUInt32LE(this.#toldBytes + 4)
    }
    if (end < this.#waiters.length) return true
    if (outcome instanceof StorageError) this.#promise?.reject(outcome)
    else this.#promise?.resolve()
    return false
  }

  /** Empty again, for the next records; not if its buffer has grown past what a group should hold. */
  reuse(): Group | undefined {
    if (this.#buffer.length > MAX_BYTES) return undefined
    this.length = 0
    this.#sealed = false
    this.#lsns.length = 0
    this.#waiters.length = 0
    this.#told = 0
    this.#toldBytes = 0
    this.#promise = undefined
    return this
  }

  #ensure(length: number): void {
    if (length <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(length, Math.min(MAX_BYTES, this.#buffer.length * 2)))
    this.#buffer.copy(larger, 0, 0, this.length)
    this.#buffer = larger
  }
}

/** A waiter that throws is a defect, to be seen as one, and not to keep the others from being told. */
function tellOne(waiter: LogWaiter, lsn: Lsn, outcome: LogPosition | StorageError, at: number): void {
  try {
    if (outcome instanceof StorageError) waiter.failed(outcome)
    else waiter.committed(lsn, outcome.segment, outcome.offset + at)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve: () => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
