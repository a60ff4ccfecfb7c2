/**
 * The port below a connection: bytes both ways, whatever carries them. TCP, TLS and WebSocket under Node.js
 * (`node/dial.ts`), the `WebSocket` of the page in a browser (`browser/dial.ts`); `#dial` leads to one of the two.
 */
import type { Address } from './address.ts'

/** Certificates: PEM text or bytes. A browser has its own and takes none of these. */
export interface TlsOptions {
  /** the authorities to trust instead of the system's */
  ca?: string | Uint8Array
  /** the client's certificate, and its key */
  cert?: string | Uint8Array
  key?: string | Uint8Array
  /** the name that the server's certificate must have; the host */
  servername?: string
  /** false: takes any certificate, for tests alone; true */
  rejectUnauthorized?: boolean
}

/** What a transport tells its owner: `opened` once, then the others, `closed` once and last. Never from inside a call. */
export interface TransportEvents {
  opened(): void
  /** The bytes are the owner's during the call only. */
  received(bytes: Uint8Array): void
  /** What `write` was given has left this process, after a `write` that answered false. */
  drained(): void
  /** Over, whoever ended it. Without an error the peer closed it in good order; else a {@link ConnectionError}. */
  closed(error?: Error): void
}

/** A connection that was begun. It is used once and never opened again. */
export interface Transport {
  /** Bytes that were written and have not left this process. */
  readonly waiting: number
  /**
   * Takes the bytes, which stay as they are until {@link waiting} is 0; before `opened` they wait for it. One call is one WebSocket
   * frame. False: more than 64 KiB wait for a slow peer, `drained` tells when none do.
   */
  write(bytes: Uint8Array): boolean
  /**
   * Nothing is received until `resume`, so that a slow reader slows the sender down. A page cannot: there up to 16 MiB are
   * kept, then the connection ends with `ERR_MQTT_SLOW_READER`.
   */
  pause(): void
  resume(): void
  /**
   * Closes it when all is written; nothing is received any more. `closed` follows, after 5 s at the latest, with an error
   * only if the peer did not take all.
   */
  end(): void
  /** Closes it at once. Idempotent; nothing is called back any more. */
  destroy(): void
}

export interface DialOptions {
  readonly tls: TlsOptions | undefined
  /** WebSocket sub-protocols, in the order of preference; `mqtt` */
  readonly protocols: readonly string[]
}

/** Begins a connection. Throws nothing: what goes wrong is told by `closed`. */
export type Dial = (address: Address, options: DialOptions, events: TransportEvents) => Transport
