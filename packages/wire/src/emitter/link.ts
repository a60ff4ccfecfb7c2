import { BAD_REQUEST } from './failures.ts'
import type { Refusal } from './failures.ts'
import { Fields, writeAnswer, writeRequest } from './json.ts'

/** Makes a name of one or two characters stand for a key and a channel. docs/protocols/emitter.md §2.7 */
export interface LinkRequest {
  readonly name: string
  readonly key: string
  /** With its final slash; options may follow: `a/?ttl=5`. */
  readonly channel: string
  /** Also subscribe to the channel. */
  readonly subscribe: boolean
}

export interface LinkAnswer {
  readonly name: string
  /** With its options, without the key. */
  readonly channel: string
}

/** A topic this short is a link; the broker looks at nothing else. */
export const MAX_LINK_NAME = 2

/** Letters and digits of ASCII. */
export function isLinkName(name: string): boolean {
  return /^[A-Za-z0-9]{1,2}$/.test(name)
}

export function encodeLinkRequest({ key, channel, name, subscribe }: LinkRequest): Uint8Array {
  return writeRequest({ key, channel, name, subscribe })
}

/** The JavaScript SDK sends `private` as well; brokers pass over it since 2019. */
export function decodeLinkRequest(payload: Uint8Array): LinkRequest | Refusal {
  const fields = Fields.read(payload)
  if (!fields) return BAD_REQUEST
  const request = {
    name: fields.text('name'),
    key: fields.text('key'),
    channel: fields.text('channel'),
    subscribe: fields.flag('subscribe') ?? false,
  }
  if (fields.wrong) return BAD_REQUEST
  return isLinkName(request.name) ? request : { refusal: 'bad-link-name' }
}

/** `{"req":1,"status":200,"name":"a0","channel":"a/?ttl=60"}`, whose `&` is written `\u0026`. */
export function encodeLinkAnswer({ name, channel }: LinkAnswer, req: number): Uint8Array {
  return writeAnswer({ req: req === 0 ? undefined : req, status: 200, name, channel })
}

export function readLinkAnswer(fields: Fields): LinkAnswer | undefined {
  if (!fields.has('name')) return undefined
  return { name: fields.text('name'), channel: fields.text('channel') }
}
