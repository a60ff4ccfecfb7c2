/** As commander hands them over. */
import type { AccountFlags } from '../account/flags.ts'

export interface ReceiveFlags extends AccountFlags {
  readonly host?: string
  readonly port?: string
  readonly timeout?: string
  readonly outbox?: string
  readonly json?: true
}
