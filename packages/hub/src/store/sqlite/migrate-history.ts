/**
 * From version 2 to 3: labels that held their texts become channels with numbers, the index of times becomes blocks.
 * Ten million messages take a minute or so, in transactions of their own: what was interrupted goes on.
 */
import { FIRST_PLAUSIBLE_TIME } from '../history-rules.ts'
import { insertLevels } from './channel-table.ts'
import { transaction } from './database.ts'
import type { Database, SqlValue } from './database.ts'
import { BLOCK_BITS } from './time-blocks.ts'

/** Told now and then while much is done, for the log. */
export type Progress = (text: string) => void

/** Rows of one transaction. */
const SLICE = 200_000

const TABLES = `
  CREATE TABLE IF NOT EXISTS channels (id INTEGER PRIMARY KEY, space TEXT NOT NULL, name TEXT NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS channels_by_name ON channels (space, name);
  CREATE TABLE IF NOT EXISTS channel_levels (
    space TEXT NOT NULL, position INTEGER NOT NULL, level TEXT NOT NULL, channel INTEGER NOT NULL,
    PRIMARY KEY (space, position, level, channel)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS entries (channel INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (channel, seq)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS time_blocks (
    space TEXT NOT NULL, block INTEGER NOT NULL, oldest INTEGER NOT NULL, newest INTEGER NOT NULL, aged INTEGER,
    PRIMARY KEY (space, block)
  ) WITHOUT ROWID;
`

export function numberChannels(database: Database, progress: Progress): void {
  const { seq } = database.prepare('SELECT max(seq) AS seq FROM messages').get() ?? {}
  const tell = (text: string): void => progress(`hub.sqlite is brought to a new version: ${text}`)
  if (typeof seq === 'number') tell(`${seq} messages at most, about a minute for ten million`)
  transaction(database, () => {
    database.exec(TABLES)
    if (database.prepare('SELECT id FROM channels LIMIT 1').get()) return
    // In the order of the labels, so that their entries are appended one behind the other.
    database.exec('INSERT INTO channels (space, name) SELECT DISTINCT space, label FROM labels ORDER BY space, label')
  })
  fillLevels(database, tell)
  fillEntries(database, tell)
  fillBlocks(database, tell)
  if (typeof seq === 'number') tell('the old tables are removed')
}

/** Dropped with the number of the new version: a file that was interrupted still has them. */
export const DROP_LABELS = 'DROP TABLE labels; DROP INDEX messages_by_time;'

function fillLevels(database: Database, progress: Progress): void {
  for (let after = 0; ;) {
    const rows = database
      .prepare('SELECT id, space, name FROM channels WHERE id > ? ORDER BY id LIMIT 20000')
      .all(after)
    const last = rows.at(-1)
    if (!last) return
    transaction(database, () => {
      for (const { id, space, name } of rows) insertLevels(database, String(space), String(name), Number(id))
    })
    after = Number(last['id'])
    progress(`${after} channels have been numbered`)
  }
}

function fillEntries(database: Database, progress: Progress): void {
  const end = database.prepare(
    `SELECT e.channel, c.space, c.name, e.seq FROM entries e JOIN channels c ON c.id = e.channel
     ORDER BY e.channel DESC, e.seq DESC LIMIT 1`,
  )
  let done = 0
  for (;;) {
    const { space = '', name = '', seq = 0 }: { [column: string]: SqlValue } = end.get() ?? {}
    const { changes } = transaction(database, () =>
      database
        .prepare(
          `INSERT INTO entries SELECT c.id, l.seq FROM
           (SELECT space, label, seq FROM labels WHERE (space, label, seq) > (?, ?, ?) ORDER BY space, label, seq LIMIT ?) l
           CROSS JOIN channels c INDEXED BY channels_by_name ON c.space = l.space AND c.name = l.label`,
        )
        .run(space, name, seq, SLICE),
    )
    if (changes === 0) return
    done += changes
    progress(`${done} entries of channels are moved`)
  }
}

/** Along the index of times, which holds all that is needed: the messages themselves are not read. */
function fillBlocks(database: Database, progress: Progress): void {
  let done = 0
  for (const { space = '' } of database.prepare('SELECT space FROM usage').all()) {
    for (let after: readonly SqlValue[] = [Number.MIN_SAFE_INTEGER, 0]; ;) {
      const slice = `SELECT received_at, seq FROM messages INDEXED BY messages_by_time
        WHERE space = ? AND (received_at, seq) > (?, ?) ORDER BY received_at, seq LIMIT ${SLICE}`
      const end = database.prepare(`${slice.replace(String(SLICE), '1')} OFFSET ${SLICE - 1}`).get(space, ...after)
      transaction(database, () =>
        database
          .prepare(
            `INSERT INTO time_blocks SELECT ?, seq >> ${BLOCK_BITS}, min(received_at), max(received_at),
             min(CASE WHEN received_at >= ${FIRST_PLAUSIBLE_TIME} THEN received_at END)
             FROM (${slice}) WHERE true GROUP BY 2
             ON CONFLICT DO UPDATE SET oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest),
             aged = coalesce(min(aged, excluded.aged), aged, excluded.aged)`,
          )
          .run(space, space, ...after),
      )
      if (!end) break
      done += SLICE
      progress(`the times of ${done} messages are noted`)
      after = [end['received_at'] ?? 0, end['seq'] ?? 0]
    }
  }
}
