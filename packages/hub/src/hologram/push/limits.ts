/** Configurable under `hologram.push`; docs/guide/hub.md §Messages to devices. Times in seconds. */
export interface PushLimits {
  /** Where devices listen, unless the call says otherwise. */
  readonly port: number
  /** For one connection to a device: to be accepted, to be read, to be closed by it. */
  readonly attemptTimeout: number
  /** Of one message; above: `ERR_HUB_PUSH_SIZE`. */
  readonly messageBytes: number
  /** Messages that wait for one device; above: `ERR_HUB_PUSH_FULL`. */
  readonly queuedPerDevice: number
  /** Bytes that wait for all devices together; above: `ERR_HUB_PUSH_FULL`. */
  readonly queuedBytes: number
  /** Not delivered by then: dropped, reason `expired`. */
  readonly maxAge: number
  /** Connections to devices at once. */
  readonly connections: number
}
