import { setImmediate } from 'node:timers/promises'
import { StorageError } from '@halyard/core'
import { readLog } from '@halyard/core/node'
import type { LogPosition } from '@halyard/core/node'
import type { Lsn } from '../../domain/ports.ts'
import { JOURNAL_KIND } from '../segment-journal.ts'
import type { IndexDatabase } from './index-database.ts'

/**
 * Brings the journal into the index, in the worker, from the files: a message crosses no thread. It goes only as far as
 * it was told that the journal is committed; what lies behind may never be.
 */
export class JournalFollower {
  readonly #database: IndexDatabase
  readonly #path: string
  readonly #onApplied: (lsn: Lsn) => void
  #target: Lsn = 0
  #position: LogPosition | undefined
  #running: Promise<void> | undefined

  constructor(database: IndexDatabase, path: string, onApplied: (lsn: Lsn) => void) {
    this.#database = database
    this.#path = path
    this.#onApplied = onApplied
  }

  /** Resolves when everything up to `lsn` is in the index. */
  async followTo(lsn: Lsn): Promise<void> {
    this.#target = Math.max(this.#target, lsn)
    while (this.#database.applied < lsn) {
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined
      })
      await this.#running
    }
  }

  async #run(): Promise<void> {
    const before = this.#database.applied
    const from = this.#position
    for await (const batch of readLog({ path: this.#path, kind: JOURNAL_KIND, after: before, from })) {
      const committed = batch.filter(({ lsn }) => lsn <= this.#target)
      const last = committed.at(-1)
      if (last) {
        this.#database.apply(committed)
        this.#position = { segment: last.segment, offset: last.offset }
        this.#onApplied(last.lsn)
      }
      if (committed.length < batch.length) return
      // Calls that came meanwhile go first.
      await setImmediate()
    }
    if (this.#database.applied === before && before < this.#target) {
      throw new StorageError(
        'ERR_HUB_INDEX',
        `the journal has no record ${before + 1} to ${this.#target}; its files were changed while the hub runs`,
      )
    }
  }
}
