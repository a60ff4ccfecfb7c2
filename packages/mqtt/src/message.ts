import { UsageError } from '@halyard/core'
import type { PublishProperties, Qos } from '@halyard/wire/mqtt'

/** Settles what is owed to the server for one message. */
export interface Handling {
  /** One of those that got the message is done with it. */
  done(): void
}

const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

/**
 * A message that came.
 *
 * @example
 * ```ts
 * import { MqttMessage } from '@halyard/mqtt'
 * const message = new MqttMessage('sensors/7', new TextEncoder().encode('{"celsius":21.5}'))
 * console.log(message.json<{ celsius: number }>().celsius) // 21.5
 * ```
 */
export class MqttMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  /** It was stored by the server before (or, with `retainAsPublished`, published so). */
  readonly retain: boolean
  /** The server sent it before and heard no acknowledgement; it may have been here already. */
  readonly dup: boolean
  /** 5.0; empty before */
  readonly properties: PublishProperties
  readonly #handling: Handling | undefined

  constructor(
    topic: string,
    payload: Uint8Array,
    facts: { qos?: Qos; retain?: boolean; dup?: boolean; properties?: PublishProperties; handling?: Handling } = {},
  ) {
    this.topic = topic
    this.payload = payload
    this.qos = facts.qos ?? 0
    this.retain = facts.retain ?? false
    this.dup = facts.dup ?? false
    this.properties = facts.properties ?? {}
    this.#handling = facts.handling
  }

  /** The payload as UTF-8; what is none becomes U+FFFD. */
  text(): string {
    return utf8.decode(this.payload)
  }

  /** @throws {UsageError} `ERR_MQTT_NOT_JSON`; check or declare what comes */
  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text()) as T
    } catch (error) {
      const message = `the message on ${this.topic} is not JSON; read it with text() or payload`
      throw new UsageError('ERR_MQTT_NOT_JSON', message, { cause: error })
    }
  }

  /** The same for somebody else, who owes nothing for it. */
  copy(): MqttMessage {
    const { topic, payload, qos, retain, dup, properties } = this
    return new MqttMessage(topic, payload, { qos, retain, dup, properties })
  }

  /**
   * Tells the server that the message was handled, for subscriptions with `acknowledge: 'manual'`; others do it by
   * themselves. Only once for each subscription that it came to. With QoS 0 there is nothing to tell.
   */
  acknowledge(): void {
    this.#handling?.done()
  }
}
