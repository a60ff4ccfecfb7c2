import type { Endpoint } from './endpoint.ts'

/** The port behind which connections come in: TCP here, a modem's own listening socket elsewhere. */
export interface Listener {
  /** Resolves when connections can come, rejects with what the machine said. Port 0 is one that is free. */
  listen(endpoint: Endpoint, events: ListenerEvents): Promise<Listening>
}

export interface ListenerEvents {
  /** Who came, and what is told from now on. `undefined` turns it away. */
  connected(incoming: Incoming): IncomingEvents | undefined
  /** One that came could not be taken (no file descriptors, say); the listener goes on. */
  failed(error: Error): void
}

/** A socket that listens; single-use. */
export interface Listening {
  /** the one it got, if it asked for a free one */
  readonly port: number
  /** Keeps the process alive, with the connections to come; it did not before. */
  keepAlive(): void
  /** Listens no more, at once; connections that are there go on. */
  close(): void
}

/** A connection that came in. Nothing is ever written to it. */
export interface Incoming {
  /** `''` once it is broken. Not to be asked before its end: see `tcp-listener.ts`. */
  readonly remoteAddress: string
  /** Ends it in order; nothing is called back any more. */
  close(): void
  /** Breaks it, so that the sender learns that nothing was taken; nothing is called back any more. */
  reset(): void
}

export interface IncomingEvents {
  /** The memory is the caller's only during the call. */
  received(bytes: Uint8Array): void
  /** The peer has said all it will say. */
  ended(): void
  /** Reset, unreachable: nothing follows. */
  failed(error: Error): void
}
