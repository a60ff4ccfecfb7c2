/** As commander hands them over. */
export interface OutboxFlags {
  readonly outbox: string
  readonly json?: true
}

export interface LsFlags extends OutboxFlags {
  readonly state?: string
  readonly destination?: string
}

export interface RmFlags extends OutboxFlags {
  readonly all?: true
}
