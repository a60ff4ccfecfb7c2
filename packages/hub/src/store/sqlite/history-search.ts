/** The parts that questions to the history are made of: what must hold, between which numbers, along which index. */
import type { Direction } from '../../domain/message.ts'
import type { HistoryQuery } from '../../domain/ports.ts'
import { channelNumber } from './channel-table.ts'
import type { Database, SqlValue } from './database.ts'
import { firstSince, lastBefore } from './time-blocks.ts'

/** What a message `m` counts against a page: `pageSize` of the port. */
export const PAGE_SIZE = 'length(m.payload) + coalesce(length(m.options), 0)'

/** Messages walked over without a pause. */
const PACE = 16_384

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
  /** With the messages `m`. */
  readonly from: string
  /** The same in the index alone. */
  readonly keys: string
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
  const keys = 'entries e WHERE e.channel = ?'
  const from = 'entries e CROSS JOIN messages m ON m.seq = e.seq WHERE e.channel = ?'
  return { from, keys, seq: 'e.seq', values: [channel] }
}

export function walkOfSpace(space: string): Walk {
  const from = 'messages m INDEXED BY messages_by_space WHERE m.space = ?'
  return { from, keys: from, seq: 'm.seq', values: [space] }
}

/** One for each direction: the index of accounts is in the order of numbers only within one. */
export function walksOfAccount(space: string, account: string, direction: Direction | undefined): readonly Walk[] {
  const from = 'messages m INDEXED BY messages_by_account WHERE m.space = ? AND m.account = ? AND m.direction = ?'
  return (direction === undefined ? DIRECTIONS : [direction]).map((one) => ({
    from,
    keys: from,
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

/** Between which numbers, to be put behind the equality of a walk. */
export function boundsOf({ first, last }: Search, seq: string): Sql {
  const lower = first > 0 ? ` AND ${seq} >= ?` : ''
  const upper = last < Number.MAX_SAFE_INTEGER ? ` AND ${seq} <= ?` : ''
  return { text: lower + upper, values: [...(lower === '' ? [] : [first]), ...(upper === '' ? [] : [last])] }
}

export function directionOf({ newestFirst }: Search): 'ASC' | 'DESC' {
  return newestFirst ? 'DESC' : 'ASC'
}

/**
 * The first messages along a walk, sizes and numbers. What is walked over may be far more than what fits, so it pauses
 * now and then.
 */
export function* take(search: Search, walk: Walk): Generator<void, readonly Found[]> {
  const found: Found[] = []
  for (let rest = search; ;) {
    found.push(...look(rest, walk, search.count - found.length))
    const next = found.length < search.count ? skip(rest, walk, PACE) : undefined
    if (next === undefined) return found
    rest = { ...rest, ...(search.newestFirst ? { last: next } : { first: next }) }
    yield
  }
}

/** What fits of the next messages of a walk. */
function look(search: Search, { from, seq, values }: Walk, count: number): readonly Found[] {
  const { database, condition } = search
  const bounds = boundsOf(search, seq)
  return database
    .prepare(
      `SELECT seq, bytes FROM (SELECT ${seq} AS seq, ${PAGE_SIZE} AS bytes, ${condition.text} AS fits
       FROM ${from}${bounds.text} ORDER BY ${seq} ${directionOf(search)} LIMIT ${PACE}) WHERE fits LIMIT ?`,
    )
    .all(...condition.values, ...values, ...bounds.values, count)
    .map((row) => ({ seq: Number(row['seq']), bytes: Number(row['bytes']) }))
}

/** The number of the message so many further along a walk; `undefined`: there are not so many. */
export function skip(search: Search, { seq, keys, values }: Walk, messages: number): number | undefined {
  const bounds = boundsOf(search, seq)
  const row = search.database
    .prepare(`SELECT ${seq} AS seq FROM ${keys}${bounds.text} ORDER BY ${seq} ${directionOf(search)} LIMIT 1 OFFSET ?`)
    .get(...values, ...bounds.values, messages)
  return row && Number(row['seq'])
}

/** As the search goes: negative if `a` comes first. */
export function inOrder({ newestFirst }: Search): (a: Found, b: Found) => number {
  return newestFirst ? (a, b) => b.seq - a.seq : (a, b) => a.seq - b.seq
}
