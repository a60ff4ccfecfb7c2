/** Under `hologram.sms`; docs/guide/hub.md §SMS. */
export interface SmsConfig {
  /** Where SMS are written, one JSON object per line, unless there is a webhook; `DIR/sms.jsonl`. */
  readonly file?: string
  readonly webhook?: {
    readonly url: string
    /** Signs each request; none: unsigned. */
    readonly secret?: string
    /** seconds for one request */
    readonly timeout: number
    /** seconds; not taken by then: dropped and reported */
    readonly maxAge: number
    /** SMS that wait; above: the device is answered `60` */
    readonly queued: number
  }
}
