/** What a connection reads from and is written to: TCP, TLS or WebSocket. `listen/` has one adapter for each. */
import type { Peer } from './devices.ts'

export type TransportKind = 'tcp' | 'tls' | 'websocket' | 'secure-websocket'

/** Told by the transport, in this order: any number of `received` and `drained`, then `closed` once. */
export interface TransportHandler {
  /** Valid until it returns: what is kept must be copied. */
  received(chunk: Uint8Array): void
  /** Everything that was written has gone to the kernel. */
  drained(): void
  /** Nothing more comes, nothing more goes. `clean`: the peer ended its side, no error. */
  closed(clean: boolean): void
}

export interface Transport {
  readonly kind: TransportKind
  readonly peer: Peer
  /** Which door it came through: on `mqtt` every password must fit an account. */
  readonly door: 'front' | 'mqtt'
  /** The client's certificate, if it showed one that a configured authority has signed. */
  readonly certificateName: string | undefined
  /** Before the first event; once. */
  start(handler: TransportHandler): void
  /** One write, whatever the number of pieces. They belong to the transport until `pendingBytes` is 0. */
  write(pieces: readonly Uint8Array[]): void
  /** Written and not yet with the kernel. */
  readonly pendingBytes: number
  /** No more `received` until `resume()`: the peer feels it. */
  pause(): void
  resume(): void
  /** What was written goes out, then the connection ends; the peer has 2 s for it. */
  end(): void
  /** At once. */
  destroy(): void
}
