import { encodeUtf8 } from '@halyard/wire/mqtt'
import type { PublishProperties, Qos, TopicName } from '@halyard/wire/mqtt'

/**
 * What 5.0 hands on unaltered (§3.3.2.3): payload format, content type, response topic, correlation data, user
 * properties. Alias, identifiers and expiry are made anew for each receiver.
 */
export type ForwardedProperties = Omit<
  PublishProperties,
  'topicAlias' | 'subscriptionIdentifiers' | 'messageExpiryInterval'
>

/** An application message that somebody must hold: a queue, the retained store, a will. On the way through it is none. */
export interface Publication {
  /** As subscribers see it. */
  readonly topic: TopicName
  readonly payload: Uint8Array
  /** As it was published. */
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: ForwardedProperties | undefined
  /** Monotonic ms; Infinity: never. */
  readonly expiresAt: number
  /** Its number in the history, by which it is known again; 0 or absent: it is not there. */
  readonly id?: number
  /** The key of the session that published it, where No Local must know; `''` or absent: nobody's. */
  readonly publisher?: string
}

/** What it counts against the limits of queues and retained messages: with its properties, which may be the most of it. */
export function sizeOfPublication({ topic, payload, properties }: Publication): number {
  return sizeOfMessage(topic, payload.length, properties)
}

export function sizeOfMessage(
  topic: TopicName,
  payloadBytes: number,
  properties: ForwardedProperties | undefined,
): number {
  return 100 + topic.bytes.length + payloadBytes + (properties === undefined ? 0 : sizeOfForwarded(properties))
}

function sizeOfForwarded({ contentType, responseTopic, correlationData, userProperties }: ForwardedProperties): number {
  let size = 100 + (contentType?.length ?? 0) + (responseTopic?.length ?? 0) + (correlationData?.length ?? 0)
  for (const [name, value] of userProperties ?? []) size += 50 + name.length + value.length
  return size
}

/** Of a topic name that was checked. */
export function topicOf(text: string): TopicName {
  return { text, bytes: encodeUtf8(text), valid: true }
}

/** The server's own topics are made anew by each process. */
export function isOwnTopic(channel: string): boolean {
  return channel.startsWith('$SYS/')
}
