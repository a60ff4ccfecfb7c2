import type { Database } from './database.ts'

/** Levels of a channel that are found by what they say; deeper ones are compared. */
export const INDEXED_LEVELS = 8
/** Numbers known without asking SQLite, of names no longer than this. */
const CACHED_CHANNELS = 10_000
const CACHED_NAME = 256

/**
 * Channels, and single topics of channels that are lists, by number; and the messages of each in their order.
 *
 * ```
 * channels        7 │ mqtt │ a/b/c
 * channel_levels      mqtt │ 1 │ a │ 7     mqtt │ 2 │ b │ 7     mqtt │ 3 │ c │ 7
 * entries         7 │ 1001,  7 │ 1034,  7 │ 1121 …
 * ```
 *
 * So a message costs one entry of about ten bytes, however long the name of its channel is.
 */
export class ChannelTable {
  readonly #database: Database
  readonly #numbers = new Map<string, number>()

  constructor(database: Database) {
    this.#database = database
  }

  /** Inside the caller's transaction; one that does not last must be followed by {@link forget}. */
  add(space: string, name: string, seq: number): void {
    this.#database.prepare('INSERT INTO entries VALUES (?, ?)').run(this.#numberOf(space, name), seq)
  }

  /** The number of the channel that the entry was taken from. */
  remove(space: string, name: string, seq: number): number | undefined {
    const channel = this.#known(space, name)
    if (channel !== undefined) {
      this.#database.prepare('DELETE FROM entries WHERE channel = ? AND seq = ?').run(channel, seq)
    }
    return channel
  }

  /** Channels without a message go: names that devices made up must not stay for ever. */
  dropEmpty(channels: Iterable<number>): void {
    let dropped = false
    const remove = this.#database.prepare(
      'DELETE FROM channels WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM entries WHERE channel = ?1) RETURNING space, name',
    )
    const removeLevel = this.#database.prepare(
      'DELETE FROM channel_levels WHERE space = ? AND position = ? AND level = ? AND channel = ?',
    )
    for (const channel of channels) {
      const row = remove.get(channel)
      if (row === undefined) continue
      dropped = true
      for (const [position, level] of levelsOf(String(row['name']))) {
        removeLevel.run(row['space'] ?? null, position, level, channel)
      }
    }
    if (dropped) this.forget()
  }

  /** What was learnt in a transaction that was rolled back is not so. */
  forget(): void {
    this.#numbers.clear()
  }

  #numberOf(space: string, name: string): number {
    const key = keyOf(space, name)
    const cached = this.#numbers.get(key)
    if (cached !== undefined) return cached
    const channel = this.#known(space, name) ?? this.#make(space, name)
    if (name.length > CACHED_NAME) return channel
    if (this.#numbers.size === CACHED_CHANNELS) {
      for (const oldest of this.#numbers.keys()) {
        this.#numbers.delete(oldest)
        break
      }
    }
    this.#numbers.set(key, channel)
    return channel
  }

  #known(space: string, name: string): number | undefined {
    return this.#numbers.get(keyOf(space, name)) ?? channelNumber(this.#database, space, name)
  }

  #make(space: string, name: string): number {
    const { lastId } = this.#database.prepare('INSERT INTO channels (space, name) VALUES (?, ?)').run(space, name)
    insertLevels(this.#database, space, name, lastId)
    return lastId
  }
}

export function channelNumber(database: Database, space: string, name: string): number | undefined {
  const row = database.prepare('SELECT id FROM channels WHERE space = ? AND name = ?').get(space, name)
  return row && Number(row['id'])
}

export function insertLevels(database: Database, space: string, name: string, channel: number): void {
  const insert = database.prepare('INSERT INTO channel_levels VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING')
  for (const [position, level] of levelsOf(name)) insert.run(space, position, level, channel)
}

function levelsOf(name: string): readonly (readonly [position: number, level: string])[] {
  return name.split('/', INDEXED_LEVELS).map((level, index) => [index + 1, level])
}

function keyOf(space: string, name: string): string {
  return `${space.length}:${space}${name}`
}
