import { MqttProtocolError } from '../errors.ts'
import { REASON } from '../reason-codes.ts'

/** Topic aliases, 5.0 §3.3.2.3.4: numbers for topics, apart for each direction, gone with the connection. */

/** The aliases that the peer gives: up to the Topic Alias Maximum that we told. `Topic` is whatever stands for one. */
export class IncomingAliases<Topic> {
  readonly #topics = new Map<number, Topic>()
  readonly #maximum: number

  /** 0: none are taken */
  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /**
   * The topic of a PUBLISH with an alias: `topic` if it has one, which the alias stands for from now on, else the one it
   * stands for. Throws `ERR_MQTT_TOPIC_ALIAS`.
   */
  resolve(alias: number, topic: Topic | undefined): Topic {
    // [MQTT-3.3.2-9], [MQTT-3.3.2-11]
    if (alias < 1 || alias > this.#maximum) {
      throw badAlias(
        REASON.topicAliasInvalid,
        'MQTT-3.3.2-9',
        `the topic alias ${alias} is not from 1 to ${this.#maximum}`,
      )
    }
    if (topic !== undefined) {
      this.#topics.set(alias, topic)
      return topic
    }
    const known = this.#topics.get(alias)
    if (known !== undefined) return known
    throw badAlias(REASON.protocolError, '5.0 §3.3.2.3.4', `the topic alias ${alias} stands for no topic yet`)
  }
}

function badAlias(reasonCode: number, clause: string, message: string): MqttProtocolError {
  return new MqttProtocolError('ERR_MQTT_TOPIC_ALIAS', reasonCode, clause, message)
}

/** The aliases that we give: up to the peer's maximum and a limit of ours, the oldest given again when all are used. */
export class OutgoingAliases {
  readonly #aliases = new Map<string, number>()
  readonly #maximum: number

  /** `limit` bounds the memory for a peer that takes 65,535; 64 */
  constructor(peerMaximum: number, limit: number = 64) {
    this.#maximum = Math.min(peerMaximum, limit)
  }

  /** The alias that the peer knows for a topic, which is then left out; 0 if none. */
  known(topic: string): number {
    return this.#aliases.get(topic) ?? 0
  }

  /**
   * An alias to send beside a topic that has none; 0 if the peer takes none [MQTT-3.1.2-27], [MQTT-3.2.2-18]. Only for a
   * PUBLISH that is written now: one that is dropped would leave the peer with another topic behind the alias.
   */
  give(topic: string): number {
    if (this.#maximum === 0) return 0
    if (this.#aliases.size < this.#maximum) {
      const alias = this.#aliases.size + 1
      this.#aliases.set(topic, alias)
      return alias
    }
    const [oldest] = this.#aliases
    const [lost, alias] = oldest!
    this.#aliases.delete(lost)
    this.#aliases.set(topic, alias)
    return alias
  }
}
