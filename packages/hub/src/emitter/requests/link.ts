import { PERMISSION, decodeLinkRequest, encodeLinkAnswer } from '@halyard/wire/emitter'
import type { EmitterChannel } from '@halyard/wire/emitter'
import type { EmitterBroker, EmitterRequest, RequestAnswer } from '../broker.ts'
import { principalOf } from '../principal.ts'
import { mayRead } from '../subscribe-plan.ts'
import { readTopic } from '../topics.ts'

/**
 * A short name for a key and a channel, as long as the connection lives. Nothing is asked of the key but what it subscribes
 * to: what is published through the link, is asked then.
 */
export function answerLink(broker: EmitterBroker, { connection, payload, packetId }: EmitterRequest): RequestAnswer {
  const request = decodeLinkRequest(payload)
  if ('refusal' in request) return request
  const { key, name } = request
  const topic = readTopic(`${key}/${request.channel}`)
  if (topic?.key !== key) return { refusal: 'bad-request' }
  const principal = principalOf(connection)
  const { channel, segments, kind, query, options, share } = topic
  const link = { key, channel: { channel, segments, kind, query, options, share } }
  if (!principal.setLink(name, link, broker.limits.connectionBytes)) return { refusal: 'forbidden' }
  if (request.subscribe && canRead(broker, key) && mayRead(broker, principal, topic))
    connection.subscribe(`${key}/${channel}`)
  return encodeLinkAnswer({ name, channel: channelOf(link.channel) }, packetId)
}

/** With its options, without the key. */
export function channelOf({ channel, query }: EmitterChannel): string {
  return query === '' ? channel : `${channel}?${query}`
}

/** A link may be for publishing alone: its key is not counted as one that somebody tries. */
function canRead({ authority }: EmitterBroker, key: string): boolean {
  const read = authority.read(key)
  return read !== undefined && (read.key.permissions & PERMISSION.read) !== 0
}
