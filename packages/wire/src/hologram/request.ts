import type { DeviceKeyAuth } from './auth.ts'
import { decodeMessage } from './decode-message.ts'
import type { DecodedMessage } from './decode-message.ts'
import { oneTimePasswordScheme } from './one-time-password.ts'
import type { OneTimePasswordRequest } from './one-time-password.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { ERR_MSGINVALID, ERR_PROTINVALID } from './reply.ts'
import type { ReplyForm } from './reply.ts'
import { decodeSms } from './sms.ts'
import type { Sms } from './sms.ts'
import { findDoubleNul, findTerminator } from './terminator.ts'
import type { Ending } from './terminator.ts'

/** What one connection to the cloud socket asks. */
export type HologramRequest =
  | ({ readonly kind: 'message' } & DecodedMessage)
  | ({ readonly kind: 'sms' } & Sms<DeviceKeyAuth>)
  | OneTimePasswordRequest

export interface AcceptedRequest {
  readonly request: HologramRequest
  /** The form in which this request is answered. */
  readonly form: ReplyForm
  /** bytes of the request with its terminator */
  readonly size: number
}

/** Tell them apart by `'refusal' in result`. */
export type RequestResult = AcceptedRequest | Refusal

export interface RequestLimits {
  /** bytes of a request with its terminator; 1 MiB */
  readonly maxBytes?: number
}

export const DEFAULT_MAX_REQUEST_BYTES: number = 1024 * 1024

/**
 * Reads the request at the start of `bytes`: `undefined` while its end has not arrived, a refusal for what can never
 * become one. Never throws. For a stream, {@link RequestReader} does the same without looking twice at any byte.
 *
 * @example
 * ```ts
 * import { decodeRequest } from '@halyard/wire/hologram'
 * const result = decodeRequest(new TextEncoder().encode('{"s":"1234","c":"5678","d":"hi"}\n\n'))
 * if (result && 'request' in result) console.log(result.request.kind, result.size) // message 34
 * ```
 */
export function decodeRequest(bytes: Uint8Array, limits: RequestLimits = {}): RequestResult | undefined {
  return new RequestReader(limits).push(bytes)
}

const NOTHING: Uint8Array = new Uint8Array(0)

type Protocol = 'message' | 'sms' | 'one-time-password'

/**
 * The server's half of one connection: bytes come in, at most one request comes out. Holds one buffer of at most
 * `maxBytes` and looks at every byte once, however small the chunks are. docs/protocols/hologram.md §1
 */
export class RequestReader {
  readonly #maxBytes: number
  #bytes = NOTHING
  #owned = false
  #length = 0
  /** Everything before it has been searched for a terminator. */
  #searched = 0
  /** Where the first byte that is not white space stands; that byte tells the protocol. */
  #start = 0
  #protocol: Protocol | undefined
  #result: RequestResult | undefined

  constructor(limits: RequestLimits = {}) {
    this.#maxBytes = limits.maxBytes ?? DEFAULT_MAX_REQUEST_BYTES
  }

  /** The bytes of an unfinished request that are held. */
  get held(): number {
    return this.#length
  }

  /** How whatever was begun is answered, also if it never ends. */
  get form(): ReplyForm {
    return this.#protocol === undefined || this.#protocol === 'message' ? 'json' : 'compact'
  }

  /** The result, once; what is pushed after it is ignored and gives the same result again. */
  push(chunk: Uint8Array): RequestResult | undefined {
    if (this.#result) return this.#result
    this.#append(chunk)
    this.#result = this.#read()
    if (this.#result) {
      this.#bytes = NOTHING
      this.#length = 0
    } else if (!this.#owned) {
      // Whoever pushed it may use its memory again, or it is a small view of a large block.
      this.#bytes = this.#bytes.slice()
      this.#owned = true
    }
    return this.#result
  }

  #read(): RequestResult | undefined {
    if (this.#protocol === undefined) {
      const refusal = this.#recognise()
      if (refusal) return refusal
    }
    const form = this.#protocol === 'message' || this.#protocol === undefined ? 'json' : 'compact'
    const ending = this.#protocol === undefined ? undefined : this.#findEnd()
    if ((ending?.size ?? this.#length) > this.#maxBytes) {
      return refuse(ERR_MSGINVALID, form, `the request is longer than ${this.#maxBytes} bytes`)
    }
    if (this.#protocol === undefined || ending === undefined) return undefined
    return decode(this.#protocol, this.#bytes.subarray(this.#start, ending.end), ending.size)
  }

  /** Skips white space to the byte that tells the protocol. A terminator before it ends an empty request. */
  #recognise(): Refusal | undefined {
    while (this.#start < this.#length && isWhiteSpace(this.#bytes[this.#start])) this.#start++
    const empty = findTerminator(this.#bytes, this.#searched, this.#start) !== undefined
    this.#searched = this.#start
    if (empty) return refuse(ERR_MSGINVALID, 'json', 'the request is empty')
    if (this.#start === this.#length) return undefined
    this.#protocol = protocolOf(this.#first())
    return this.#protocol ? undefined : refuse(ERR_PROTINVALID, 'json', 'the first byte begins none of the protocols')
  }

  #first(): string {
    return String.fromCharCode(this.#bytes[this.#start] ?? 0)
  }

  #findEnd(): Ending | undefined {
    // A nonce request is this one byte.
    if (this.#first() === 'N') return { end: this.#start + 1, size: this.#start + 1 }
    const find = this.#protocol === 'one-time-password' ? findDoubleNul : findTerminator
    const found = find(this.#bytes, this.#searched, this.#length)
    this.#searched = this.#length
    return found
  }

  /** One byte more than the limit is kept, to know that it was passed. The first chunk is read where it lies. */
  #append(chunk: Uint8Array): void {
    const part = chunk.subarray(0, Math.max(0, this.#maxBytes + 1 - this.#length))
    const length = this.#length + part.length
    if (this.#length === 0) {
      this.#bytes = part
      this.#owned = false
    } else {
      if (length > this.#bytes.length) {
        const bytes = new Uint8Array(Math.min(this.#maxBytes + 1, Math.max(length, 2 * this.#bytes.length, 256)))
        bytes.set(this.#bytes.subarray(0, this.#length))
        this.#bytes = bytes
      }
      this.#bytes.set(part, this.#length)
    }
    this.#length = length
  }
}

function protocolOf(first: string): Protocol | undefined {
  if (first === '{') return 'message'
  if (first === 'S') return 'sms'
  return oneTimePasswordScheme(first) === undefined ? undefined : 'one-time-password'
}

function decode(protocol: Protocol, bytes: Uint8Array, size: number): RequestResult {
  if (protocol === 'one-time-password') {
    const scheme = oneTimePasswordScheme(String.fromCharCode(bytes[0] ?? 0)) ?? 'totp'
    return { request: { kind: 'one-time-password', scheme }, form: 'compact', size }
  }
  const form = protocol === 'message' ? 'json' : 'compact'
  const text = decodeText(bytes)
  if (text === undefined) return refuse(ERR_MSGINVALID, form, 'the request is not UTF-8')
  if (protocol === 'message') {
    const message = decodeMessage(text)
    return 'refusal' in message ? message : { request: { kind: 'message', ...message }, form, size }
  }
  const sms = decodeSms(text)
  return 'refusal' in sms ? sms : { request: { kind: 'sms', ...sms }, form, size }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** The white space of JSON. */
function isWhiteSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}
