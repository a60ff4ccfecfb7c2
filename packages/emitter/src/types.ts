/** The words of the API: what document 002 names, and what its promises resolve with. */
import type { HalyardError, Logger, Outbox, OutboxOptions } from '@halyard/core'
import type { EmitterMessage } from './message.ts'

export interface ConnectOptions {
  /** a name or an address; `api.emitter.io` */
  host?: string
  /** 443 when secure, else 8080 */
  port?: number
  /** seconds; 30 */
  keepalive?: number
  /** TLS; true */
  secure?: boolean
  /** the name in presence lists */
  username?: string
  password?: string
  /** `tcp`; in a browser `websocket` */
  transport?: 'tcp' | 'websocket'
  /** PEM texts or bytes; without `ca` the system's authorities count */
  tls?: {
    ca?: string | Uint8Array
    cert?: string | Uint8Array
    key?: string | Uint8Array
    servername?: string
    rejectUnauthorized?: boolean
  }
  /** Published by the broker when the connection ends. The original does so after `disconnect()` too. */
  will?: { key: string; channel: string; message: string | Uint8Array | object; retain?: boolean }
  /** An open outbox is used and left open; options open one; without either there is one in memory. */
  outbox?: OutboxOptions | Outbox
  /** silence, or standard error if HALYARD_LOG names a level */
  logger?: Logger
}

export interface PresenceWho {
  /** of the connection */
  id: string
  /** of its `connect()`, if it has one */
  username?: string
}

/** Who is there. */
export interface PresenceStatus {
  event: 'status'
  /** unix seconds, of the broker */
  time: number
  channel: string
  who: PresenceWho[]
}

/** Somebody came or went. */
export interface PresenceChange {
  event: 'subscribe' | 'unsubscribe'
  time: number
  channel: string
  who: PresenceWho
}

export type PresenceEvent = PresenceStatus | PresenceChange

export interface KeygenResult {
  status: 200
  key: string
  channel: string
}

/** The broker said no. */
export interface RequestFailure {
  status: number
  message: string
}

export interface LinkResult {
  status: 200
  name: string
  channel: string
}

export interface MeResult {
  status?: 200
  id: string
  /** name to channel with its options, without keys */
  links?: Record<string, string>
}

export interface EmitterEvents {
  /** Connected, also again: what was subscribed is subscribed, presence is watched, links are there. */
  connect: []
  /** The connection ended, also by `disconnect()`. */
  disconnect: []
  /** There is no connection, and the first try to get one failed. */
  offline: []
  /** Every message, besides those who subscribed to it. */
  message: [message: EmitterMessage]
  /** A status when it was asked for (also after a reconnection), and every change. */
  presence: [event: PresenceEvent]
  keygen: [result: KeygenResult | RequestFailure]
  link: [result: LinkResult | RequestFailure]
  me: [result: MeResult]
  /** What went wrong with the connection, and what the broker refused. Without a listener nothing happens. */
  error: [error: HalyardError]
}

/**
 * The messages of one channel and of those below it. Holds 1,000 (`buffer`), then drops the oldest and counts it; `break`
 * ends the loop only, and another one may go on.
 */
export interface Subscription extends AsyncIterable<EmitterMessage>, AsyncDisposable {
  readonly channel: string
  /** messages that nobody read in time */
  readonly dropped: number
  unsubscribe(): Promise<void>
}
