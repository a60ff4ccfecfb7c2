/** What Emitter's broker does for whoever asks over HTTP, with a key and without a connection. */

export interface EmitterFailure {
  /** 400, 401, 404, 500 */
  readonly status: number
  readonly message: string
}

export interface KeyWish {
  /** A master key. */
  readonly key: string
  readonly channel: string
  /** Letters of `rwslpe`. */
  readonly type: string
  /** Seconds; 0: for ever. */
  readonly ttl: number
}

/** `address`: whom guesses are counted for. */
export interface EmitterRequests {
  keygen(wish: KeyWish, address: string): Promise<{ readonly key: string; readonly channel: string } | EmitterFailure>
  /** The body of a request for presence, and of its answer: JSON. */
  presence(body: Uint8Array, address: string): { readonly status: number; readonly body: Uint8Array }
}
