/**
 * The newest (or oldest) messages whose channel matches a filter. There are two ways, each without end where the other
 * is short:
 *
 * - few channels match, however rare their messages: the first message of each, merged;
 * - many do: then one of the next messages fits soon, whatever channel it is of.
 *
 * Which it is cannot be known before, so both are tried in turn, each time four times as far: what the better one needs
 * is needed a few times over, and never the whole table because of a wrong guess.
 */
import { matches } from '@halyard/wire/mqtt'
import type { ServiceName } from '../../domain/message.ts'
import { filterMessages } from '../history-rules.ts'
import { roughly, sourcesFor } from './filter-sql.ts'
import { PAGE_SIZE, boundsOf, directionOf, inOrder, skip, take, walkOfChannel, walkOfSpace } from './history-search.ts'
import type { Found, Search, Sql } from './history-search.ts'

const FIRST_CHANNELS = 256
/** More channels than this are never merged: their numbers would fill the memory. */
const MAX_CHANNELS = 262_144
/** Looked at without a pause. */
const PAUSE_CHANNELS = 8192
/** Walked one after the other without a pause. */
const WALKED_CHANNELS = 256
/** Looking at a message costs a fraction of what a channel does. */
const MESSAGES_PER_CHANNEL = 4
/** Looked at without a pause. */
const MAX_SLICE = 32_768

export function* findByFilter(search: Search, filter: string): Generator<void, readonly Found[]> {
  const sources = sourcesFor(search.space, filter)
  const scan = new Scan(search, filter)
  for (let channels = FIRST_CHANNELS; ; channels *= 4) {
    const source = channels <= MAX_CHANNELS ? shortest(search, sources, channels) : undefined
    if (source) return yield* mergeChannels(search, filter, source)
    if (scan.advance(Math.min(channels * MESSAGES_PER_CHANNEL, MAX_SLICE))) return scan.found
    yield
  }
}

/** The way that leads to the fewest channels, if they are no more than so many. */
function shortest({ database }: Search, sources: readonly Sql[], most: number): Sql | undefined {
  let best: Sql | undefined
  let fewest = most + 1
  for (const source of sources) {
    const row = database.prepare(`SELECT count(*) AS count FROM (${source.text} LIMIT ?)`).get(...source.values, fewest)
    const count = Number(row?.['count'])
    if (count >= fewest) continue
    fewest = count
    best = source
  }
  return best
}

interface Candidate {
  readonly channel: number
  /** No message of it comes before this. */
  readonly first: number
}

function* mergeChannels(search: Search, filter: string, source: Sql): Generator<void, readonly Found[]> {
  const { count, newestFirst } = search
  const order = inOrder(search)
  const channels = yield* candidates(search, filter, source)
  let found: readonly Found[] = []
  for (const [index, { channel, first }] of channels.entries()) {
    // Channels come in the order of their first messages: behind the last one wanted, all are.
    const edge = found[count - 1]?.seq
    if (edge !== undefined && (newestFirst ? first <= edge : first >= edge)) break
    // What lies behind the edge is not wanted of this channel either.
    const bounds = edge === undefined ? {} : newestFirst ? { first: edge + 1 } : { last: edge - 1 }
    const more = yield* take({ ...search, ...bounds }, walkOfChannel(channel))
    if (more.length > 0) {
      // A message with several topics comes once for each.
      const known = new Set(found.map(({ seq }) => seq))
      found = [...found, ...more.filter(({ seq }) => !known.has(seq))].toSorted(order).slice(0, count)
    }
    if (index % WALKED_CHANNELS === WALKED_CHANNELS - 1) yield
  }
  return found
}

/** The channels of a source that match and have messages between the bounds, in the order of the first one there. */
function* candidates(search: Search, filter: string, source: Sql): Generator<void, readonly Candidate[]> {
  const { database, newestFirst, first, last } = search
  const rough = roughly('c.name', filter)
  const statement = database.prepare(
    `SELECT c.id, c.name, (SELECT e.seq FROM entries e WHERE e.channel = c.id AND e.seq >= ? AND e.seq <= ?
     ORDER BY e.seq ${directionOf(search)} LIMIT 1) AS first
     FROM json_each(?) x CROSS JOIN channels c ON c.id = x.value WHERE ${rough.text}`,
  )
  const found: Candidate[] = []
  // The numbers at once: while others have their turn, channels come and go, and none may be stepped over.
  const ids = database
    .prepare(source.text)
    .all(...source.values)
    .map((row) => Number(row['id']))
  for (let from = 0; from < ids.length; from += PAUSE_CHANNELS) {
    if (from > 0) yield
    const some = JSON.stringify(ids.slice(from, from + PAUSE_CHANNELS))
    for (const row of statement.all(first, last, some, ...rough.values)) {
      if (row['first'] === null || !matches(filter, String(row['name']))) continue
      found.push({ channel: Number(row['id']), first: Number(row['first']) })
    }
  }
  return found.toSorted((a, b) => (newestFirst ? b.first - a.first : a.first - b.first))
}

/** Message after message of the space. */
class Scan {
  readonly found: Found[] = []
  readonly #matches: ReturnType<typeof filterMessages>
  readonly #rough: Sql
  #search: Search

  constructor(search: Search, filter: string) {
    this.#search = search
    this.#matches = filterMessages(filter)
    const rough = roughly('m.channel', filter)
    // Of a list each topic counts; SQLite cannot take it apart.
    const text = `(${rough.text} OR (m.service = 'hologram' AND instr(m.channel, ',') > 0))`
    this.#rough = { text, values: rough.values }
  }

  /** Looks at so many more; whether that was all, or enough is found. */
  advance(messages: number): boolean {
    const { newestFirst, last, first } = this.#search
    const end = skip(this.#search, walkOfSpace(this.#search.space), messages)
    const slice =
      end === undefined ? this.#search : { ...this.#search, ...(newestFirst ? { first: end } : { last: end }) }
    this.#lookAt(slice)
    if (end === undefined || this.found.length >= this.#search.count) return true
    const rest = newestFirst ? { first, last: end - 1 } : { first: end + 1, last }
    this.#search = { ...this.#search, ...rest }
    return false
  }

  #lookAt(slice: Search): void {
    const { database, newestFirst, count, space, condition } = slice
    const { from, seq, values } = walkOfSpace(space)
    const { text, values: sought } = both(this.#rough, condition)
    for (let { first, last } = slice; ;) {
      const bounds = boundsOf({ ...slice, first, last }, seq)
      // Some that come through do not match, so a few more are asked for.
      const limit = count - this.found.length + 50
      const rows = database
        .prepare(
          `SELECT m.seq, ${PAGE_SIZE} AS bytes, m.service, m.channel
           FROM ${from}${bounds.text} AND ${text} ORDER BY ${seq} ${directionOf(slice)} LIMIT ?`,
        )
        .all(...values, ...bounds.values, ...sought, limit)
      for (const row of rows) {
        if (!this.#matches({ service: String(row['service']) as ServiceName, channel: String(row['channel']) }))
          continue
        this.found.push({ seq: Number(row['seq']), bytes: Number(row['bytes']) })
        if (this.found.length === count) return
      }
      const end = rows.at(-1)
      if (end === undefined || rows.length < limit) return
      if (newestFirst) last = Number(end['seq']) - 1
      else first = Number(end['seq']) + 1
    }
  }
}

function both(a: Sql, b: Sql): Sql {
  return { text: `${a.text} AND ${b.text}`, values: [...a.values, ...b.values] }
}
