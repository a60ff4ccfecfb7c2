import { randomInt } from 'node:crypto'
import { closeSync, fsyncSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { StorageError } from '@halyard/core'
import { messageId } from '../../domain/message.ts'
import type { StoredMessage } from '../../domain/message.ts'
import type { JournalRecord, Lsn } from '../../domain/ports.ts'
import { decodeMessageRecord } from '../record.ts'
import { openDatabase, transaction } from './database.ts'
import type { Database, Engine } from './database.ts'
import { HistoryTable } from './history-table.ts'
import { RegistryTable } from './registry-table.ts'
import type { Progress } from './migrate-history.ts'
import type { IndexCount, IndexSize } from './protocol.ts'
import { migrate } from './schema.ts'

/** Pages in SQLite's log after which it takes them over into the file; its own default. */
const CHECKPOINT_PAGES = 1000

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
  readonly #path: string
  #held: number | undefined
  #applied: Lsn

  private constructor(database: Database, path: string, hubId: string) {
    this.#path = path
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
      return new IndexDatabase(database, path, hubId)
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

  size(): IndexSize {
    const number = (pragma: string): number =>
      Number(Object.values(this.#database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0])
    const log = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0
    const page = number('page_size')
    return { bytes: statSync(this.#path).size + log, free: number('freelist_count') * page }
  }

  count(): IndexCount {
    const rows = (table: string): number =>
      Number(this.#database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows'])
    return { messages: rows('messages'), documents: rows('documents') }
  }

  /**
   * Until {@link letGo} the file stays as it is now, with everything that was written in it: what is written from now on
   * stays in SQLite's log. So it can be copied by anybody at leisure, and nobody waits for it. One at a time. The number is
   * good for this opening of the file: whoever asks a later one learns that the file may have changed.
   */
  hold(): number {
    const result = this.#held ?? this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    if (typeof result === 'number' || Number(result?.['busy']) !== 0) {
      throw new StorageError('ERR_HUB_INDEX', 'SQLite cannot take its log over into the file now; try again')
    }
    this.#checkpointAfter(0)
    return (this.#held = randomInt(1, 2 ** 47))
  }

  isHeld(id: number): boolean {
    return this.#held === id
  }

  /** False: the file may have changed since. */
  letGo(id: number): boolean {
    if (this.#held !== id) return false
    this.#held = undefined
    this.#checkpointAfter(CHECKPOINT_PAGES)
    return true
  }

  close(): void {
    this.#database.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #checkpointAfter(pages: number): void {
    this.#database.exec(`PRAGMA wal_autocheckpoint = ${pages}`)
  }

  *#messages(records: readonly JournalRecord[]): Generator<StoredMessage> {
    for (const { lsn, payload } of records) {
      const draft = lsn > this.#applied ? decodeMessageRecord(payload) : undefined
      if (draft) yield { ...draft, id: messageId(lsn, this.#hubId) }
    }
  }
}
