/** Configurable under `mqtt.limits`; docs/guide/mqtt.md §Limits. Times in seconds, sizes in bytes. */
export interface MqttLimits {
  /** For the whole CONNECT, from the accept on. */
  readonly connectTimeout: number
  /** For whoever is asked whether a client may come in. */
  readonly authenticateTimeout: number
  /** Of a CONNECT. */
  readonly connectBytes: number
  /** Of any other packet; what CONNACK tells as Maximum Packet Size. */
  readonly packetBytes: number
  readonly topicLevels: number
  /** Of one session. */
  readonly subscriptions: number
  /** Of their filters together. */
  readonly filterBytes: number
  readonly userProperties: number
  /** QoS 1 and 2 that a client of 5.0 may have in flight towards the hub: CONNACK's Receive Maximum. */
  readonly receiveMaximum: number
  /** Topic aliases that a client may use. */
  readonly topicAliases: number
  /** QoS 1 and 2 on the wire to one client, if its own Receive Maximum is not smaller. */
  readonly window: number
  /** That wait on one connection before QoS 0 is dropped and counted. */
  readonly outputBytes: number
  /** A connection that takes nothing for so long while something is owed is closed. */
  readonly stuckTimeout: number
  /**
   * The longest keep-alive that a client of 5.0 is granted (Server Keep Alive); one that asks for none gets this. 65,535:
   * each has what it asks for, as clients of 3.1.1 always have.
   */
  readonly keepAlive: number
  /** The longest session expiry that is granted. */
  readonly sessionExpiry: number
  readonly queuedMessages: number
  readonly queuedBytes: number
  /** Of all sessions together. */
  readonly totalQueuedBytes: number
  readonly retainedMessages: number
  readonly retainedBytes: number
  /** Of all clients, connected or not. */
  readonly sessions: number
  /**
   * That wait for the disk: above it, nobody is read who waits for an acknowledgement. A server without a data directory
   * waits for none.
   */
  readonly uncommittedBytes: number
  /** What happens to one message too many for a session whose account has no policy of its own. */
  readonly overflow: OverflowPolicy
}

export type OverflowPolicy = 'drop-oldest' | 'drop-newest' | 'expire-session' | 'reject'

const KIB = 1024
const MIB = 1024 * KIB

export const DEFAULT_MQTT_LIMITS: MqttLimits = {
  connectTimeout: 5,
  authenticateTimeout: 10,
  connectBytes: 64 * KIB,
  packetBytes: MIB,
  topicLevels: 128,
  subscriptions: 10_000,
  filterBytes: MIB,
  userProperties: 64,
  receiveMaximum: 1000,
  topicAliases: 100,
  window: 1000,
  outputBytes: MIB,
  stuckTimeout: 30,
  keepAlive: 65_535,
  sessionExpiry: 604_800,
  queuedMessages: 100_000,
  queuedBytes: 64 * MIB,
  totalQueuedBytes: KIB * MIB,
  retainedMessages: 100_000,
  retainedBytes: 256 * MIB,
  sessions: 100_000,
  uncommittedBytes: 16 * MIB,
  overflow: 'drop-oldest',
}
