import type { HalyardError } from '@halyard/core'
import type { MqttMessage } from './message.ts'

/** What is known when the server has accepted the connection. */
export interface ConnectionInfo {
  readonly version: 4 | 5
  /** The server still has the session: nothing was subscribed anew, what it kept comes now. */
  readonly sessionPresent: boolean
  /** ours, or what the server gave */
  readonly clientId: string
  /** seconds, after the server had its say */
  readonly keepalive: number
}

export interface MqttEvents {
  /** Connected, also again; what was subscribed is subscribed. */
  connect: [info: ConnectionInfo]
  /** The connection ended; with an error unless we ended it. It is tried again, unless `reconnect` is false. */
  disconnect: [error: HalyardError | undefined]
  /** There is no connection and the first try to get one failed. */
  offline: []
  /** Every message, besides those who subscribed to it. Listening here counts as having handled it. */
  message: [message: MqttMessage]
  error: [error: HalyardError]
}

export type MqttState = 'connecting' | 'connected' | 'waiting' | 'closed'

/** A look at the inside, for a status page or a log. Counted since the client was made. */
export interface Diagnostics {
  readonly state: MqttState
  /** 0 before the first connection */
  readonly version: 0 | 4 | 5
  readonly connections: number
  /** tries that failed since the last connection */
  readonly failures: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly messagesSent: number
  readonly messagesReceived: number
  /** QoS 1 and 2 without their acknowledgement: sent, and received */
  readonly inFlight: number
  readonly unacknowledged: number
  /** messages that the outbox keeps for this client */
  readonly queued: number
  /** messages of a session that came and nobody has subscribed to yet */
  readonly unclaimed: number
  /** milliseconds of the last PINGREQ and its answer */
  readonly roundTrip: number | undefined
  readonly lastError: HalyardError | undefined
}
