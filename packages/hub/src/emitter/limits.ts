/** Sizes in bytes, times in seconds. */
export interface EmitterLimits {
  /** Stored messages for one subscription or request, whatever its `last` asks for. */
  readonly last: number
  /** For which a retained message is stored that says no `ttl`. */
  readonly retain: number
  /** Of links and requests for presence, of one connection; and as many again of requests that wait for their answer. */
  readonly connectionBytes: number
  /** Requests of one connection that wait for their answer. */
  readonly requests: number
  /** Different keys that nobody issued, on one connection; then it is closed. */
  readonly unknownKeys: number
  /** The same of one address in one window: then none that this address has not used before is looked at. */
  readonly unknownKeysPerAddress: number
  readonly unknownKeysWindow: number
  /** Keys that are known, in all. */
  readonly keys: number
  /** Made with one key that may extend; beyond it the oldest is forgotten. */
  readonly extendedKeys: number
}

export const DEFAULT_EMITTER_LIMITS: EmitterLimits = {
  last: 1000,
  retain: 2_592_000,
  connectionBytes: 262_144,
  requests: 100,
  unknownKeys: 100,
  unknownKeysPerAddress: 1000,
  unknownKeysWindow: 600,
  keys: 1_000_000,
  extendedKeys: 10_000,
}
