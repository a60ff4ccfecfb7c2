/**
 * Numbers and texts in records. A number takes seven bits a byte, the lowest first, the eighth says that more follow; a
 * text is its length in bytes and UTF-8; a moment is a float of 64 bits, big endian.
 */
import { StorageError } from '@halyard/core'

const FIRST_BYTES = 4096
/** A larger one is let go of: one message of megabytes must not stay for ever. */
const KEPT_BYTES = 1024 * 1024
const SEVEN_BITS = 128

/** One record after the other in the same bytes: who takes one copies it. */
export class RecordWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #at = 0

  begin(version: number, kind: number): this {
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
    this.#bytes[0] = version
    this.#bytes[1] = kind
    this.#at = 2
    return this
  }

  get record(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  byte(value: number): this {
    this.#ensure(1)
    this.#bytes[this.#at++] = value
    return this
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(value: number): this {
    this.#ensure(8)
    let rest = value
    for (; rest >= SEVEN_BITS; rest = Math.floor(rest / SEVEN_BITS)) {
      this.#bytes[this.#at++] = (rest % SEVEN_BITS) | SEVEN_BITS
    }
    this.#bytes[this.#at++] = rest
    return this
  }

  moment(value: number): this {
    this.#ensure(8)
    this.#at = this.#bytes.writeDoubleBE(value, this.#at)
    return this
  }

  text(value: string): this {
    const length = Buffer.byteLength(value)
    this.number(length).#ensure(length)
    this.#at += this.#bytes.write(value, this.#at)
    return this
  }

  list<T>(values: readonly T[], write: (value: T) => void): this {
    this.number(values.length)
    for (const value of values) write(value)
    return this
  }

  /** Something writes itself there: it is given the bytes and where they begin. */
  room(size: number, write: (bytes: Uint8Array, at: number) => void): this {
    this.#ensure(size)
    write(this.#bytes, this.#at)
    this.#at += size
    return this
  }

  #ensure(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + more))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

export class RecordReader {
  readonly #bytes: Buffer
  #at = 2

  constructor(record: Uint8Array) {
    this.#bytes = Buffer.from(record.buffer, record.byteOffset, record.length)
  }

  byte(): number {
    if (this.#at >= this.#bytes.length) throw broken()
    return this.#bytes[this.#at++] ?? 0
  }

  number(): number {
    let value = 0
    for (let factor = 1; ; factor *= SEVEN_BITS) {
      const byte = this.byte()
      value += (byte % SEVEN_BITS) * factor
      if (!Number.isSafeInteger(value)) throw broken()
      if (byte < SEVEN_BITS) return value
    }
  }

  moment(): number {
    const at = this.#at
    if (at + 8 > this.#bytes.length) throw broken()
    this.#at = at + 8
    return this.#bytes.readDoubleBE(at)
  }

  text(): string {
    const length = this.number()
    const at = this.#at
    if (at + length > this.#bytes.length) throw broken()
    this.#at = at + length
    return this.#bytes.toString('utf8', at, this.#at)
  }

  list<T>(read: () => T): T[] {
    const count = this.number()
    // Each takes a byte at least: a wrong count ends at the end of the record, not of the memory.
    if (count > this.#bytes.length - this.#at) throw broken()
    return Array.from({ length: count }, read)
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at)
  }
}

export function broken(cause?: unknown): StorageError {
  return new StorageError(
    'ERR_HUB_RECORD',
    'the journal holds a record of an MQTT session that is none although its checksum is right; it was not written by this Halyard',
    { cause },
  )
}
