/** As commander hands them over. */
import type { AccountFlags } from '../account/flags.ts'

interface Flags extends AccountFlags {
  readonly timeout?: string
  readonly host?: string
  readonly port?: string
  readonly outbox?: string
  readonly json?: true
}

export interface SendFlags extends Flags {
  /** `true` for a `-t` with nothing behind it */
  readonly topic?: readonly string[] | true
  readonly lines?: true
}

export interface SmsFlags extends Flags {
  readonly destination?: string
}
