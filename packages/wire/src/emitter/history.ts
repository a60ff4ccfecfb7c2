import { fromBase64, toBase64 } from './base64.ts'
import { BAD_REQUEST } from './failures.ts'
import type { Refusal } from './failures.ts'
import { Fields, writeAnswer, writeRequest } from './json.ts'

/** Asks for stored messages, page by page. docs/protocols/emitter.md §2.9 */
export interface HistoryRequest {
  /** A whole topic, key and options included, as {@link formatTopic} makes it: `key/a/?last=100`. */
  readonly topic: string
  /** Go on behind this message, back in time: the oldest one of the page before. */
  readonly startFromId?: Uint8Array | undefined
}

export interface StoredMessage {
  readonly id: Uint8Array
  readonly channel: string
  readonly payload: Uint8Array
}

export interface HistoryAnswer {
  /** In a page, the oldest one first. */
  readonly messages: readonly StoredMessage[]
}

export function encodeHistoryRequest({ topic, startFromId }: HistoryRequest): Uint8Array {
  return writeRequest({ channel: topic, startFromID: startFromId && toBase64(startFromId) })
}

/** The key is in `channel`; a member `key` is not looked at. */
export function decodeHistoryRequest(payload: Uint8Array): HistoryRequest | Refusal {
  const fields = Fields.read(payload)
  if (!fields) return BAD_REQUEST
  const topic = fields.text('channel')
  const startFromId = fromBase64(fields.text('startfromid'))
  if (fields.wrong || !startFromId) return BAD_REQUEST
  return { topic, startFromId: startFromId.length > 0 ? startFromId : undefined }
}

/** `{"req":1,"messages":[{"id":"…","channel":"a/","payload":"…"}]}`: the one answer without `status`. */
export function encodeHistoryAnswer({ messages }: HistoryAnswer, req: number): Uint8Array {
  return writeAnswer({
    req: req === 0 ? undefined : req,
    messages: messages.map(({ id, channel, payload }) => ({ id: toBase64(id), channel, payload: toBase64(payload) })),
  })
}

/** `undefined` if an id or a payload is not base64. */
export function readHistoryAnswer(fields: Fields): HistoryAnswer | undefined {
  const messages: StoredMessage[] = []
  for (const message of fields.list('messages')) {
    const id = fromBase64(message.text('id'))
    const payload = fromBase64(message.text('payload'))
    if (!id || !payload) return undefined
    messages.push({ id, channel: message.text('channel'), payload })
  }
  return { messages }
}
