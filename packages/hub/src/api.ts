import type { HubMessage, ServiceName } from './domain/message.ts'
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
  /** Accepts nothing more, lets what is in flight finish (10 s at most), then closes. Idempotent. */
  close(): Promise<void>
}
