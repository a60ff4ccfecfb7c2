/** A publish as the outbox keeps it, and as a connection sends it. */
import { UsageError } from '@halyard/core'
import type { SendControl } from '@halyard/core'
import { checkTopicName, encodePublishProperties, encodeUtf8 } from '@halyard/wire/mqtt'
import type { OutgoingAliases, PublishParts, PublishProperties, Qos } from '@halyard/wire/mqtt'

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

/** @throws {UsageError} `ERR_MQTT_TOPIC`, `ERR_USAGE` */
export function keptPublish(topic: string, options: PublishOptions): KeptPublish {
  const { qos = 1, retain = false, properties } = options
  const problem = typeof topic === 'string' ? checkTopicName(topic) : 'it is no text'
  if (problem !== undefined) throw new UsageError('ERR_MQTT_TOPIC', `${JSON.stringify(topic)} is no topic: ${problem}`)
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new UsageError('ERR_USAGE', 'qos is 0, 1 or 2')
  return { topic, qos, ...(retain && { retain: true }), ...(properties && { properties: asJson(properties) }) }
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

function fromJson(properties: Readonly<Record<string, unknown>>): PublishProperties {
  const { correlationData } = properties
  return Array.isArray(correlationData)
    ? { ...properties, correlationData: Uint8Array.from(correlationData) }
    : properties
}

/** Topics that are published to again and again are few. */
const MAX_TOPICS = 1024

/** Makes the parts of a PUBLISH for one connection: its version, its topic aliases. */
export class PublishWriter {
  readonly #version: 4 | 5
  readonly #aliases: OutgoingAliases
  readonly #topics = new Map<string, Uint8Array>()
  readonly #none: Uint8Array

  constructor(version: 4 | 5, aliases: OutgoingAliases) {
    this.#version = version
    this.#aliases = aliases
    this.#none = encodePublishProperties(undefined, version)
  }

  /** The payload is not copied. With `mayAlias` the topic may be replaced by its alias, for a packet that goes out now. */
  parts(call: KeptPublish, name: string, payload: Uint8Array, mayAlias: boolean): PublishParts {
    const properties = call.properties && this.#version === 5 ? fromJson(call.properties) : undefined
    const alias = mayAlias && this.#version === 5 ? this.#aliases.known(name) : 0
    const given = alias === 0 && mayAlias && this.#version === 5 ? this.#aliases.give(name) : alias
    const encoded =
      properties === undefined && given === 0
        ? this.#none
        : encodePublishProperties(given === 0 ? properties : { ...properties, topicAlias: given }, this.#version)
    const topic = alias === 0 ? this.#topic(name) : NOTHING
    return { topic, properties: encoded, payload, payloadAt: 0, payloadEnd: payload.length }
  }

  #topic(topic: string): Uint8Array {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    const bytes = encodeUtf8(topic)
    if (this.#topics.size === MAX_TOPICS) this.#topics.clear()
    this.#topics.set(topic, bytes)
    return bytes
  }
}
