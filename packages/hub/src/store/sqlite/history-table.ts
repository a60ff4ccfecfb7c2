import { labelsOf } from '../../domain/message.ts'
import type { Direction, ServiceName, StoredMessage } from '../../domain/message.ts'
import { storedSize } from '../../domain/ports.ts'
import type { HistoryLimits, HistoryPage, HistoryQuery } from '../../domain/ports.ts'
import { FIRST_PLAUSIBLE_TIME, tooOldBefore } from '../history-rules.ts'
import { transaction } from './database.ts'
import type { Database, Row } from './database.ts'
import { findPage } from './history-query.ts'

/** Messages removed in one transaction: a sweep must not keep queries waiting. */
const SWEEP_CHUNK = 1000

/** Messages in SQLite, found by space and label. */
export class HistoryTable {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Inside the caller's transaction. */
  insert(messages: Iterable<StoredMessage>): void {
    const usage = new Map<string, number>()
    const insertMessage = this.#database.prepare(
      `INSERT INTO messages (id, space, service, account, channel, direction, payload, source, received_at, expires_at, size)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    )
    const insertLabel = this.#database.prepare('INSERT INTO labels VALUES (?, ?, ?)')
    for (const message of messages) {
      const { id, space, service, account, channel, direction, payload, source, receivedAt, expiresAt } = message
      const size = storedSize(message)
      const { changes, lastId } = insertMessage.run(
        ...[id, space, service, account, channel, direction, payload],
        ...[source ?? null, receivedAt.getTime(), expiresAt?.getTime() ?? null, size],
      )
      if (changes === 0) continue
      for (const label of labelsOf(service, channel)) insertLabel.run(space, label, lastId)
      usage.set(space, (usage.get(space) ?? 0) + size)
    }
    for (const [space, bytes] of usage) this.#addUsage(space, bytes)
  }

  query(query: HistoryQuery, now: Date): HistoryPage {
    const { numbers, more } = findPage(this.#database, query, now)
    const messages = numbers.map((seq) => this.#read(seq))
    if (query.last !== undefined) return { messages: messages.toReversed() }
    const end = numbers.at(-1)
    return more && end !== undefined ? { messages, cursor: String(end) } : { messages }
  }

  /** Removes at most a thousand messages that must go; 0: nothing is left to do. */
  sweep(limits: HistoryLimits, now: Date): number {
    return transaction(this.#database, () => this.#remove(this.#due(limits, now)))
  }

  #due(limits: HistoryLimits, now: Date): readonly Row[] {
    const columns = 'SELECT seq, space, service, channel, size FROM messages'
    const expired = this.#database
      .prepare(`${columns} WHERE expires_at IS NOT NULL AND expires_at <= ? LIMIT ?`)
      .all(now.getTime(), SWEEP_CHUNK)
    if (expired.length > 0) return expired
    const spaces = this.#database.prepare('SELECT space, bytes FROM usage').all()
    const oldest = tooOldBefore(limits, now)
    for (const { space, bytes } of spaces) {
      if (oldest > FIRST_PLAUSIBLE_TIME) {
        const old = this.#database
          .prepare(`${columns} WHERE space = ? AND received_at >= ? AND received_at < ? LIMIT ?`)
          .all(space ?? null, FIRST_PLAUSIBLE_TIME, oldest, SWEEP_CHUNK)
        if (old.length > 0) return old
      }
      const excess = Number(bytes) - (limits.maxBytes ?? Infinity)
      if (excess <= 0) continue
      const first = this.#database
        .prepare(`${columns} INDEXED BY messages_by_space WHERE space = ? ORDER BY seq LIMIT ?`)
        .all(space ?? null, SWEEP_CHUNK)
      let freed = 0
      const enough = first.findIndex(({ size }) => (freed += Number(size)) >= excess)
      return enough < 0 ? first : first.slice(0, enough + 1)
    }
    return []
  }

  #remove(rows: readonly Row[]): number {
    const removeMessage = this.#database.prepare('DELETE FROM messages WHERE seq = ?')
    const removeLabel = this.#database.prepare('DELETE FROM labels WHERE space = ? AND label = ? AND seq = ?')
    for (const { seq = null, space = null, service, channel, size } of rows) {
      removeMessage.run(seq)
      for (const label of labelsOf(String(service) as ServiceName, String(channel))) removeLabel.run(space, label, seq)
      this.#addUsage(String(space), -Number(size))
    }
    return rows.length
  }

  #addUsage(space: string, bytes: number): void {
    this.#database
      .prepare('INSERT INTO usage VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes')
      .run(space, bytes)
  }

  #read(seq: number): StoredMessage {
    const row = this.#database.prepare('SELECT * FROM messages WHERE seq = ?').get(seq)
    if (!row) throw new Error(`message ${seq} is in the list and not in the table`)
    return toMessage(row)
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
  }
}
