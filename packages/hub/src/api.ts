import type { HubMessage, ServiceName } from './domain/message.ts'
import type { SendToDevice } from './hologram/send-to-device.ts'
import type { HubAccounts, HubReady } from './ready.ts'

export interface MessagesFilter {
  readonly service?: ServiceName
  /** The whole channel or any one topic of it. */
  readonly channel?: string
  /** Ends the iteration: what is held can still be read, then `next()` rejects with `ERR_ABORTED`. */
  readonly signal?: AbortSignal
}

/** The live messages of {@link Hub.messages}. */
export interface MessageStream extends AsyncIterableIterator<HubMessage, undefined> {
  /** Lost because they were not read fast enough. */
  readonly dropped: number
}

/** A hub that listens. */
export interface Hub extends AsyncDisposable {
  readonly ready: HubReady
  readonly ports: HubReady['ports']
  /** The sample accounts. */
  readonly accounts: HubAccounts
  /**
   * Everything that passes from this call on, after its commit. Holds 1000 messages for a slow reader, then drops the
   * oldest and counts it. Ends when the hub closes.
   */
  messages(filter?: MessagesFilter): MessageStream
  readonly hologram: {
    /**
     * Sends to the socket on which a device listens. The message is queued first: it lasts, is tried again until the
     * device has it (`hologram.push.maxAge`), and goes out at once when the device is heard of. Resolves when the device
     * has read it and closed the connection. `host`: where it last connected from; `port`: 4010; `timeout`: seconds to
     * wait here, 5.
     *
     * @throws {ConnectionError} `ERR_HUB_DEVICE_UNREACHABLE`: not yet; it stays queued
     * @throws {ConnectionError} `ERR_HUB_PUSH_DROPPED`: never, because it was taken back, expired, or the account is gone
     * @throws {HalyardError} `ERR_ABORTED`: the signal ended the waiting; what is queued by then stays queued
     * @throws {HalyardError} `ERR_HUB_DEVICE_UNKNOWN`, `ERR_HUB_PUSH_SIZE`, `ERR_HUB_PUSH_FULL`, `ERR_USAGE`,
     * `ERR_USAGE_PORT`, `ERR_USAGE_SECONDS`, `ERR_HUB_CLOSED`, `ERR_STORE_…`: it is not queued
     */
    readonly sendToDevice: SendToDevice
  }
  /** Accepts nothing more, lets what is in flight finish (10 s at most), then closes. Idempotent. */
  close(): Promise<void>
}
