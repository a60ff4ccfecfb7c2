/**
 * Which times lie in each block of messages. Received times are nearly in the order of acceptance, but clocks jump: no
 * number can be told from a time. A row for each 1,024 messages tells where none can be, at a thousandth of an index.
 *
 * ```
 * block 0              block 1              block 2
 * 12:00:00 … 12:04:10  11:58:03 … 12:07:45  12:07:45 … 12:09:59      from 12:05: not in block 0
 * ```
 */
import { FIRST_PLAUSIBLE_TIME, isPlausible } from '../history-rules.ts'
import type { Database } from './database.ts'

export const BLOCK_BITS = 10
const BLOCK_SIZE = 2 ** BLOCK_BITS

interface Times {
  oldest: number
  newest: number
  /** The oldest of which an age may be reckoned. */
  aged: number | null
}

/** Times of messages that are being inserted, written with them. */
export class TimeNotes {
  readonly #spaces = new Map<string, Map<number, Times>>()

  note(space: string, seq: number, time: number): void {
    let blocks = this.#spaces.get(space)
    if (!blocks) this.#spaces.set(space, (blocks = new Map()))
    const block = Math.floor(seq / BLOCK_SIZE)
    const aged = isPlausible(time) ? time : null
    const times = blocks.get(block)
    if (!times) {
      blocks.set(block, { oldest: time, newest: time, aged })
      return
    }
    times.oldest = Math.min(times.oldest, time)
    times.newest = Math.max(times.newest, time)
    if (aged !== null) times.aged = Math.min(times.aged ?? aged, aged)
  }

  write(database: Database): void {
    for (const [space, blocks] of this.#spaces) {
      for (const [block, times] of blocks) writeTimes(database, space, block, times)
    }
  }
}

function writeTimes(database: Database, space: string, block: number, { oldest, newest, aged }: Times): void {
  // min() of SQLite is NULL if one of its values is.
  database
    .prepare(
      `INSERT INTO time_blocks VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
       oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest),
       aged = coalesce(min(aged, excluded.aged), aged, excluded.aged)`,
    )
    .run(space, block, oldest, newest, aged)
}

/** No message of the space with a lower number was received at `from` or later; `undefined`: none at all. */
export function firstSince(database: Database, space: string, from: number): number | undefined {
  const row = database
    .prepare('SELECT block FROM time_blocks WHERE space = ? AND newest >= ? ORDER BY block LIMIT 1')
    .get(space, from)
  return row && Number(row['block']) * BLOCK_SIZE
}

/** No message of the space with a higher number was received before `until`; `undefined`: none at all. */
export function lastBefore(database: Database, space: string, until: number): number | undefined {
  const row = database
    .prepare('SELECT block FROM time_blocks WHERE space = ? AND oldest < ? ORDER BY block DESC LIMIT 1')
    .get(space, until)
  return row && (Number(row['block']) + 1) * BLOCK_SIZE - 1
}

/** The first block that may hold a message of before `time`, and the numbers in it. */
export function firstAgedBlock(
  database: Database,
  space: string,
  time: number,
): { readonly block: number; readonly first: number; readonly last: number } | undefined {
  const row = database
    .prepare('SELECT block FROM time_blocks WHERE space = ? AND aged < ? ORDER BY block LIMIT 1')
    .get(space, time)
  if (!row) return undefined
  const block = Number(row['block'])
  return { block, first: block * BLOCK_SIZE, last: (block + 1) * BLOCK_SIZE - 1 }
}

/** What is left in a block, after some of it went. */
export function recountBlock(database: Database, space: string, block: number): void {
  database.prepare('DELETE FROM time_blocks WHERE space = ? AND block = ?').run(space, block)
  database
    .prepare(
      `INSERT INTO time_blocks SELECT ?1, ?2, min(received_at), max(received_at),
       min(CASE WHEN received_at >= ?3 THEN received_at END) FROM messages INDEXED BY messages_by_space
       WHERE space = ?1 AND seq BETWEEN ?4 AND ?5 HAVING count(*) > 0`,
    )
    .run(space, block, FIRST_PLAUSIBLE_TIME, block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE - 1)
}

/** Blocks before the first message that is left. */
export function dropEmptyBlocks(database: Database, space: string): void {
  database
    .prepare(
      `DELETE FROM time_blocks WHERE space = ?1 AND block <
       ifnull((SELECT min(seq) FROM messages INDEXED BY messages_by_space WHERE space = ?1) >> ?2, ?3)`,
    )
    .run(space, BLOCK_BITS, Number.MAX_SAFE_INTEGER)
}
