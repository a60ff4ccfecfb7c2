/** A publish as it is called, and as the outbox keeps it. */
import { UsageError, describeError } from '@halyard/core'
import type { Outcome, Receipt, SendControl } from '@halyard/core'
import { checkTopicName, encodePublishProperties } from '@halyard/wire/mqtt'
import type { PublishProperties, Qos } from '@halyard/wire/mqtt'
import { receiptOf } from './publish-receipt.ts'
import { shownTopic } from './shown-topic.ts'
import { TopicCache } from './topic-cache.ts'

/** What PUBLISH may say beside topic and payload in MQTT 5.0; dropped where the server speaks 3.1.1. */
export type MessageProperties = Omit<PublishProperties, 'topicAlias' | 'subscriptionIdentifiers'>

export interface PublishOptions extends SendControl {
  /** 0 at most once, 1 at least once, 2 exactly once; 1 */
  qos?: Qos
  /** The server keeps it for those who subscribe later; false */
  retain?: boolean
  /** 5.0 */
  properties?: MessageProperties
  /** Without a connection: `queue` keeps it in the outbox, `reject` throws ERR_MQTT_OFFLINE; `queue` */
  offline?: 'queue' | 'reject'
}

export const KIND = 'mqtt.publish'

/** The JSON beside the payload. Short names: it is on disk once for every message. */
export interface KeptPublish {
  readonly topic: string
  readonly qos: Qos
  readonly retain?: true
  readonly properties?: Readonly<Record<string, unknown>>
  /** Of a protocol on top: what `Publications.topicOf` goes by */
  readonly link?: string
}

const NOTHING = new Uint8Array(0)
const utf8 = new TextEncoder()

/** Topics that are published to again and again are few. */
const MAX_TOPICS = 1024

/** A publish of a client, and what its caller is told in the end. */
export interface PublishCall {
  readonly kept: KeptPublish
  readonly tell: (outcome: Outcome) => Receipt
}

/**
 * The calls of a client. Those to the same topic with nothing special are one object, checked once: frozen, so that the
 * outbox need not copy it.
 */
export class PublishCalls {
  readonly #plain = new TopicCache<PublishCall[]>(MAX_TOPICS)

  /** @throws {UsageError} `ERR_MQTT_TOPIC`, `ERR_USAGE` */
  of(topic: string, options: PublishOptions): PublishCall {
    const { qos = 1, retain = false, properties } = options
    if (qos !== 0 && qos !== 1 && qos !== 2) throw new UsageError('ERR_USAGE', 'qos is 0, 1 or 2')
    const index = qos * 2 + (retain ? 1 : 0)
    const known = properties === undefined ? this.#plain.get(topic)?.[index] : undefined
    if (known !== undefined) return known
    const kept = keptPublish(topic, options)
    const call: PublishCall = { kept, tell: (outcome) => receiptOf(outcome, topic) }
    if (properties !== undefined) return call
    Object.freeze(kept)
    let calls = this.#plain.get(topic)
    if (calls === undefined) this.#plain.set(topic, (calls = []))
    return (calls[index] = call)
  }
}

function keptPublish(topic: string, options: PublishOptions): KeptPublish {
  const { qos = 1, retain = false, properties } = options
  const problem = typeof topic === 'string' ? checkTopicName(topic) : 'it is no text'
  if (problem !== undefined) throw new UsageError('ERR_MQTT_TOPIC', `${shownTopic(topic)} is no topic: ${problem}`)
  if (properties !== undefined) checkProperties(properties)
  return { topic, qos, ...(retain && { retain: true }), ...(properties && { properties: asJson(properties) }) }
}

/** Now, and not when it is sent: what cannot be written would stand at the head of the outbox for ever. */
function checkProperties(properties: MessageProperties): void {
  const { topicAlias, subscriptionIdentifiers, contentType, responseTopic, correlationData } =
    properties as PublishProperties
  const isText = (value: unknown): boolean => value === undefined || typeof value === 'string'
  if (!isText(contentType) || !isText(responseTopic)) {
    throw new UsageError('ERR_USAGE', 'contentType and responseTopic are texts')
  }
  if (correlationData !== undefined && !(correlationData instanceof Uint8Array)) {
    throw new UsageError('ERR_USAGE', 'correlationData is bytes; new TextEncoder().encode(text) makes them of a text')
  }
  if (responseTopic !== undefined && checkTopicName(responseTopic) !== undefined) {
    throw new UsageError('ERR_MQTT_TOPIC', `${shownTopic(responseTopic)} is no topic for an answer`)
  }
  if (topicAlias !== undefined || subscriptionIdentifiers !== undefined) {
    throw new UsageError('ERR_USAGE', 'leave out topicAlias and subscriptionIdentifiers: the connection has them')
  }
  try {
    encodePublishProperties(properties, 5)
  } catch (error) {
    throw new UsageError('ERR_USAGE', `properties cannot be sent: ${describeError(error)}`, { cause: error })
  }
}

/** Text as UTF-8; objects are the caller's to serialise. @throws {UsageError} `ERR_USAGE` */
export function payloadBytes(payload: string | Uint8Array): Uint8Array {
  if (typeof payload === 'string') return payload === '' ? NOTHING : utf8.encode(payload)
  if (payload instanceof Uint8Array) return payload
  throw new UsageError('ERR_USAGE', 'a payload is text or bytes; JSON.stringify makes text of an object')
}

/** Bytes have no place in JSON: `correlationData` becomes a list of numbers. */
function asJson(properties: MessageProperties): Readonly<Record<string, unknown>> {
  const { correlationData } = properties
  return correlationData ? { ...properties, correlationData: [...correlationData] } : { ...properties }
}
