/** As commander hands them over. */
export interface AccountFlags {
  readonly cloud_id?: string
  readonly cloud_key?: string
  readonly cloudId?: string
  readonly cloudKey?: string
  readonly devicekey?: string
  readonly file?: string
}
