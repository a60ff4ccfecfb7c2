/** Configurable under `hologram.limits`; docs/guide/hub.md §Limits. Times in seconds. */
export interface HologramLimits {
  /** A request with its terminator; above: code 2. */
  readonly messageBytes: number
  /** Code points of an SMS's text; above: code 2. The SDK sends at most 160. */
  readonly smsCharacters: number
  /** Unfinished requests of all connections together, and separately what waits for the disk. */
  readonly bufferedBytes: number
  /** For the whole request, from the accept on. */
  readonly messageTimeout: number
  /** Between two pieces of it. */
  readonly idleTimeout: number
  /** What the peer has to close after the answer. */
  readonly lingerTimeout: number
  readonly authFailuresPerAddress: number
  readonly authWindowPerAddress: number
  readonly authFailuresPerAccount: number
  readonly authWindowPerAccount: number
}
