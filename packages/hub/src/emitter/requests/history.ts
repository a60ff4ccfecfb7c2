import {
  PERMISSION,
  channelHash,
  decodeHistoryRequest,
  decodeMessageId,
  encodeHistoryAnswer,
  encodeMessageId,
} from '@halyard/wire/emitter'
import type { EmitterTopic, MessageId, StoredMessage } from '@halyard/wire/emitter'
import type { KeptMessage } from '../../domain/message-history.ts'
import type { Publication } from '../../mqtt/dialect.ts'
import type { EmitterBroker, EmitterRequest, RequestAnswer } from '../broker.ts'
import { filterInHistory } from '../channels.ts'
import { principalOf } from '../principal.ts'
import { timesOf } from '../subscribe-plan.ts'
import { readTopic } from '../topics.ts'

/** The newest page, or the one behind `startFromID`, back in time; in it the oldest message first. */
export async function answerHistory(
  broker: EmitterBroker,
  { connection, payload, packetId }: EmitterRequest,
): Promise<RequestAnswer> {
  const request = decodeHistoryRequest(payload)
  if ('refusal' in request) return request
  const topic = readTopic(request.topic)
  const start = request.startFromId && decodeMessageId(request.startFromId)
  if (topic === undefined || (request.startFromId !== undefined && start === undefined))
    return { refusal: 'bad-request' }
  const { authority, limits } = broker
  const read = authority.authoriseReading(principalOf(connection), topic.key, topic.channel, PERMISSION.load)
  if (read === undefined || (read.key.permissions & PERMISSION.extend) !== 0) return { refusal: 'unauthorized' }
  const last = Math.min(topic.options.last ?? 1, limits.last)
  const messages = last === 0 ? [] : await page(broker, topic, last, start && numberOf(start))
  return encodeHistoryAnswer({ messages }, packetId)
}

async function page(
  { history, space, matcher, authority }: EmitterBroker,
  topic: EmitterTopic,
  last: number,
  before: number | undefined,
): Promise<readonly StoredMessage[]> {
  const filter = filterInHistory(matcher, topic.channel)
  const found: StoredMessage[] = []
  for await (const kept of history.read(space, filter, { last, bytes: PAGE_BYTES, before, ...timesOf(topic) })) {
    found.push(storedMessage(kept, authority.contract))
  }
  return fitting(found)
}

/** The newest of them, as many as one packet of the original takes; one at least. */
function fitting(found: readonly StoredMessage[]): readonly StoredMessage[] {
  let bytes = OVERHEAD
  let at = found.length
  for (; at > 0; at--) {
    const { id, channel, payload } = found[at - 1] as StoredMessage
    bytes += OVERHEAD + base64Length(id.length) + channel.length + base64Length(payload.length)
    if (bytes > PAGE_BYTES && at < found.length) break
  }
  return found.slice(at)
}

function storedMessage({ id, at, message }: KeptMessage<Publication>, contract: number): StoredMessage {
  const { text: channel } = message.topic
  const segments = channel.slice(0, -1).split('/').map(channelHash)
  const process = Math.floor(id / WORD)
  const time = Math.floor(at / 1000)
  return {
    id: encodeMessageId({ time, counter: id % WORD, process, contract, segments }),
    channel,
    payload: message.payload,
  }
}

/** Messages are numbered in one order for ever; the word that the original draws for each process has what 32 bits do not. */
function numberOf({ counter, process }: MessageId): number {
  return process * WORD + counter
}

function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3)
}

const WORD = 2 ** 32
/** Of an answer. */
const PAGE_BYTES = 65_536
/** Of the JSON around a message, and around all of them with the topic. */
const OVERHEAD = 100
