/** Records that go to the disk together: one buffer, one write, one sync. */
import type { StorageError } from '../../errors.ts'
import { RECORD_HEADER_BYTES, writeRecord } from './format.ts'
import type { LogWaiter, Lsn } from './types.ts'

const FIRST_BYTES = 16 * 1024
/** A larger group would be told to its waiters in one turn that others notice; a record that is larger goes alone. */
const MAX_BYTES = 256 * 1024
const MAX_RECORDS = 256

export class Group {
  length = 0
  last: Lsn = 0

  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #sealed = false
  readonly #lsns: Lsn[] = []
  readonly #waiters: (LogWaiter | undefined)[] = []
  #promise: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined

  takes(length: number): boolean {
    if (this.#sealed) return false
    return this.length === 0 || (this.length + length <= MAX_BYTES && this.#lsns.length < MAX_RECORDS)
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

  succeed(segment: number, offset: number): void {
    let at = 0
    for (let index = 0; index < this.#waiters.length; index++) {
      const waiter = this.#waiters[index]
      if (waiter !== undefined) tell(() => waiter.committed(this.#lsns[index] ?? 0, segment, offset + at))
      at += RECORD_HEADER_BYTES + this.#buffer.readUInt32LE(at + 4)
    }
    this.#promise?.resolve()
  }

  fail(error: StorageError): void {
    for (const waiter of this.#waiters) if (waiter !== undefined) tell(() => waiter.failed(error))
    this.#promise?.reject(error)
  }

  /** Empty again, for the next records; not if its buffer has grown past what a group should hold. */
  reuse(): Group | undefined {
    if (this.#buffer.length > MAX_BYTES) return undefined
    this.length = 0
    this.#sealed = false
    this.#lsns.length = 0
    this.#waiters.length = 0
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
function tell(call: () => void): void {
  try {
    call()
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
