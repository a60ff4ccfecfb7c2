import type { History, Lsn, Registry } from '../domain/ports.ts'

/** What is made from the journal and asked instead of it. */
export interface Index extends AsyncDisposable {
  readonly registry: Registry
  readonly history: History
  /** The history holds everything up to this. */
  readonly applied: Lsn
  close(): Promise<void>
}
