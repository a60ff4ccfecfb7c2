import type { Lsn } from '../domain/ports.ts'
import type { Journal, History, Registry } from '../domain/ports.ts'

/** A journal that tells when something new lasts, once per commit, not per record. */
export interface FollowedJournal extends Journal {
  onCommit(listener: (committed: Lsn) => void): () => void
}

/** What is made from the journal and asked instead of it. */
export interface Index extends AsyncDisposable {
  readonly registry: Registry
  readonly history: History
  /** The history holds everything up to this. */
  readonly applied: Lsn
  close(): Promise<void>
}
