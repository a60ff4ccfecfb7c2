/** Stored messages, page by page, back in time. */
import { UsageError, throwIfAborted } from '@halyard/core'
import type { WaitOptions } from '@halyard/core'
import { encodeHistoryRequest, formatTopic } from '@halyard/wire/emitter'
import type { StoredMessage } from '@halyard/wire/emitter'
import type { HistoryCall } from './calls.ts'
import { EmitterError } from './errors.ts'
import { EmitterMessage } from './message.ts'
import { checkChannel, checkKey, seconds } from './payload.ts'
import type { Requests } from './requests.ts'

/** Of messages. A page that the broker cannot send, because it is larger than 64 KiB, is asked for by halves. */
const PAGE = 100

class HistoryMessage extends EmitterMessage {
  /** base64, unique in the broker: newer ones sort first */
  readonly id: string

  constructor(channel: string, payload: Uint8Array, id: string) {
    super(channel, payload)
    this.id = id
  }
}

export async function* history(
  requests: Requests,
  call: HistoryCall,
  { signal }: WaitOptions,
): AsyncGenerator<EmitterMessage & { readonly id: string }, undefined> {
  const { last = Infinity } = call
  if (last !== Infinity && !(Number.isSafeInteger(last) && last >= 0)) {
    throw new UsageError('ERR_USAGE', `last is a number of messages from 0, not ${String(last)}`)
  }
  const wanted = {
    key: checkKey(call.key),
    channel: checkChannel(call.channel),
    from: seconds('from', call.from),
    until: seconds('until', call.until),
  }
  let startFromId: Uint8Array | undefined
  let left = last
  let most = PAGE
  while (left > 0) {
    throwIfAborted(signal)
    const size = Math.min(left, most)
    const page = await askPage(requests, { ...wanted, last: size }, startFromId, signal)
    if (page === undefined) {
      if (size === 1) throw tooLarge(wanted.channel)
      most = Math.max(1, size >> 1)
      continue
    }
    const oldest = page[0]
    // Nothing more, or a broker that does not page and would go on for ever.
    if (oldest === undefined || (startFromId && isEqual(oldest.id, startFromId))) return
    startFromId = oldest.id
    // The newest of them, should it be more than was asked for.
    const taken = page.slice(-left)
    left -= taken.length
    for (const { channel, payload, id } of taken) yield new HistoryMessage(channel, payload, base64(id))
  }
}

/** `undefined`: the broker could not send it. */
async function askPage(
  requests: Requests,
  wanted: Parameters<typeof formatTopic>[0],
  startFromId: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly StoredMessage[] | undefined> {
  const { key, channel } = wanted
  const request = encodeHistoryRequest({ topic: formatTopic(wanted), startFromId })
  const deed = { what: `send what is stored of ${channel}`, kind: 'history', key } as const
  try {
    return (await requests.get('history', request, deed, { signal })).messages
  } catch (error) {
    if (error instanceof EmitterError && error.code === 'ERR_EMITTER_NO_ANSWER') return undefined
    throw error
  }
}

function tooLarge(channel: string): EmitterError {
  const why = 'not even for one message: it is a plain MQTT broker, or the message is too large for an answer of 64 KiB'
  return new EmitterError(
    'ERR_EMITTER_NO_ANSWER',
    `the broker answers nothing about what is stored of ${channel}, ${why}`,
  )
}

/** As the broker writes it. */
function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
