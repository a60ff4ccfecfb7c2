import type { LedgerRecord } from './records.ts'

/** Of the format of all records. */
export const VERSION = 1
/** Kinds below are the history's: `store/record.ts`. */
export const FIRST_KIND = 16
/** The place in this list is what stands on the disk: append only. */
export const KINDS: readonly LedgerRecord['kind'][] = [
  ...(['clock', 'session', 'ended', 'returned', 'left', 'subscribed', 'unsubscribed', 'targets', 'message'] as const),
  ...(['moved', 'owed', 'settled', 'pubrec', 'receipt', 'released', 'retained', 'group'] as const),
  ...(['taken', 'handed-back', 'group-settled', 'will', 'will-gone', 'snapshot', 'complete'] as const),
  ...(['row', 'waits', 'parts', 'queue'] as const),
]

/** Beside a QoS, in two bits. */
export const TERMS = { retain: 4, noLocal: 8, asPublished: 16, released: 32 } as const

/** What a `message` has besides itself. */
export const HAS = { expiry: 1, set: 2, except: 4, receipt: 8, retained: 16 } as const

/** Whether a record of the journal is the ledger's. */
export function isLedgerRecord(record: Uint8Array): boolean {
  return record[0] === VERSION && (record[1] ?? 0) >= FIRST_KIND
}
