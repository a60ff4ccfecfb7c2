import { StorageError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { JournalReader } from '../../domain/journal-readers.ts'
import type { StoredMessage } from '../../domain/message.ts'
import type {
  Document,
  History,
  HistoryLimits,
  HistoryPage,
  HistoryQuery,
  Json,
  Lsn,
  Registry,
  RegistryChange,
  WriteResult,
} from '../../domain/ports.ts'
import { checkDocument } from '../documents.ts'
import type { Index } from '../stored-index.ts'
import { checkQuery } from '../history-rules.ts'
import type { SegmentJournal } from '../segment-journal.ts'
import type { Engine } from './database.ts'
import { IndexWorker } from './index-worker.ts'
import type { IndexCount, IndexSize } from './protocol.ts'

/** The worker is told of commits this often (ms) at most: it applies them in larger transactions then. */
export const FOLLOW_INTERVAL = 100
/** More missing numbers than this are no cut tail: the journal's files are gone. */
const MAX_PADDING = 1_000_000

export interface SqliteIndexOptions {
  /** The SQLite file. */
  readonly path: string
  readonly journal: SegmentJournal
  readonly reader: JournalReader
  /** The journal's directory. */
  readonly journalPath: string
  readonly hubId: string
  readonly clock: Clock
  readonly logger: Logger
  readonly engine?: Engine
  /** ms; the worker is told of commits this often at most */
  readonly followInterval?: number
}

/** Registry and history in SQLite, in a worker that follows the journal. */
export class SqliteIndex implements Index {
  readonly registry: Registry
  readonly history: History
  readonly #worker: IndexWorker
  readonly #options: SqliteIndexOptions
  readonly #stopListening: () => void
  #applied: Lsn = 0
  #announced = false

  private constructor(options: SqliteIndexOptions) {
    const { path, journal, journalPath, hubId, clock, logger, engine } = options
    this.#options = options
    this.#worker = new IndexWorker({
      path,
      journal: journalPath,
      hubId,
      engine,
      clock,
      logger,
      committed: () => journal.committed,
      onApplied: (lsn) => this.#onApplied(lsn),
    })
    this.registry = new SqliteRegistry(this.#worker)
    this.history = new SqliteHistory(this.#worker, clock)
    this.#stopListening = journal.onSettled(() => this.#announce())
  }

  /**
   * @throws {StorageError} `ERR_HUB_NEWER_DATA`; `ERR_HUB_JOURNAL` if the journal is gone from under the index;
   * `ERR_HUB_INDEX` for what SQLite says
   */
  static async open(options: SqliteIndexOptions): Promise<SqliteIndex> {
    const index = new SqliteIndex(options)
    try {
      await index.#worker.opened()
      await index.#mend()
      void index.#worker.follow()
      return index
    } catch (error) {
      await index.close()
      throw error
    }
  }

  get applied(): Lsn {
    return this.#applied
  }

  /** How large the file is. */
  size(): Promise<IndexSize> {
    return this.#worker.call('size')
  }

  count(): Promise<IndexCount> {
    return this.#worker.call('count')
  }

  /** The file stays as it is until {@link letGo}; the journal up to `committed` holds all that is in it. */
  hold(): Promise<{ readonly id: number; readonly committed: Lsn }> {
    return this.#worker.call('hold')
  }

  /** False: the worker was started again meanwhile, and the file may have changed. */
  isHeld(id: number): Promise<boolean> {
    return this.#worker.call('isHeld', id)
  }

  letGo(id: number): Promise<boolean> {
    return this.#worker.call('letGo', id)
  }

  async close(): Promise<void> {
    this.#stopListening()
    await this.#worker.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Messages are named by their numbers: no number that the index has seen may be given out again. */
  async #mend(): Promise<void> {
    const { journal, logger } = this.#options
    const missing = this.#applied - journal.committed
    if (missing <= 0) return
    if (missing > MAX_PADDING) {
      throw new StorageError(
        'ERR_HUB_JOURNAL',
        `the journal ends at record ${journal.committed} and the index knows ${this.#applied}: files of the journal are gone; put them back, or start with another data directory`,
      )
    }
    logger.warn(
      { missing },
      `the last ${missing} records of the journal are lost: the history has their messages, but sessions and retained messages of MQTT are as they were before; to have those back stop the hub and restore a backup`,
    )
    await journal.skipTo(this.#applied)
  }

  #announce(): void {
    if (this.#announced) return
    this.#announced = true
    const { clock, followInterval = FOLLOW_INTERVAL } = this.#options
    clock.setTimer(followInterval, () => {
      this.#announced = false
      void this.#worker.follow()
    })
  }

  #onApplied(lsn: Lsn): void {
    this.#applied = lsn
    this.#options.reader.keepFrom(lsn + 1)
  }
}

class SqliteRegistry implements Registry {
  readonly #worker: IndexWorker
  readonly #listeners = new Set<(change: RegistryChange) => void>()

  constructor(worker: IndexWorker) {
    this.#worker = worker
  }

  get(collection: string, id: string): Promise<Document | undefined> {
    return this.#worker.call('get', collection, id)
  }

  async put(collection: string, id: string, value: Json, expected?: number): Promise<WriteResult> {
    const text = checkDocument(collection, id, value)
    const result = await this.#worker.call('put', collection, id, text, expected)
    if (result.written) {
      const document = { id, revision: result.revision, value: JSON.parse(text) as Json }
      this.#tell({ collection, id, document })
    }
    return result
  }

  async remove(collection: string, id: string, expected?: number): Promise<WriteResult> {
    const result = await this.#worker.call('remove', collection, id, expected)
    if (result.written) this.#tell({ collection, id, document: undefined })
    return result
  }

  list(collection: string, options: { after?: string; limit?: number } = {}): Promise<readonly Document[]> {
    return this.#worker.call('list', collection, options.after ?? '', options.limit ?? 100)
  }

  watch(listener: (change: RegistryChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(change: RegistryChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

class SqliteHistory implements History {
  readonly #worker: IndexWorker
  readonly #clock: Clock

  constructor(worker: IndexWorker, clock: Clock) {
    this.#worker = worker
    this.#clock = clock
  }

  append(messages: readonly StoredMessage[]): Promise<void> {
    return this.#worker.call('append', messages)
  }

  async query(query: HistoryQuery): Promise<HistoryPage> {
    checkQuery(query)
    return this.#worker.call('query', query, new Date(this.#clock.now()))
  }

  sweep(limits: HistoryLimits, now: Date): Promise<number> {
    return this.#worker.call('sweep', limits, now)
  }
}
