import type { Endpoint } from './endpoint.ts'

/**
 * The port behind which bytes travel: TCP here, a modem's own sockets elsewhere. A connection is single-use: it is made,
 * used once, destroyed, never opened again.
 */
export interface Connector {
  /** Begins to connect, and tells how it goes on. Never throws and never calls back before it has returned. */
  connect(endpoint: Endpoint, events: ConnectionEvents): Connection
}

export interface ConnectionEvents {
  opened(): void
  /** What the last `write` was given has left this process whole. */
  written(): void
  /** The memory is the caller's only during the call. */
  received(bytes: Uint8Array): void
  /** The peer has said all it will say. */
  ended(): void
  /** Not connected, reset, unreachable: nothing follows. Before `written` it says that not everything has left. */
  failed(error: Error): void
}

export interface Connection {
  /** Once opened; not again before `written`. */
  write(bytes: Uint8Array): void
  /** Ends it at once; idempotent, and nothing is called back any more. */
  destroy(): void
}
