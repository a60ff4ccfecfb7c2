/** Every metric but the journal's histogram and those of the process: docs/guide/hub.md §Metrics. */
import type { Commits } from './commits.ts'

/** Numbers as they are now; what there is only on a disk is left out in memory. */
export interface Snapshot {
  readonly uptime: number
  readonly commits: Commits
  readonly journal: {
    readonly committed: number
    readonly applied: number
    readonly pendingBytes: number
    readonly failing: boolean
    readonly segments?: number
    readonly replayed?: number
  }
  readonly disk?: {
    readonly journal: number
    readonly index: number
    readonly indexFree: number
    readonly queues: number
    readonly used: number
    readonly limit: number
    readonly free: number
    readonly full: boolean
  }
  readonly mqtt: {
    readonly connections: number
    readonly sessions: number
    readonly subscriptions: number
    readonly retained: number
    readonly queued: number
    readonly queuedBytes: number
    readonly replay?: number
    readonly refused: number
    readonly counters: {
      readonly connectionsEver: number
      readonly bytesReceived: number
      readonly bytesSent: number
      readonly publishReceived: number
      readonly publishSent: number
      readonly dropped: number
      readonly expired: number
    }
  }
  readonly hologram: { readonly connections: number; readonly refused: number; readonly smsQueued: number }
  readonly messages: { readonly watchers: number; readonly dropped: number }
}

export interface Family {
  /** A counter's name ends with `_total`. */
  readonly name: string
  readonly help: string
  readonly value: (now: Snapshot) => number | undefined
}

const family = (name: string, help: string, value: Family['value']): Family => ({
  name: `halyard_${name}`,
  help,
  value,
})

export const FAMILIES: readonly Family[] = [
  family('uptime_seconds', 'Since the hub is ready', (now) => now.uptime),

  family('journal_committed_records_total', 'Records that last, since the start', (now) => now.commits.records),
  family('journal_committed_bytes_total', 'Their bytes', (now) => now.commits.bytes),
  family('journal_pending_bytes', 'Appended and not on the disk yet', (now) => now.journal.pendingBytes),
  family('journal_failing', '1: what was written last could not be kept', (now) => Number(now.journal.failing)),
  family('journal_segments', 'Files of the journal', (now) => now.journal.segments),
  family('journal_bytes', 'Bytes of the journal', (now) => now.disk?.journal),
  family('journal_replay_seconds', 'To read the journal through at the start', (now) => now.journal.replayed),

  family(
    'index_lag_records',
    'Committed and not in the history yet',
    ({ journal }) => journal.committed - journal.applied,
  ),
  family('index_bytes', 'Bytes of hub.sqlite that are in use, with its log', (now) => now.disk?.index),
  family('index_free_bytes', 'Bytes of hub.sqlite that are written again first', (now) => now.disk?.indexFree),
  family('queue_bytes', 'Bytes of the outboxes of the hub', (now) => now.disk?.queues),

  family('disk_used_bytes', 'Journal, index and queues', (now) => now.disk?.used),
  family('disk_limit_bytes', 'What they may take (disk.maxBytes)', (now) => now.disk?.limit),
  family('disk_free_bytes', 'Free on the disk', (now) => now.disk?.free),
  family('disk_full', '1: they take what they may', (now) => now.disk && Number(now.disk.full)),

  family('mqtt_replay_seconds', 'To read sessions and messages at the start', (now) => now.mqtt.replay),
  family('mqtt_connections', 'Open connections', (now) => now.mqtt.connections),
  family('mqtt_connections_total', 'Clients that were let in', (now) => now.mqtt.counters.connectionsEver),
  family('mqtt_refused_total', 'Connections above a limit', (now) => now.mqtt.refused),
  family('mqtt_sessions', 'Sessions, with or without a connection', (now) => now.mqtt.sessions),
  family('mqtt_sessions_expired_total', 'Sessions whose time was over', (now) => now.mqtt.counters.expired),
  family('mqtt_subscriptions', 'Subscriptions', (now) => now.mqtt.subscriptions),
  family('mqtt_retained_messages', 'Retained messages', (now) => now.mqtt.retained),
  family('mqtt_queued_messages', 'Messages that wait for sessions', (now) => now.mqtt.queued),
  family('mqtt_queued_bytes', 'Their bytes', (now) => now.mqtt.queuedBytes),
  family('mqtt_dropped_messages_total', 'Messages that a client did not get', (now) => now.mqtt.counters.dropped),
  family('mqtt_received_messages_total', 'PUBLISH from clients', (now) => now.mqtt.counters.publishReceived),
  family('mqtt_sent_messages_total', 'PUBLISH to clients', (now) => now.mqtt.counters.publishSent),
  family('mqtt_received_bytes_total', 'Bytes from clients', (now) => now.mqtt.counters.bytesReceived),
  family('mqtt_sent_bytes_total', 'Bytes to clients', (now) => now.mqtt.counters.bytesSent),

  family('hologram_connections', 'Open connections', (now) => now.hologram.connections),
  family('hologram_refused_total', 'Connections above a limit', (now) => now.hologram.refused),
  family('hologram_sms_queued', 'SMS that wait for their webhook', (now) => now.hologram.smsQueued),

  family('watchers', 'Who follows messages by the API or in a program', (now) => now.messages.watchers),
  family('watchers_dropped_messages_total', 'Messages that they read too slowly', (now) => now.messages.dropped),
]
