/** A publish as one connection sends it: in its version, with its topic aliases. */
import { encodePublishProperties, encodeUtf8, sizeOfPublishParts } from '@halyard/wire/mqtt'
import type { OutgoingAliases, PublishParts, PublishProperties } from '@halyard/wire/mqtt'
import type { KeptPublish } from './publish-call.ts'
import { TopicCache } from './topic-cache.ts'

const NOTHING = new Uint8Array(0)
/** Topics that are published to again and again are few. */
const MAX_TOPICS = 1024
/** bytes of a PUBLISH beside topic, payload and properties, and then some */
const ROUGHLY = 32
/** the property, and what it may add to the lengths before it */
const ALIAS_BYTES = 8

/** Makes the parts of a PUBLISH for one connection: its version, its topic aliases. */
export class PublishWriter {
  readonly #version: 4 | 5
  readonly #aliases: OutgoingAliases
  readonly #topics = new TopicCache<Uint8Array>(MAX_TOPICS)
  /** The properties of a message that has none but the alias, by alias. */
  readonly #aliasBytes: Uint8Array[] = []
  readonly #none: Uint8Array
  /** One for all: it is written in the same call. */
  readonly #parts: { -readonly [Part in keyof PublishParts]: PublishParts[Part] } = {
    ...{ topic: NOTHING, properties: NOTHING, payload: NOTHING, payloadAt: 0, payloadEnd: 0 },
  }

  constructor(version: 4 | 5, aliases: OutgoingAliases) {
    this.#version = version
    this.#aliases = aliases
    this.#none = encodePublishProperties(undefined, version)
  }

  /**
   * What is to go out now, if it has at most `limit` bytes: from here on the server is believed to know the topic's alias.
   * Valid until the next call; the payload is not copied. The topic is that of the call, or a shorter name that the server has for it.
   */
  parts(call: KeptPublish, topic: string, payload: Uint8Array, limit: number): PublishParts | undefined {
    // A limit is seldom near: only then it is worth to look twice, and to leave the alias out.
    const roughly = ROUGHLY + 3 * topic.length + payload.length
    if (call.properties === undefined && roughly <= limit) return this.#made(call, topic, payload, true)
    const plain = this.#made(call, topic, payload, false)
    const size = sizeOfPublishParts(plain, call.qos)
    if (size > limit) return undefined
    return size + ALIAS_BYTES > limit ? plain : this.#made(call, topic, payload, true)
  }

  #made(call: KeptPublish, topic: string, payload: Uint8Array, mayAlias: boolean): PublishParts {
    const properties = call.properties && this.#version === 5 ? fromJson(call.properties) : undefined
    const isAliased = mayAlias && this.#version === 5
    const known = isAliased ? this.#aliases.known(topic) : 0
    const alias = isAliased && known === 0 ? this.#aliases.give(topic) : known
    const parts = this.#parts
    parts.topic = known === 0 ? this.#topic(topic) : NOTHING
    parts.properties = properties === undefined ? this.#only(alias) : this.#encoded(properties, alias)
    parts.payload = payload
    parts.payloadEnd = payload.length
    return parts
  }

  #only(alias: number): Uint8Array {
    if (alias === 0) return this.#none
    return (this.#aliasBytes[alias] ??= encodePublishProperties({ topicAlias: alias }, this.#version))
  }

  #encoded(properties: PublishProperties, alias: number): Uint8Array {
    return encodePublishProperties(alias === 0 ? properties : { ...properties, topicAlias: alias }, this.#version)
  }

  #topic(topic: string): Uint8Array {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    const bytes = encodeUtf8(topic)
    this.#topics.set(topic, bytes)
    return bytes
  }
}

function fromJson(properties: Readonly<Record<string, unknown>>): PublishProperties {
  const { correlationData } = properties
  return Array.isArray(correlationData)
    ? { ...properties, correlationData: Uint8Array.from(correlationData) }
    : properties
}
