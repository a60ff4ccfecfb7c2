import { labelsOf } from '../../domain/message.ts'
import type { Direction, ServiceName, StoredMessage } from '../../domain/message.ts'
import { MAX_PAGE, MAX_PAGE_BYTES, storedSize } from '../../domain/ports.ts'
import type { HistoryLimits, HistoryPage, HistoryQuery } from '../../domain/ports.ts'
import { FIRST_PLAUSIBLE_TIME, parseCursor, tooOldBefore } from '../history-rules.ts'
import { transaction } from './database.ts'
import type { Database, Row, SqlValue } from './database.ts'

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
    const { where, values } = conditions(query, now)
    const order = query.last === undefined ? 'ASC' : 'DESC'
    const limit = Math.min(query.last ?? query.limit ?? 100, MAX_PAGE)
    if (limit <= 0) return { messages: [] }
    // One more than asked for tells whether there is another page. Sizes first: a page of large payloads ends early.
    const sizes = this.#database
      .prepare(`SELECT m.seq, length(m.payload) AS bytes ${where} ORDER BY m.seq ${order} LIMIT ?`)
      .all(...values, limit + 1)
    const count = pageLength(sizes, limit)
    const rows = sizes.slice(0, count).map(({ seq }) => this.#read(Number(seq)))
    if (query.last !== undefined) return { messages: rows.toReversed() }
    const end = sizes[count - 1]
    return sizes.length > count && end ? { messages: rows, cursor: String(end['seq']) } : { messages: rows }
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

function conditions(query: HistoryQuery, now: Date): { readonly where: string; readonly values: readonly SqlValue[] } {
  const values: SqlValue[] = [query.space]
  let where = 'FROM messages m WHERE m.space = ?'
  if (query.channel !== undefined) {
    where = 'FROM labels l JOIN messages m ON m.seq = l.seq WHERE l.space = ? AND l.label = ?'
    values.push(query.channel)
  }
  const add = (condition: string, value: SqlValue): void => {
    where += ` AND ${condition}`
    values.push(value)
  }
  if (query.account !== undefined) add('m.account = ?', query.account)
  if (query.service !== undefined) add('m.service = ?', query.service)
  if (query.direction !== undefined) add('m.direction = ?', query.direction)
  if (query.from) add('m.received_at >= ?', query.from.getTime())
  if (query.until) add('m.received_at < ?', query.until.getTime())
  if (query.cursor !== undefined) add('m.seq > ?', parseCursor(query.cursor))
  add('(m.expires_at IS NULL OR m.expires_at > ?)', now.getTime())
  return { where, values }
}

function pageLength(sizes: readonly Row[], limit: number): number {
  let bytes = 0
  let count = 0
  for (const row of sizes.slice(0, limit)) {
    bytes += Number(row['bytes'])
    if (count > 0 && bytes > MAX_PAGE_BYTES) break
    count++
  }
  return count
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
