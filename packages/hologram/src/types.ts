import type { HalyardError, Logger, Outbox, OutboxOptions, SendControl } from '@halyard/core'
import type { ResultName } from '@halyard/wire/hologram'

export type NetworkName =
  | ''
  | 'wifi'
  | 'ethernet'
  | 'ble'
  | 'cellular-ms2131'
  | 'cellular-e303'
  | 'cellular-iota'
  | 'cellular'

/** A way to the internet that can be switched on and off. */
export interface Network {
  readonly interfaceName: string
  connect(options?: { timeout?: number; signal?: AbortSignal }): Promise<boolean>
  disconnect(): Promise<boolean>
  isConnected(): boolean
  getConnectionStatus(): number
}

/**
 * `cloud.network`. `connect()` gives false for what the network did (`lastError` says why) and throws for what the
 * caller must mend.
 */
export interface NetworkManager {
  /** `timeout` in seconds; 15 */
  connect(options?: { timeout?: number; signal?: AbortSignal }): Promise<boolean>
  disconnect(): Promise<boolean>
  reconnect(options?: { timeout?: number; signal?: AbortSignal }): Promise<boolean>
  /** always ['cellular-e303','wifi','cellular-iota','ble','ethernet','cellular-ms2131'], as documented */
  listAvailableInterfaces(): NetworkName[]
  /** 0 disconnected, 1 connected; a network may know more */
  getConnectionStatus(): number
  isConnected(): boolean
  readonly localIPAddress: string | null
  readonly remoteIPAddress: string | null
  readonly lastError: HalyardError | null
  readonly active: Network | null
}

/** The plug-in point for other authentication forms: it makes the bytes of a request, terminator included. */
export interface Authentication {
  readonly type: string
  message(data: string | Uint8Array, topics?: readonly string[]): Uint8Array | Promise<Uint8Array>
  sms(destination: string, text: string): Uint8Array | Promise<Uint8Array>
}

export interface CloudOptions {
  /** `''`: the machine is on the network by other means */
  network?: NetworkName | Network | readonly (NetworkName | Network)[]
  /** An open outbox is used and left open by `close()`; options open one; without either there is one in memory. */
  outbox?: OutboxOptions | Outbox
  /** silence, or standard error if HALYARD_LOG names a level */
  logger?: Logger
  /** `csrpsk`; `totp` needs a plug-in of yours */
  authentication?: 'csrpsk' | 'totp' | Authentication
}

export interface Endpoints {
  sendHost?: string
  sendPort?: number | string
  receiveHost?: string
  /** 0 is a free one */
  receivePort?: number | string
  /** Listen from the start. HologramCloud: true, other clouds: false */
  enableInbound?: boolean
}

export interface SendOptions extends SendControl {
  /** HologramCloud alone */
  topics?: string[]
  /** seconds for the connection, and of silence; 5 */
  timeout?: number
}

export interface SendResult {
  /** the outbox entry */
  readonly id: string
  /** 0…8 from the service; -1 no usable answer; -2 buffered */
  readonly code: number
  readonly name: ResultName
  /** HologramCloud: the document's sentence; CustomCloud: what the peer answered, as UTF-8, '' for nothing */
  readonly description: string
  /** taken by the service (CustomCloud: written whole); false while buffered */
  readonly ok: boolean
  readonly buffered: boolean
  /** the description */
  toString(): string
}

export interface ReceivedMessage {
  readonly text: string
  readonly bytes: Uint8Array
  readonly remoteAddress: string
  readonly receivedAt: Date
}

export interface Sms {
  readonly sender: string
  readonly timestamp: Date
  readonly message: string
}

/**
 * `message.sent` fires when the service has accepted the message, also later from the outbox, not on a refusal.
 * `message.received` fires for everything that one inbound connection carried, also for nothing. `sms.received` and the
 * events of one kind of network come from the networks of `@halyard/network`, before `network.*`.
 */
export interface HologramEvents {
  'message.sent': [result: SendResult]
  'message.received': [message: ReceivedMessage]
  'sms.received': [sms: Sms]
  'network.connected': []
  'network.disconnected': []
  'wifi.connected': []
  'wifi.disconnected': []
  'ethernet.connected': []
  'ethernet.disconnected': []
  'ble.connected': []
  'ble.disconnected': []
  'cellular.connected': []
  'cellular.disconnected': []
  error: [error: HalyardError]
}

/** One per cloud. The documents' callbacks without parameters fit; the same callback twice is one. */
export interface EventBus {
  subscribe<E extends keyof HologramEvents>(event: E, callback: (...args: HologramEvents[E]) => void): void
  unsubscribe<E extends keyof HologramEvents>(event: E, callback: (...args: HologramEvents[E]) => void): void
}
