import type { LimitFlags } from '../pubsub/listening.ts'
import type { MessageFlags } from '../pubsub/messages.ts'
import type { ShowFlags } from '../pubsub/show.ts'

/** As commander hands them over: the letters are those of mosquitto_pub and mosquitto_sub. */
export interface MqttFlags {
  readonly url?: string
  readonly host?: string
  readonly port?: string
  readonly id?: string
  readonly username?: string
  readonly pw?: string
  readonly keepalive?: string
  readonly protocolVersion?: string
  readonly disableCleanSession?: true
  readonly sessionExpiry?: string
  readonly ws?: true
  readonly tls?: true
  readonly cafile?: string
  readonly cert?: string
  readonly key?: string
  readonly insecure?: true
  readonly willTopic?: string
  readonly willPayload?: string
  readonly willQos?: string
  readonly willRetain?: true
  readonly qos?: string
  readonly json?: true
}

export interface PubFlags extends MqttFlags, MessageFlags {
  readonly topic?: string
  readonly retain?: true
  readonly outbox?: string
  readonly timeout?: string
  readonly property?: readonly string[]
}

export interface SubFlags extends MqttFlags, LimitFlags, ShowFlags {
  readonly topic?: readonly string[]
  readonly filterOut?: readonly string[]
  readonly format?: string
  /** `-R`; commander's name for an option that begins with no */
  readonly retained?: boolean
  readonly retainedOnly?: true
}
