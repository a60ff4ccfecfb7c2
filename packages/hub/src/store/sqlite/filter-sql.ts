/** What SQLite can know of a topic filter: which indexes lead to the channels it matches, and how to sort most others out. */
import { hasWildcard } from '@halyard/wire/mqtt'
import { INDEXED_LEVELS } from './channel-table.ts'
import type { Sql } from './history-search.ts'

/** A pattern with more parts than this would cost SQLite more than it saves. */
const MAX_RUNS = 3
/** SQLite takes 50,000 bytes. */
const MAX_PATTERN = 10_000

/** One without wildcards matches the channel that it spells. */
export function isWildcard(filter: string | undefined): filter is string {
  return filter !== undefined && hasWildcard(filter)
}

/** Ways to the channels of a space that a filter may match, each a SELECT of their numbers. All lead to all of them. */
export function sourcesFor(space: string, filter: string): readonly Sql[] {
  const levels = filter.split('/')
  const first = levels.findIndex((level) => isWild(level))
  const prefix = levels.slice(0, first).join('/')
  const byName: Sql =
    first === 0
      ? { text: 'SELECT id FROM channels INDEXED BY channels_by_name WHERE space = ?', values: [space] }
      : below(space, prefix, levels[first] === '#')
  const byLevel = levels.slice(0, INDEXED_LEVELS).flatMap((level, index): Sql[] => {
    if (index < first || isWild(level)) return []
    const text = 'SELECT channel AS id FROM channel_levels WHERE space = ? AND position = ? AND level = ?'
    return [{ text, values: [space, index + 1, level] }]
  })
  return [byName, ...byLevel]
}

/** Everything below a channel: `0` is the character behind `/`. */
function below(space: string, prefix: string, itselfToo: boolean): Sql {
  const named = 'SELECT id FROM channels INDEXED BY channels_by_name WHERE space = ?'
  const range = `${named} AND name >= ? AND name < ?`
  const values = [space, `${prefix}/`, `${prefix}0`]
  return itselfToo
    ? { text: `${named} AND name = ? UNION ALL ${range}`, values: [space, prefix, ...values] }
    : { text: range, values }
}

/**
 * What every channel that matches fulfils, and most others do not: `+/x/#` becomes `GLOB '*[/]x*'`, which `y/z/x` does
 * as well. Each star may take several levels, so what comes through must be compared level by level.
 */
export function roughly(column: string, filter: string): Sql {
  const open = filter === '#' || filter.endsWith('/#')
  const levels = (open ? filter.slice(0, filter === '#' ? 0 : -2) : filter).split('/')
  const runs: string[] = ['']
  for (const [index, level] of levels.entries()) {
    const slash = index === 0 ? '' : '/'
    const run = runs.length - 1
    if (level === '+') {
      runs[run] += slash
      runs.push('')
    } else runs[run] += slash + level
  }
  if (open) runs.push('')
  const [head = '', ...tail] = runs
  const middle = tail.slice(0, -1).filter((run) => run !== '/' && run !== '')
  const kept = [head, ...middle.slice(0, MAX_RUNS - 2), tail.at(-1) ?? '']
  const pattern = kept.map((run) => run.replaceAll(/[*?[]/g, '[$&]')).join('*')
  return { text: `${column} GLOB ?`, values: [pattern.length > MAX_PATTERN ? '*' : pattern] }
}

function isWild(level: string): boolean {
  return level === '+' || level === '#'
}
