/**
 * Messages as the journal holds them.
 *
 * ```
 * byte 0   version, 1
 * byte 1   kind: 0 padding (nothing follows), 1 message; from 16 on: mqtt/ledger
 * byte 2   service
 * byte 3   flags: 1 direction out, 2 has expiresAt, 4 has source, 8 has options
 * f64      receivedAt, milliseconds since 1970, big endian
 * f64      expiresAt, if flagged
 * 3 or 4 × space, account, channel, source if flagged: u16 length, UTF-8
 * options  if flagged: u32 length, bytes
 * rest     payload
 * ```
 *
 * The id is not in it: it is made from the record's number, so that a replay makes the same one.
 */
import { StorageError } from '@halyard/core'
import type { MessageDraft, ServiceName } from '../domain/message.ts'

const VERSION = 1
const PADDING = 0
const MESSAGE = 1
const OUT = 1
const EXPIRES = 2
const SOURCE = 4
const OPTIONS = 8
/** Records from this kind on are not the history's. */
const OTHERS = 16
const MAX_TEXT = 65_535

/** The place in this list is what stands on the disk: append only. */
const SERVICES: readonly ServiceName[] = ['hologram', 'emitter', 'ttn', 'exp', 'mqtt']

/** A record that holds a number and nothing else. */
export const PADDING_RECORD: Uint8Array = Uint8Array.of(VERSION, PADDING)

/** @throws RangeError for a space, account, channel or source of more than 65,535 bytes. */
export function encodeMessageRecord(draft: MessageDraft): Uint8Array {
  const { expiresAt, source, options, payload } = draft
  const texts = source === undefined ? [draft.space, draft.account, draft.channel] : textsWithSource(draft, source)
  let size = 12 + (expiresAt ? 8 : 0) + (options ? 4 + options.length : 0) + payload.length
  for (const text of texts) size += 2 + Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(size)
  bytes[0] = VERSION
  bytes[1] = MESSAGE
  bytes[2] = SERVICES.indexOf(draft.service)
  bytes[3] =
    (draft.direction === 'out' ? OUT : 0) |
    (expiresAt ? EXPIRES : 0) |
    (source === undefined ? 0 : SOURCE) |
    (options ? OPTIONS : 0)
  let at = bytes.writeDoubleBE(draft.receivedAt.getTime(), 4)
  if (expiresAt) at = bytes.writeDoubleBE(expiresAt.getTime(), at)
  for (const text of texts) {
    const length = bytes.write(text, at + 2)
    if (length > MAX_TEXT) throw new RangeError('a name in a message is longer than 65,535 bytes')
    bytes.writeUInt16BE(length, at)
    at += 2 + length
  }
  if (options) {
    at = bytes.writeUInt32BE(options.length, at)
    bytes.set(options, at)
    at += options.length
  }
  bytes.set(payload, at)
  return bytes
}

/**
 * The message of a record, its payload copied; `undefined` for padding and what is not the history's.
 *
 * @throws {StorageError} `ERR_HUB_RECORD` for what this version did not write.
 */
export function decodeMessageRecord(record: Uint8Array): MessageDraft | undefined {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.length)
  if (bytes[0] !== VERSION) {
    throw new StorageError(
      'ERR_HUB_RECORD',
      `the journal holds a record of version ${bytes[0]}, this Halyard reads version ${VERSION}; start the newer one again`,
    )
  }
  if (bytes[1] === PADDING || (bytes[1] ?? 0) >= OTHERS) return undefined
  try {
    return decodeMessage(bytes)
  } catch (cause) {
    throw new StorageError(
      'ERR_HUB_RECORD',
      'the journal holds a record that is no message although its checksum is right; it was not written by this Halyard',
      { cause },
    )
  }
}

function decodeMessage(bytes: Buffer): MessageDraft {
  const service = SERVICES[bytes.readUInt8(2)]
  const flags = bytes.readUInt8(3)
  if (bytes[1] !== MESSAGE || service === undefined) throw new RangeError(`kind ${bytes[1]}, service ${bytes[2]}`)
  const reader = new Reader(bytes, 4)
  const receivedAt = reader.date()
  const expiresAt = flags & EXPIRES ? reader.date() : undefined
  const space = reader.text()
  const account = reader.text()
  const channel = reader.text()
  const source = flags & SOURCE ? reader.text() : undefined
  const options = flags & OPTIONS ? reader.bytes() : undefined
  return {
    service,
    space,
    account,
    channel,
    direction: flags & OUT ? 'out' : 'in',
    payload: reader.rest(),
    receivedAt,
    ...(source !== undefined && { source }),
    ...(expiresAt && { expiresAt }),
    ...(options && { options }),
  }
}

function textsWithSource(draft: MessageDraft, source: string): readonly string[] {
  return [draft.space, draft.account, draft.channel, source]
}

class Reader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  date(): Date {
    this.#at += 8
    return new Date(this.#bytes.readDoubleBE(this.#at - 8))
  }

  text(): string {
    const start = this.#at + 2
    const end = start + this.#bytes.readUInt16BE(this.#at)
    if (end > this.#bytes.length) throw new RangeError('a name ends behind its record')
    this.#at = end
    return this.#bytes.toString('utf8', start, end)
  }

  bytes(): Uint8Array {
    const start = this.#at + 4
    const end = start + this.#bytes.readUInt32BE(this.#at)
    if (end > this.#bytes.length) throw new RangeError('options end behind their record')
    this.#at = end
    return new Uint8Array(this.#bytes.subarray(start, end))
  }

  rest(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(this.#at))
  }
}
