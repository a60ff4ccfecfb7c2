/** How a question to the history becomes SQL that walks an index from where it must begin to where it may end. */
import type { Direction, ServiceName } from '../../domain/message.ts'
import { MAX_PAGE, MAX_PAGE_BYTES } from '../../domain/ports.ts'
import type { HistoryQuery } from '../../domain/ports.ts'
import { parseCursor } from '../history-rules.ts'
import type { Database, Row, SqlValue } from './database.ts'

/** The numbers of the messages of one page, in the order of the walk. */
export interface FoundPage {
  readonly numbers: readonly number[]
  /** Something that fits lies behind it. */
  readonly more: boolean
}

interface Found {
  readonly seq: number
  readonly bytes: number
}

/** An equality on the leading columns of an index, whose entries then lie in the order of `seq`. */
interface Walk {
  readonly from: string
  readonly seq: string
  readonly values: readonly SqlValue[]
}

/**
 * The page that a query asks for. No index holds all accounts of a space, or all spaces, in the order of acceptance for
 * every combination of filters, so each part that has such an index is walked by itself, no further than the page is
 * long, and the parts are merged. Sizes come first: a page of large payloads ends early.
 */
export function findPage(database: Database, query: HistoryQuery, now: Date): FoundPage {
  const limit = Math.min(query.last ?? query.limit ?? 100, MAX_PAGE)
  if (limit <= 0) return { numbers: [], more: false }
  const newestFirst = query.last !== undefined
  const after = lowerBound(database, query)
  const found: Found[] = []
  for (const space of query.space === undefined ? spacesOf(database, query.service) : [query.space]) {
    for (const walk of walksFor(space, query)) {
      // One more than asked for tells whether there is another page.
      found.push(...take(database, walk, { query, space, after, now, count: limit + 1 }))
    }
  }
  found.sort(newestFirst ? (a, b) => b.seq - a.seq : (a, b) => a.seq - b.seq)
  const length = pageLength(found, limit)
  return { numbers: found.slice(0, length).map(({ seq }) => seq), more: found.length > length }
}

/** The number behind which messages are wanted. */
function lowerBound(database: Database, query: HistoryQuery): number {
  const cursor = parseCursor(query.cursor)
  if (query.after === undefined) return cursor
  // Ids lie in the order of acceptance: the nearest one that is there stands for one that is gone.
  const nearest = database.prepare('SELECT seq FROM messages WHERE id <= ? ORDER BY id DESC LIMIT 1').get(query.after)
  return Math.max(cursor, Number(nearest?.['seq'] ?? 0))
}

function spacesOf(database: Database, service: ServiceName | undefined): readonly string[] {
  const rows = database
    .prepare(
      `SELECT space FROM usage WHERE ?1 IS NULL OR ?1 =
       (SELECT service FROM messages m INDEXED BY messages_by_space WHERE m.space = usage.space LIMIT 1)`,
    )
    .all(service ?? null)
  return rows.map((row) => String(row['space']))
}

const DIRECTIONS: readonly Direction[] = ['in', 'out']

function walksFor(space: string, { account, channel, direction }: HistoryQuery): readonly Walk[] {
  if (channel !== undefined) {
    const from = 'labels l CROSS JOIN messages m ON m.seq = l.seq WHERE l.space = ? AND l.label = ?'
    return [{ from, seq: 'l.seq', values: [space, channel] }]
  }
  if (account === undefined) {
    return [{ from: 'messages m INDEXED BY messages_by_space WHERE m.space = ?', seq: 'm.seq', values: [space] }]
  }
  return (direction === undefined ? DIRECTIONS : [direction]).map((one) => ({
    from: 'messages m INDEXED BY messages_by_account WHERE m.space = ? AND m.account = ? AND m.direction = ?',
    seq: 'm.seq',
    values: [space, account, one],
  }))
}

interface Taking {
  readonly query: HistoryQuery
  readonly space: string
  readonly after: number
  readonly now: Date
  readonly count: number
}

function take(database: Database, walk: Walk, { query, space, after, now, count }: Taking): readonly Found[] {
  const { seq } = walk
  const values: SqlValue[] = [...walk.values]
  let where = walk.from
  const add = (condition: string, ...more: readonly SqlValue[]): void => {
    where += ` AND ${condition}`
    values.push(...more)
  }
  const newestFirst = query.last !== undefined
  const { from, until } = query
  if (after > 0) add(`${seq} > ?`, after)
  // Received times are nearly in the order of acceptance: a look at their index saves the walk up to the first of them
  // (or, from the newest on, down to the last). The condition itself still stands: clocks jump.
  if (from && after === 0) {
    const first = 'SELECT min(seq) FROM messages INDEXED BY messages_by_time WHERE space = ? AND received_at >= ?'
    add(`${seq} >= (${first})`, space, from.getTime())
  }
  if (until && newestFirst) {
    const last = 'SELECT max(seq) FROM messages INDEXED BY messages_by_time WHERE space = ? AND received_at < ?'
    add(`${seq} <= (${last})`, space, until.getTime())
  }
  if (from) add('m.received_at >= ?', from.getTime())
  if (until) add('m.received_at < ?', until.getTime())
  if (query.account !== undefined && query.channel !== undefined) add('m.account = ?', query.account)
  if (query.direction !== undefined) add('m.direction = ?', query.direction)
  if (query.service !== undefined) add('m.service = ?', query.service)
  add('(m.expires_at IS NULL OR m.expires_at > ?)', now.getTime())
  const order = newestFirst ? 'DESC' : 'ASC'
  return database
    .prepare(`SELECT ${seq} AS seq, length(m.payload) AS bytes FROM ${where} ORDER BY ${seq} ${order} LIMIT ?`)
    .all(...values, count)
    .map((row: Row) => ({ seq: Number(row['seq']), bytes: Number(row['bytes']) }))
}

function pageLength(found: readonly Found[], limit: number): number {
  let bytes = 0
  let count = 0
  for (const one of found.slice(0, limit)) {
    bytes += one.bytes
    if (count > 0 && bytes > MAX_PAGE_BYTES) break
    count++
  }
  return count
}
