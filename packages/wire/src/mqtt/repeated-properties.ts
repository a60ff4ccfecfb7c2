import { NO_PROPERTIES } from './property-codec.ts'
import type { PublishProperties } from './properties.ts'
import { sameBytes } from './topic-name.ts'

/** bytes, their length among them; more are read anew each time */
const MAX_BYTES = 16

/**
 * What a connection adds to its messages, the topic alias and the identifiers of subscriptions: the same bytes again and
 * again, so they are read once and given as one frozen object. Other properties are the sender's, and read anew.
 */
export class RepeatedProperties {
  #bytes: Uint8Array = new Uint8Array(0)
  #properties: PublishProperties = NO_PROPERTIES

  /** Where the properties at `at` end, if they are those which {@link properties} has; 0: they are not. */
  endOf(bytes: Uint8Array, at: number, end: number): number {
    // The first byte is their length: the same bytes are all of them.
    const to = at + this.#bytes.length
    return to > at && to <= end && sameBytes(this.#bytes, bytes, at, to) ? to : 0
  }

  get properties(): PublishProperties {
    return this.#properties
  }

  /** They were read from `bytes[at, end)`. Gives them. */
  remember(properties: PublishProperties, bytes: Uint8Array, at: number, end: number): PublishProperties {
    if (end - at > MAX_BYTES) return properties
    for (const name in properties) {
      if (name !== 'topicAlias' && name !== 'subscriptionIdentifiers') return properties
    }
    this.#bytes = bytes.slice(at, end)
    this.#properties = Object.freeze(properties)
    Object.freeze(properties.subscriptionIdentifiers)
    return properties
  }
}
