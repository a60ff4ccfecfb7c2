/** Under `hologram.sms`; docs/guide/hub.md §SMS. */
export interface SmsConfig {
  /** Where SMS are written, one JSON object per line; `DIR/sms.jsonl`, or nowhere if there is a webhook. */
  readonly file?: string
  readonly webhook?: WebhookConfig
}

export interface WebhookConfig {
  /** Its path and its `user:password` may be secrets: only the host is ever shown. */
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
