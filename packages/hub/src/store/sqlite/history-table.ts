import { labelsOf } from '../../domain/message.ts'
import type { Direction, ServiceName, StoredMessage } from '../../domain/message.ts'
import { storedSize } from '../../domain/ports.ts'
import type { HistoryLimits, HistoryPage, HistoryQuery } from '../../domain/ports.ts'
import { FIRST_PLAUSIBLE_TIME, tooOldBefore } from '../history-rules.ts'
import { ChannelTable } from './channel-table.ts'
import { transaction } from './database.ts'
import type { Database, Row } from './database.ts'
import { findPage } from './history-query.ts'
import { TimeNotes, dropEmptyBlocks, firstAgedBlock, recountBlock } from './time-blocks.ts'

const COLUMNS = 'seq, space, service, channel, size'

/** Messages removed in one transaction: a sweep must not keep queries waiting. */
const SWEEP_CHUNK = 250

/** Messages in SQLite, found by space, channel, account, time. */
export class HistoryTable {
  readonly #database: Database
  readonly #channels: ChannelTable

  constructor(database: Database) {
    this.#database = database
    this.#channels = new ChannelTable(database)
  }

  /** Inside the caller's transaction; if that does not last, {@link forget} must follow. */
  insert(messages: Iterable<StoredMessage>): void {
    const usage = new Map<string, number>()
    const times = new TimeNotes()
    const insertMessage = this.#database.prepare(
      `INSERT INTO messages (id, space, service, account, channel, direction, payload, source, received_at, expires_at, size, options)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    )
    for (const message of messages) {
      const { id, space, service, account, channel, direction, payload, source, receivedAt, expiresAt, options } =
        message
      const size = storedSize(message)
      const { changes, lastId } = insertMessage.run(
        ...[id, space, service, account, channel, direction, payload],
        ...[source ?? null, receivedAt.getTime(), expiresAt?.getTime() ?? null, size, options ?? null],
      )
      if (changes === 0) continue
      for (const label of labelsOf(service, channel)) this.#channels.add(space, label, lastId)
      times.note(space, lastId, receivedAt.getTime())
      usage.set(space, (usage.get(space) ?? 0) + size)
    }
    times.write(this.#database)
    for (const [space, bytes] of usage) this.#addUsage(space, bytes)
  }

  /** After an insert that was rolled back. */
  forget(): void {
    this.#channels.forget()
  }

  /** Yields where it has worked for long: others may have their turn. */
  *query(query: HistoryQuery, now: Date): Generator<void, HistoryPage> {
    const { numbers, more } = yield* findPage(this.#database, query, now)
    // What others swept away meanwhile is not there any more.
    const messages = numbers.map((seq) => this.#read(seq)).filter((message) => message !== undefined)
    if (query.last !== undefined) return { messages: messages.toReversed() }
    const end = numbers.at(-1)
    return more && end !== undefined ? { messages, cursor: String(end) } : { messages }
  }

  /** Removes what must go, transaction by transaction, and yields how many messages went in each. */
  *sweep(limits: HistoryLimits, now: Date): Generator<number> {
    yield* this.#sweepExpired(now)
    const oldest = tooOldBefore(limits, now)
    for (const row of this.#database.prepare('SELECT space FROM usage').all()) {
      const space = String(row['space'])
      if (oldest > FIRST_PLAUSIBLE_TIME) yield* this.#sweepOld(space, oldest)
      yield* this.#sweepExcess(space, limits.maxBytes ?? Infinity)
    }
  }

  *#sweepExpired(now: Date): Generator<number> {
    const due = this.#database.prepare(
      `SELECT ${COLUMNS} FROM messages WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?`,
    )
    for (let removed = SWEEP_CHUNK; removed === SWEEP_CHUNK;) {
      removed = transaction(this.#database, () => this.#remove(due.all(now.getTime(), SWEEP_CHUNK)))
      yield removed
    }
  }

  *#sweepOld(space: string, oldest: number): Generator<number> {
    const due = this.#database.prepare(
      `SELECT ${COLUMNS} FROM messages INDEXED BY messages_by_space
       WHERE space = ? AND seq BETWEEN ? AND ? AND received_at >= ? AND received_at < ? LIMIT ?`,
    )
    for (;;) {
      const aged = firstAgedBlock(this.#database, space, oldest)
      if (!aged) return
      yield transaction(this.#database, () => {
        const { block, first, last } = aged
        const removed = this.#remove(due.all(space, first, last, FIRST_PLAUSIBLE_TIME, oldest, SWEEP_CHUNK))
        // Also if nothing was due: others took it, and the block must not be looked at every time.
        if (removed < SWEEP_CHUNK) recountBlock(this.#database, space, block)
        return removed
      })
    }
  }

  *#sweepExcess(space: string, most: number): Generator<number> {
    const usage = this.#database.prepare('SELECT bytes FROM usage WHERE space = ?')
    const first = this.#database.prepare(
      `SELECT ${COLUMNS} FROM messages INDEXED BY messages_by_space WHERE space = ? ORDER BY seq LIMIT ?`,
    )
    for (;;) {
      const excess = Number(usage.get(space)?.['bytes'] ?? 0) - most
      if (excess <= 0) return
      const rows = first.all(space, SWEEP_CHUNK)
      if (rows.length === 0) return
      let freed = 0
      const enough = rows.findIndex(({ size }) => (freed += Number(size)) >= excess)
      yield transaction(this.#database, () => this.#remove(enough < 0 ? rows : rows.slice(0, enough + 1)))
    }
  }

  #remove(rows: readonly Row[]): number {
    const removeMessage = this.#database.prepare('DELETE FROM messages WHERE seq = ?')
    const freed = new Map<string, number>()
    const touched = new Set<number>()
    for (const row of rows) {
      const [seq, space] = [Number(row['seq']), String(row['space'])]
      removeMessage.run(seq)
      for (const label of labelsOf(String(row['service']) as ServiceName, String(row['channel']))) {
        const channel = this.#channels.remove(space, label, seq)
        if (channel !== undefined) touched.add(channel)
      }
      freed.set(space, (freed.get(space) ?? 0) + Number(row['size']))
    }
    this.#channels.dropEmpty(touched)
    for (const [space, bytes] of freed) {
      this.#addUsage(space, -bytes)
      dropEmptyBlocks(this.#database, space)
    }
    return rows.length
  }

  #addUsage(space: string, bytes: number): void {
    this.#database
      .prepare('INSERT INTO usage VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes')
      .run(space, bytes)
  }

  #read(seq: number): StoredMessage | undefined {
    const row = this.#database.prepare('SELECT * FROM messages WHERE seq = ?').get(seq)
    return row && toMessage(row)
  }
}

function toMessage(row: Row): StoredMessage {
  return {
    id: String(row['id']),
    space: String(row['space']),
    service: String(row['service']) as ServiceName,
    account: String(row['account']),
    channel: String(row['channel']),
    direction: String(row['direction']) as Direction,
    // A copy of its own: what SQLite gives may be a view into its memory.
    payload: new Uint8Array(row['payload'] as Uint8Array),
    receivedAt: new Date(Number(row['received_at'])),
    ...(row['source'] !== null && { source: String(row['source']) }),
    ...(row['expires_at'] !== null && { expiresAt: new Date(Number(row['expires_at'])) }),
    ...(row['options'] !== null && { options: new Uint8Array(row['options'] as Uint8Array) }),
  }
}
