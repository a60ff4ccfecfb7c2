import { PERMISSION, REQUEST_KEY, normaliseFilter } from '@halyard/wire/emitter'
import type { EmitterChannel, EmitterTopic, FailureName } from '@halyard/wire/emitter'
import type { Publication, SubscribeOptions, SubscribePlan } from '../mqtt/dialect.ts'
import type { ReadKey } from './authority.ts'
import type { EmitterBroker } from './broker.ts'
import { BAD_FILTER, reasonOf, tellFailure } from './broker.ts'
import { filterInHistory, filterInIndex } from './channels.ts'
import type { Caller } from './principal.ts'
import { readTopic } from './topics.ts'

/**
 * A subscription is named by its key's id and its channel: it is known whatever options it was asked with, and no key gets
 * into a session that is kept on a disk.
 */
function nameOf(id: string, channel: string): string {
  return `${id}/${channel}`
}

export function keyOfName(name: string): string {
  return name.slice(0, name.indexOf('/'))
}

export function channelOfName(name: string): string {
  return name.slice(name.indexOf('/') + 1)
}

/** Of a text as SUBSCRIBE and UNSUBSCRIBE have it, by which key; `undefined`: by none that there is. */
export function nameOfFilter({ authority }: EmitterBroker, { key, channel }: EmitterTopic): string | undefined {
  const read = authority.read(key)
  return read && nameOf(read.id, channel)
}

/** A text as SUBSCRIBE and UNSUBSCRIBE have it. */
export function parseFilter(filter: string): EmitterTopic | undefined {
  return readTopic(normaliseFilter(filter))
}

export function planSubscribe(
  broker: EmitterBroker,
  caller: Caller,
  filter: string,
  { qos }: SubscribeOptions,
): SubscribePlan {
  const topic = parseFilter(filter)
  if (topic === undefined) return refuse(broker, 'bad-request')
  const read = mayRead(broker, caller, topic)
  if (read === undefined) return refuse(broker, 'unauthorized')
  const { space, limits } = broker
  const { options } = topic
  const mayLoad = (read.key.permissions & PERMISSION.load) !== 0
  const last = Math.min(options.last ?? 1, limits.last)
  return {
    kind: 'subscribe',
    name: nameOf(read.id, topic.channel),
    space,
    ...inIndex(broker, topic),
    qos,
    validUntil: broker.authority.endOf(read.key),
    ...(mayLoad && last > 0 && { before: () => storedBefore(broker, topic, last) }),
  }
}

export function mayRead(broker: EmitterBroker, caller: Caller, { key, channel }: EmitterTopic): ReadKey | undefined {
  if (key === REQUEST_KEY) return undefined
  const read = broker.authority.authoriseReading(caller, key, channel, PERMISSION.read)
  return read === undefined || (read.key.permissions & PERMISSION.extend) !== 0 ? undefined : read
}

export function inIndex(
  { matcher }: EmitterBroker,
  { channel, share }: EmitterChannel,
): { readonly filter: string; readonly share: string | undefined } {
  return { filter: filterInIndex(matcher, share?.channel ?? channel), share: share?.group }
}

/** Inclusive seconds, as the history has it. */
export function timesOf({ options: { from, until } }: EmitterTopic): {
  readonly from: number | undefined
  readonly until: number | undefined
} {
  return {
    from: from === undefined ? undefined : from * 1000,
    until: until === undefined ? undefined : (until + 1) * 1000,
  }
}

/** No generator: who waits for the first of a long search must be able to say that he does not any more. */
function storedBefore(
  { history, space, matcher }: EmitterBroker,
  topic: EmitterTopic,
  last: number,
): AsyncIterable<Publication> {
  const kept = history.read(space, filterInHistory(matcher, topic.channel), { last, ...timesOf(topic) })
  return {
    [Symbol.asyncIterator]: () => {
      const source = kept[Symbol.asyncIterator]()
      return {
        next: async () => {
          const { done, value } = await source.next()
          return done === true ? { done, value: undefined } : { done: false, value: { ...value.message, id: value.id } }
        },
        return: async () => {
          await source.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}

function refuse(broker: EmitterBroker, failure: FailureName): SubscribePlan {
  return {
    kind: 'refuse',
    reason: reasonOf(failure, BAD_FILTER),
    why: `${failure}, as its emitter/error/ says`,
    tell: (connection, packetId) => tellFailure(connection, failure, packetId, broker),
  }
}
