import { PERMISSION, decodePresenceRequest, encodePresenceDone, encodePresenceStatus } from '@halyard/wire/emitter'
import type { EmitterChannel, PresenceRequest, PresenceStatus, Refusal } from '@halyard/wire/emitter'
import type { ReadKey } from '../authority.ts'
import type { EmitterBroker, EmitterRequest, RequestAnswer } from '../broker.ts'
import { principalOf } from '../principal.ts'
import type { Caller } from '../principal.ts'
import { readChannel } from '../topics.ts'

export function answerPresence(
  broker: EmitterBroker,
  { connection, payload, packetId }: EmitterRequest,
): RequestAnswer {
  const request = decodePresenceRequest(payload)
  if ('refusal' in request) return request
  const principal = principalOf(connection)
  const asked = authorise(broker, request, principal)
  if ('refusal' in asked) return asked
  const { presence, authority, limits } = broker
  const { channel } = asked.channel
  const bytes = OVERHEAD + request.key.length + 2 * channel.length
  if (request.changes === true) {
    const wish = { key: asked.read.id, channel, validUntil: authority.endOf(asked.read.key), bytes }
    if (!presence.watch(connection, wish, limits.connectionBytes)) return { refusal: 'forbidden' }
  } else if (request.changes === false) {
    presence.unwatch(connection, channel)
  }
  return request.status ? encodePresenceStatus(statusOf(broker, channel), packetId) : encodePresenceDone(packetId)
}

/** Who is there now, for whoever may ask. */
export function presenceStatus(
  broker: EmitterBroker,
  request: Pick<PresenceRequest, 'key' | 'channel'>,
  caller: Caller,
): PresenceStatus | Refusal {
  const asked = authorise(broker, request, caller)
  return 'refusal' in asked ? asked : statusOf(broker, asked.channel.channel)
}

function statusOf({ presence, authority }: EmitterBroker, channel: string): PresenceStatus {
  return { event: 'status', time: authority.now(), channel, who: presence.who(channel) }
}

function authorise(
  { authority }: EmitterBroker,
  { key, channel }: Pick<PresenceRequest, 'key' | 'channel'>,
  caller: Caller,
): { readonly channel: EmitterChannel; readonly read: ReadKey } | Refusal {
  const parsed = readChannel(channel.endsWith('/') || channel.includes('?') ? channel : `${channel}/`)
  if (parsed === undefined) return { refusal: 'bad-request' }
  const read = authority.authoriseReading(caller, key, parsed.channel, PERMISSION.presence)
  if (read === undefined || (read.key.permissions & PERMISSION.extend) !== 0) return { refusal: 'unauthorized' }
  return { channel: parsed, read }
}

/** Of a watch, besides its texts. */
const OVERHEAD = 100
