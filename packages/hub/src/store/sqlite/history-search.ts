/** The parts that questions to the history are made of: what must hold, between which numbers, along which index. */
import type { Direction } from '../../domain/message.ts'
import type { HistoryQuery } from '../../domain/ports.ts'
import { channelNumber } from './channel-table.ts'
import type { Database, SqlValue } from './database.ts'
import { firstSince, lastBefore } from './time-blocks.ts'

export interface Found {
  readonly seq: number
  readonly bytes: number
}

export interface Sql {
  readonly text: string
  readonly values: readonly SqlValue[]
}

/** What one space is searched for. */
export interface Search {
  readonly database: Database
  readonly space: string
  readonly newestFirst: boolean
  /** Messages wanted at most. */
  readonly count: number
  /** Numbers from the first to the last, both included. */
  readonly first: number
  readonly last: number
  /** What a message `m` must be besides. */
  readonly condition: Sql
}

/** An equality on the leading columns of an index, whose entries then lie in the order of `seq`. */
export interface Walk {
  readonly from: string
  readonly seq: 'm.seq' | 'e.seq'
  readonly values: readonly SqlValue[]
}

/** The search for what a query asks of a space; `undefined` if nothing can be there. `between` is of all spaces. */
export function searchIn(
  database: Database,
  {
    query,
    space,
    count,
    between,
    now,
  }: {
    readonly query: HistoryQuery
    readonly space: string
    readonly count: number
    readonly between: { readonly first: number; readonly last: number }
    readonly now: Date
  },
): Search | undefined {
  let { first, last } = between
  if (query.from) first = Math.max(first, firstSince(database, space, query.from.getTime()) ?? Infinity)
  if (query.until) last = Math.min(last, lastBefore(database, space, query.until.getTime()) ?? -1)
  if (first > last) return undefined
  const condition = conditionOf(query, now)
  return { database, space, newestFirst: query.last !== undefined, count, first, last, condition }
}

function conditionOf(query: HistoryQuery, now: Date): Sql {
  const { from, until, account, channel, filter, direction, service } = query
  const texts = ['(m.expires_at IS NULL OR m.expires_at > ?)']
  const values: SqlValue[] = [now.getTime()]
  const add = (text: string, value: SqlValue): void => {
    texts.push(text)
    values.push(value)
  }
  if (from) add('m.received_at >= ?', from.getTime())
  if (until) add('m.received_at < ?', until.getTime())
  if (account !== undefined && (channel ?? filter) !== undefined) add('m.account = ?', account)
  if (direction !== undefined) add('m.direction = ?', direction)
  if (service !== undefined) add('m.service = ?', service)
  return { text: texts.join(' AND '), values }
}

const DIRECTIONS: readonly Direction[] = ['in', 'out']

export function walkOfChannel(channel: number): Walk {
  const from = 'entries e CROSS JOIN messages m ON m.seq = e.seq WHERE e.channel = ?'
  return { from, seq: 'e.seq', values: [channel] }
}

export function walkOfSpace(space: string): Walk {
  return { from: 'messages m INDEXED BY messages_by_space WHERE m.space = ?', seq: 'm.seq', values: [space] }
}

/** One for each direction: the index of accounts is in the order of numbers only within one. */
export function walksOfAccount(space: string, account: string, direction: Direction | undefined): readonly Walk[] {
  return (direction === undefined ? DIRECTIONS : [direction]).map((one) => ({
    from: 'messages m INDEXED BY messages_by_account WHERE m.space = ? AND m.account = ? AND m.direction = ?',
    seq: 'm.seq',
    values: [space, account, one],
  }))
}

/** The search among messages that have this label as well; `undefined` if none has. */
export function withLabel(search: Search, label: string): Search | undefined {
  const channel = channelNumber(search.database, search.space, label)
  if (channel === undefined) return undefined
  const { text, values } = search.condition
  const exists = 'EXISTS (SELECT 1 FROM entries x WHERE x.channel = ? AND x.seq = m.seq)'
  return { ...search, condition: { text: `${text} AND ${exists}`, values: [...values, channel] } }
}

/** What remains to be said behind the equality of a walk: bounds, conditions, order, but no limit. */
export function restOf(search: Search, seq: string): Sql {
  const { first, last, condition, newestFirst } = search
  let text = ''
  const values: SqlValue[] = []
  if (first > 0) {
    text += ` AND ${seq} >= ?`
    values.push(first)
  }
  if (last < Number.MAX_SAFE_INTEGER) {
    text += ` AND ${seq} <= ?`
    values.push(last)
  }
  text += ` AND ${condition.text} ORDER BY ${seq} ${newestFirst ? 'DESC' : 'ASC'}`
  return { text, values: [...values, ...condition.values] }
}

/** The first messages along a walk, sizes and numbers. */
export function take(search: Search, { from, seq, values }: Walk): readonly Found[] {
  const rest = restOf(search, seq)
  return search.database
    .prepare(`SELECT ${seq} AS seq, length(m.payload) AS bytes FROM ${from}${rest.text} LIMIT ?`)
    .all(...values, ...rest.values, search.count)
    .map((row) => ({ seq: Number(row['seq']), bytes: Number(row['bytes']) }))
}

/** As the search goes: negative if `a` comes first. */
export function inOrder({ newestFirst }: Search): (a: Found, b: Found) => number {
  return newestFirst ? (a, b) => b.seq - a.seq : (a, b) => a.seq - b.seq
}
