/** How a question to the history becomes SQL that walks an index from where it must begin to where it may end. */
import type { ServiceName } from '../../domain/message.ts'
import { MAX_PAGE, MAX_PAGE_BYTES } from '../../domain/ports.ts'
import type { HistoryQuery } from '../../domain/ports.ts'
import { parseCursor } from '../history-rules.ts'
import { channelNumber } from './channel-table.ts'
import type { Database } from './database.ts'
import { findByFilter } from './filter-search.ts'
import { isWildcard } from './filter-sql.ts'
import { searchIn, take, walkOfChannel, walkOfSpace, walksOfAccount, withLabel } from './history-search.ts'
import type { Found, Search, Walk } from './history-search.ts'

/** The numbers of the messages of one page, in the order of the walk. */
export interface FoundPage {
  readonly numbers: readonly number[]
  /** Something that fits lies behind it. */
  readonly more: boolean
}

/**
 * The page that a query asks for. No index holds all accounts of a space, or all spaces, in the order of acceptance for
 * every combination of filters, so each part that has such an index is walked by itself, no further than the page is
 * long, and the parts are merged. Sizes come first: a page of large payloads ends early.
 *
 * It yields where it has worked for long, so that others have their turn.
 */
export function* findPage(database: Database, query: HistoryQuery, now: Date): Generator<void, FoundPage> {
  const limit = Math.min(query.last ?? query.limit ?? 100, MAX_PAGE)
  if (limit <= 0) return { numbers: [], more: false }
  const between = numbersOf(database, query)
  const found: Found[] = []
  for (const space of query.space === undefined ? spacesOf(database, query.service) : [query.space]) {
    // One more than asked for tells whether there is another page.
    const search = searchIn(database, { query, space, count: limit + 1, between, now })
    if (search) found.push(...(yield* findIn(search, query)))
  }
  found.sort(query.last === undefined ? (a, b) => a.seq - b.seq : (a, b) => b.seq - a.seq)
  const length = pageLength(found, limit, Math.min(query.bytes ?? MAX_PAGE_BYTES, MAX_PAGE_BYTES))
  return { numbers: found.slice(0, length).map(({ seq }) => seq), more: found.length > length }
}

/** Ids lie in the order of acceptance: the nearest one that is there stands for one that is gone. */
function numbersOf(database: Database, query: HistoryQuery): { readonly first: number; readonly last: number } {
  const { after, before } = query
  let first = parseCursor(query.cursor) + 1
  // A search may take turns with others. What they bring meanwhile is not asked for: it would leave gaps.
  let last = Number(database.prepare('SELECT max(seq) AS seq FROM messages').get()?.['seq'] ?? 0)
  if (after !== undefined) {
    const row = database.prepare('SELECT seq FROM messages WHERE id <= ? ORDER BY id DESC LIMIT 1').get(after)
    first = Math.max(first, Number(row?.['seq'] ?? 0) + 1)
  }
  if (before !== undefined) {
    const row = database.prepare('SELECT seq FROM messages WHERE id >= ? ORDER BY id LIMIT 1').get(before)
    if (row) last = Math.min(last, Number(row['seq']) - 1)
  }
  return { first: first === 1 ? 0 : first, last }
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

function* findIn(
  search: Search,
  { account, channel, filter, direction }: HistoryQuery,
): Generator<void, readonly Found[]> {
  if (isWildcard(filter)) {
    const narrowed = channel === undefined ? search : withLabel(search, channel)
    return narrowed ? yield* findByFilter(narrowed, filter) : []
  }
  const label = channel ?? filter
  if (label === undefined) {
    const { space } = search
    const walks: readonly Walk[] =
      account === undefined ? [walkOfSpace(space)] : walksOfAccount(space, account, direction)
    const found: Found[] = []
    for (const walk of walks) found.push(...(yield* take(search, walk)))
    return found
  }
  const number = channelNumber(search.database, search.space, label)
  const narrowed = filter === undefined || filter === label ? search : withLabel(search, filter)
  return number === undefined || !narrowed ? [] : yield* take(narrowed, walkOfChannel(number))
}

function pageLength(found: readonly Found[], limit: number, most: number): number {
  let bytes = 0
  let count = 0
  for (const one of found.slice(0, limit)) {
    bytes += one.bytes
    if (count > 0 && bytes > most) break
    count++
  }
  return count
}
