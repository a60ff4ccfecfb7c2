/** As commander hands them over. */
export interface SendFlags {
  readonly cloud_id?: string
  readonly cloud_key?: string
  readonly cloudId?: string
  readonly cloudKey?: string
  readonly devicekey?: string
  /** `true` for a `-t` with nothing behind it */
  readonly topic?: readonly string[] | true
  readonly file?: string
  readonly timeout?: string
  readonly host?: string
  readonly port?: string
  readonly outbox?: string
  readonly json?: true
}
