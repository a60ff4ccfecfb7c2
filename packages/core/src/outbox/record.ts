/**
 * What the outbox writes into its log, little-endian. A string is its length in bytes (u16) and UTF-8.
 *
 * ```
 * queued   1  flags  order f64  wall f64  monotonic f64  boot u32  expires f64  id  destination  kind  latest
 *             options u32 + JSON  body
 * settled  2  state  order f64  attempts u32  size u32  queued f64  settled f64  id  destination  reason
 * started  3  0  id        an attempt of a message that goes out at most once begins
 * stopped  4  0  id        … and certainly did not reach the peer
 * stage    5  stage  id    how far it got in the words of its deliverer; the last one counts
 * ```
 *
 * `order` stays when a record is copied to the end of the log, so that the order of a destination and that of the
 * ledger do. A settled
 * record stands alone: the message that it settles may be gone from the log before it.
 */
import { ProtocolError } from '../errors.ts'
import type { OutboxState, Priority } from './types.ts'

export const QUEUED = 1
export const SETTLED = 2
export const STARTED = 3
export const STOPPED = 4
export const STAGE = 5

export const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low']
const AT_MOST_ONCE = 4
const PRIORITY_MASK = 3
const QUEUED_FIXED = 2 + 8 + 8 + 8 + 4 + 8
const SETTLED_FIXED = 2 + 8 + 4 + 4 + 8 + 8

/** The buffer of one very large record is not kept for all the small ones behind it. */
const MAX_KEPT_BUFFER = 256 * 1024

export interface QueuedRecord {
  readonly id: string
  readonly destination: string
  readonly kind: string
  readonly latest: string
  /** 0 high, 1 normal, 2 low */
  readonly priority: number
  readonly atMostOnce: boolean
  readonly order: number
  /** milliseconds since 1970 */
  readonly wall: number
  /** milliseconds of the boot that `boot` names */
  readonly monotonic: number
  /** {@link bootNumber} */
  readonly boot: number
  /** seconds; 0: never */
  readonly expires: number
  /** JSON text, '' for none */
  readonly options: string
  readonly body: Uint8Array
}

export interface SettledRecord {
  readonly id: string
  readonly destination: string
  /** Never `queued` */
  readonly state: OutboxState
  /** counts settlements */
  readonly order: number
  /** '' for none */
  readonly reason: string
  readonly attempts: number
  readonly size: number
  readonly queuedAt: number
  readonly settledAt: number
}

const utf8Encoder = new TextEncoder()
/** A text may begin with U+FEFF: it is part of it. */
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** A boot id as 32 bits (FNV-1a): all that is asked of it is whether it is this boot's. */
export function bootNumber(bootId: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < bootId.length; index++) {
    hash = Math.imul(hash ^ bootId.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}

/** Encodes records into one buffer that grows; what it gives is valid until the next call. */
export class RecordEncoder {
  #bytes = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #at = 0

  queued(record: QueuedRecord): Uint8Array {
    const texts = record.id.length + record.destination.length + record.kind.length + record.latest.length
    // A UTF-16 unit takes three bytes of UTF-8 at most.
    this.#begin(QUEUED_FIXED + 3 * (texts + record.options.length) + 12 + record.body.length)
    this.#byte(QUEUED)
    this.#byte(record.priority | (record.atMostOnce ? AT_MOST_ONCE : 0))
    this.#double(record.order)
    this.#double(record.wall)
    this.#double(record.monotonic)
    this.#word(record.boot)
    this.#double(record.expires)
    this.#text(record.id)
    this.#text(record.destination)
    this.#text(record.kind)
    this.#text(record.latest)
    const lengthAt = this.#at
    this.#at += 4
    this.#raw(record.options)
    this.#view.setUint32(lengthAt, this.#at - lengthAt - 4, true)
    this.#bytes.set(record.body, this.#at)
    this.#at += record.body.length
    return this.#bytes.subarray(0, this.#at)
  }

  settled(record: SettledRecord): Uint8Array {
    const texts = record.id.length + record.destination.length + record.reason.length
    this.#begin(SETTLED_FIXED + 3 * texts + 6)
    this.#byte(SETTLED)
    this.#byte(record.state === 'delivered' ? 1 : 0)
    this.#double(record.order)
    this.#word(record.attempts)
    this.#word(record.size)
    this.#double(record.queuedAt)
    this.#double(record.settledAt)
    this.#text(record.id)
    this.#text(record.destination)
    this.#text(record.reason)
    return this.#bytes.subarray(0, this.#at)
  }

  attempt(type: typeof STARTED | typeof STOPPED, id: string): Uint8Array {
    this.#begin(4 + 3 * id.length)
    this.#byte(type)
    this.#byte(0)
    this.#text(id)
    return this.#bytes.subarray(0, this.#at)
  }

  stage(id: string, stage: number): Uint8Array {
    this.#begin(4 + 3 * id.length)
    this.#byte(STAGE)
    this.#byte(stage)
    this.#text(id)
    return this.#bytes.subarray(0, this.#at)
  }

  #begin(bytes: number): void {
    this.#at = 0
    const outgrown = this.#bytes.length > MAX_KEPT_BUFFER && bytes <= MAX_KEPT_BUFFER
    if (bytes <= this.#bytes.length && !outgrown) return
    this.#bytes = new Uint8Array(outgrown ? bytes : Math.max(bytes, Math.min(MAX_KEPT_BUFFER, this.#bytes.length * 2)))
    this.#view = new DataView(this.#bytes.buffer)
  }

  #byte(value: number): void {
    this.#bytes[this.#at++] = value
  }

  #word(value: number): void {
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
  }

  #double(value: number): void {
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  #text(text: string): void {
    const lengthAt = this.#at
    this.#at += 2
    this.#raw(text)
    this.#view.setUint16(lengthAt, this.#at - lengthAt - 2, true)
  }

  /** Short ASCII, which nearly all of it is, byte by byte: a call of the encoder costs more than the text. */
  #raw(text: string): void {
    const start = this.#at
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) {
        this.#at = start + utf8Encoder.encodeInto(text, this.#bytes.subarray(start)).written
        return
      }
      this.#bytes[this.#at++] = code
    }
  }
}

/** The call as it is kept; of a message on disk it is in memory only while it is about to go out. */
export interface KeptCall {
  readonly kind: string
  /** JSON text, '' for none */
  readonly options: string
  /** … or the options themselves, of a message that never leaves memory */
  readonly plain?: Readonly<Record<string, unknown>> | undefined
  readonly body: Uint8Array
}

/** The head of a queued record; its kind, options and body are read when they are needed. */
export interface QueuedHead extends Omit<QueuedRecord, 'kind' | 'options' | 'body'> {
  /** bytes of the body */
  readonly size: number
}

/** Reads records one after the other, with as few objects as that takes: an outbox may hold 100,000. */
export class RecordDecoder {
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #at = 0
  #lastDestination = ''

  /** The type of a record; 0 for one that a later version wrote. */
  typeOf(bytes: Uint8Array, start: number): number {
    const type = bytes[start] ?? 0
    return type >= QUEUED && type <= STAGE ? type : 0
  }

  queued(bytes: Uint8Array, start: number, end: number): QueuedHead {
    this.#begin(bytes, start)
    const flags = bytes[start + 1] ?? 0
    const order = this.#double()
    const wall = this.#double()
    const monotonic = this.#double()
    const boot = this.#word()
    const expires = this.#double()
    const id = this.#text()
    const destination = this.#destination()
    this.#skipText()
    const latest = this.#text()
    const options = this.#word()
    return {
      id,
      destination,
      latest,
      priority: flags & PRIORITY_MASK,
      atMostOnce: (flags & AT_MOST_ONCE) !== 0,
      order,
      wall,
      monotonic,
      boot,
      expires,
      size: end - this.#at - options,
    }
  }

  /** What the deliverer needs of a queued record that stands alone. The body is a view of it. */
  call(bytes: Uint8Array): KeptCall {
    if (bytes[0] !== QUEUED) throw new ProtocolError('ERR_OUTBOX_RECORD', 'this is not a queued message')
    this.#begin(bytes, 0)
    this.#at = QUEUED_FIXED
    this.#skipText()
    this.#skipText()
    const kind = this.#text()
    this.#skipText()
    const options = this.#raw(this.#word())
    return { kind, options, body: new Uint8Array(bytes.buffer, bytes.byteOffset + this.#at, bytes.length - this.#at) }
  }

  settled(bytes: Uint8Array, start: number): SettledRecord {
    this.#begin(bytes, start)
    const state = bytes[start + 1] === 1 ? 'delivered' : 'dropped'
    const order = this.#double()
    const attempts = this.#word()
    const size = this.#word()
    const queuedAt = this.#double()
    const settledAt = this.#double()
    const id = this.#text()
    const destination = this.#destination()
    const reason = this.#text()
    return { id, destination, state, order, reason, attempts, size, queuedAt, settledAt }
  }

  attempt(bytes: Uint8Array, start: number): string {
    this.#begin(bytes, start)
    return this.#text()
  }

  stage(bytes: Uint8Array, start: number): { readonly id: string; readonly stage: number } {
    this.#begin(bytes, start)
    return { id: this.#text(), stage: bytes[start + 1] ?? 0 }
  }

  #begin(bytes: Uint8Array, start: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    this.#at = start + 2
  }

  #word(): number {
    this.#at += 4
    return this.#view.getUint32(this.#at - 4, true)
  }

  #double(): number {
    this.#at += 8
    return this.#view.getFloat64(this.#at - 8, true)
  }

  #length(): number {
    this.#at += 2
    return this.#view.getUint16(this.#at - 2, true)
  }

  #skipText(): void {
    const length = this.#length()
    this.#at += length
  }

  #text(): string {
    return this.#raw(this.#length())
  }

  /** Thousands of messages have the same destination: one string serves them all. */
  #destination(): string {
    const length = this.#length()
    const known = this.#lastDestination
    let same = known.length === length
    for (let index = 0; same && index < length; index++)
      same = known.charCodeAt(index) === this.#bytes[this.#at + index]
    if (same) this.#at += length
    else this.#lastDestination = this.#raw(length)
    return this.#lastDestination
  }

  #raw(length: number): string {
    if (length === 0) return ''
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return utf8Decoder.decode(bytes)
  }
}
