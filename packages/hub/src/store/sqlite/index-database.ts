import { closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageId } from '../../domain/message.ts'
import type { StoredMessage } from '../../domain/message.ts'
import type { JournalRecord, Lsn } from '../../domain/ports.ts'
import { decodeMessageRecord } from '../record.ts'
import { openDatabase, transaction } from './database.ts'
import type { Database, Engine } from './database.ts'
import { HistoryTable } from './history-table.ts'
import { RegistryTable } from './registry-table.ts'
import type { Progress } from './migrate-history.ts'
import { migrate } from './schema.ts'

/**
 * What is applied leaves the journal, so the names of SQLite's files must last before the first segment goes. SQLite's
 * own file layer sees to that, the WebAssembly one does not: a write makes the log file, then its directory is synced.
 */
function syncNames(database: Database, path: string): void {
  transaction(database, () => database.exec(`UPDATE meta SET value = value WHERE key = 'applied_lsn'`))
  const directory = openSync(dirname(path), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

export interface OpenOptions {
  readonly engine?: Engine | undefined
  /** Told how far a file of an older version is brought up. */
  readonly progress?: Progress | undefined
}

/** The file `hub.sqlite`: registry, history, and how far the journal is in it. */
export class IndexDatabase implements Disposable {
  readonly registry: RegistryTable
  readonly history: HistoryTable
  readonly #database: Database
  readonly #hubId: string
  #applied: Lsn

  private constructor(database: Database, hubId: string) {
    this.#database = database
    this.#hubId = hubId
    this.registry = new RegistryTable(database)
    this.history = new HistoryTable(database)
    const row = database.prepare(`SELECT value FROM meta WHERE key = 'applied_lsn'`).get()
    this.#applied = Number(row?.['value'])
  }

  static async open(path: string, hubId: string, options: OpenOptions = {}): Promise<IndexDatabase> {
    const database = await openDatabase(path, options.engine)
    try {
      migrate(database, { progress: options.progress })
      syncNames(database, path)
      return new IndexDatabase(database, hubId)
    } catch (error) {
      database.close()
      throw error
    }
  }

  get applied(): Lsn {
    return this.#applied
  }

  /** Records and how far they reach in one transaction: after a crash none is missing and none is there twice. */
  apply(records: readonly JournalRecord[]): void {
    const last = records.at(-1)?.lsn ?? 0
    if (last <= this.#applied) return
    this.#insert(this.#messages(records), () => {
      this.#database.prepare(`UPDATE meta SET value = ? WHERE key = 'applied_lsn'`).run(last)
    })
    this.#applied = last
  }

  append(messages: readonly StoredMessage[]): void {
    this.#insert(messages, () => {})
  }

  #insert(messages: Iterable<StoredMessage>, andThen: () => void): void {
    try {
      transaction(this.#database, () => {
        this.history.insert(messages)
        andThen()
      })
    } catch (error) {
      this.history.forget()
      throw error
    }
  }

  close(): void {
    this.#database.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  *#messages(records: readonly JournalRecord[]): Generator<StoredMessage> {
    for (const { lsn, payload } of records) {
      const draft = lsn > this.#applied ? decodeMessageRecord(payload) : undefined
      if (draft) yield { ...draft, id: messageId(lsn, this.#hubId) }
    }
  }
}
