import { BAD_REQUEST } from './failures.ts'
import type { Refusal } from './failures.ts'
import { Fields, writeAnswer, writeRequest } from './json.ts'

/** Asks for a key of a channel. docs/protocols/emitter.md §2.4 */
export interface KeygenRequest {
  /** A master key, or a key with the permission to extend. */
  readonly key: string
  /** With its final slash, which the broker insists on. */
  readonly channel: string
  /** Letters out of `rwslpex`; `''` makes a key that may nothing. */
  readonly type: string
  /** Seconds that it holds, 0: for ever; below 0 it has already expired. */
  readonly ttl: number
}

export interface KeygenAnswer {
  readonly key: string
  /** As it was asked for; of an extended key with the connection's id behind it. */
  readonly channel: string
}

export function encodeKeygenRequest({ key, channel, type, ttl }: KeygenRequest): Uint8Array {
  return writeRequest({ key, channel, type, ttl })
}

export function decodeKeygenRequest(payload: Uint8Array): KeygenRequest | Refusal {
  const fields = Fields.read(payload)
  if (!fields) return BAD_REQUEST
  const request = {
    key: fields.text('key'),
    channel: fields.text('channel'),
    type: fields.text('type'),
    ttl: fields.int32('ttl'),
  }
  return fields.wrong ? BAD_REQUEST : request
}

/** `{"req":1,"status":200,"key":"…","channel":"test/"}` */
export function encodeKeygenAnswer({ key, channel }: KeygenAnswer, req: number): Uint8Array {
  return writeAnswer({ req: req === 0 ? undefined : req, status: 200, key, channel })
}

/** `undefined` if there is no key. */
export function readKeygenAnswer(fields: Fields): KeygenAnswer | undefined {
  if (!fields.has('key')) return undefined
  return { key: fields.text('key'), channel: fields.text('channel') }
}
