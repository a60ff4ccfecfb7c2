import { BAD_REQUEST } from './failures.ts'
import type { Refusal } from './failures.ts'
import { Fields, writeAnswer, writeRequest } from './json.ts'

/** Bans a key, or takes the ban back. docs/protocols/emitter.md §2.5 */
export interface KeybanRequest {
  /** A master key. */
  readonly secret: string
  /** The key to ban. */
  readonly target: string
  readonly banned: boolean
}

export interface KeybanAnswer {
  readonly banned: boolean
}

export function encodeKeybanRequest({ secret, target, banned }: KeybanRequest): Uint8Array {
  return writeRequest({ secret, target, banned })
}

export function decodeKeybanRequest(payload: Uint8Array): KeybanRequest | Refusal {
  const fields = Fields.read(payload)
  if (!fields) return BAD_REQUEST
  const request = {
    secret: fields.text('secret'),
    target: fields.text('target'),
    banned: fields.flag('banned') ?? false,
  }
  return fields.wrong ? BAD_REQUEST : request
}

/** `{"req":1,"status":200,"banned":true}` */
export function encodeKeybanAnswer({ banned }: KeybanAnswer, req: number): Uint8Array {
  return writeAnswer({ req: req === 0 ? undefined : req, status: 200, banned })
}

export function readKeybanAnswer(fields: Fields): KeybanAnswer | undefined {
  const banned = fields.flag('banned')
  return banned === undefined ? undefined : { banned }
}
