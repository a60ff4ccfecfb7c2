import { MAX_LINK_NAME, PERMISSION, REQUEST_KEY } from '@halyard/wire/emitter'
import type { EmitterChannel, EmitterTopic, FailureName, SecurityKey } from '@halyard/wire/emitter'
import type { PublishPlan } from '../mqtt/dialect.ts'
import type { ReadKey } from './authority.ts'
import type { EmitterBroker } from './broker.ts'
import { BAD_TOPIC, reasonOf, tellFailure } from './broker.ts'
import { channelInIndex } from './channels.ts'
import type { EmitterPrincipal } from './principal.ts'
import { planRequest } from './requests.ts'
import { readTopic } from './topics.ts'

/** What a PUBLISH to this topic means for whoever sends it. */
export function planPublish(broker: EmitterBroker, principal: EmitterPrincipal, topic: string): PublishPlan {
  if (topic.length <= MAX_LINK_NAME) {
    const link = principal.link(topic)
    return link ? planMessage(broker, principal, { ...link.channel, key: link.key }) : fail(broker, 'bad-request')
  }
  const parsed = readTopic(topic)
  if (parsed === undefined) return fail(broker, 'bad-request')
  if (parsed.key === REQUEST_KEY) return planRequest(broker, parsed)
  return planMessage(broker, principal, parsed)
}

function planMessage(broker: EmitterBroker, principal: EmitterPrincipal, topic: EmitterTopic): PublishPlan {
  const { authority } = broker
  const { key: text, channel, kind } = topic
  if (kind === 'wildcard') return fail(broker, 'forbidden')
  const read = authority.authorise(principal, text, channel, PERMISSION.write)
  if (read === undefined) return fail(broker, 'unauthorized', authority.looksAgainAt(principal, text))
  const { permissions } = read.key
  if ((permissions & PERMISSION.extend) !== 0) return fail(broker, 'extend-only')
  if (topic.share !== undefined) return toGroup(broker, topic, read)
  return routeOf(broker, topic, read.key)
}

/** Of a key that may write there. */
export function routeOf(
  { authority, limits, space }: EmitterBroker,
  { channel, options }: EmitterChannel,
  key: Pick<SecurityKey, 'permissions' | 'expires'>,
): PublishPlan {
  const mayStore = (key.permissions & PERMISSION.store) !== 0
  const ttl = Math.min(options.ttl ?? 0, LONGEST)
  return {
    kind: 'route',
    space,
    channel: channelInIndex(channel),
    topic: channel,
    echo: options.me,
    once: true,
    mayRetain: false,
    store: mayStore ? ttl : 0,
    storeRetained: mayStore ? ttl || limits.retain : 0,
    validUntil: authority.endOf(key),
  }
}

/** What one publishes to a group, and not to its channel, all of its members get, and nobody keeps. */
function toGroup(broker: EmitterBroker, { channel, options }: EmitterTopic, read: ReadKey): PublishPlan {
  return {
    kind: 'request',
    validUntil: broker.authority.endOf(read.key),
    handle: ({ connection: from, payload, done }) => {
      for (const connection of broker.presence.connections(channel)) {
        if (options.me || connection !== from) connection.send(channel, payload)
      }
      done()
    },
  }
}

/** PUBACK leaves all the same, behind the failure. */
function fail(broker: EmitterBroker, failure: FailureName, validUntil = Infinity): PublishPlan {
  return {
    kind: 'request',
    validUntil,
    handle: ({ connection, packetId, done }) => {
      tellFailure(connection, failure, packetId, broker)
      done(reasonOf(failure, BAD_TOPIC))
    },
  }
}

/** Seconds, 136 years: the original counts them in 32 bits. */
const LONGEST = 0xffff_ffff
