import { UsageError } from '@halyard/core'
import type { OutboxEntry, OutboxState } from '@halyard/core'
import type { Context } from '../context.ts'
import { paint } from '../text/paint.ts'
import type { Paint } from '../text/paint.ts'
import { table } from '../text/table.ts'
import type { Column } from '../text/table.ts'
import { formatBytes, formatSeconds } from '../text/units.ts'
import { oneLine } from '../text/width.ts'
import { entryJson } from './entry-json.ts'
import type { LsFlags } from './flags.ts'
import { openForReading } from './open.ts'

const STATES: readonly string[] = ['queued', 'delivered', 'dropped']

/** `halyard outbox ls`: a table, or JSON lines. */
export async function ls(flags: LsFlags, { terminal }: Context): Promise<number> {
  const { state, destination } = flags
  if (state !== undefined && !STATES.includes(state)) {
    throw new UsageError('ERR_USAGE', `--state is ${STATES.join(', ').replace(/, (\w+)$/, ' or $1')}, not ${state}`)
  }
  await using outbox = await openForReading(flags.outbox)
  const filter = { state: state as OutboxState | undefined, destination }
  if (flags.json === true) {
    for await (const entry of outbox.entries(filter)) terminal.print(entryJson(entry))
    return 0
  }
  const entries: OutboxEntry[] = []
  for await (const entry of outbox.entries(filter)) entries.push(entry)
  const colours = paint(terminal.colour.output)
  const columns = terminal.screen.isTerminal ? terminal.screen.columns : undefined
  if (entries.length > 0) {
    const lines = table(entries, shape(Date.now(), colours), columns)
    for (const [index, line] of lines.entries()) terminal.print(index === 0 ? colours.dim(line) : line)
  }
  terminal.print(colours.dim(summary(entries)))
  return 0
}

function shape(now: number, { green, yellow, red }: Paint): Column<OutboxEntry>[] {
  const colours: Readonly<Record<OutboxState, (text: string) => string>> = {
    queued: yellow,
    delivered: green,
    dropped: red,
  }
  return [
    { title: 'ID', cell: ({ id }) => oneLine(id) },
    { title: 'DESTINATION', cell: ({ destination }) => oneLine(destination) },
    { title: 'STATE', cell: ({ state }) => state, paint: (text, { state }) => colours[state](text) },
    { title: 'AGE', align: 'right', cell: ({ queuedAt }) => formatSeconds((now - queuedAt.getTime()) / 1000) },
    { title: 'TRIES', align: 'right', cell: ({ attempts }) => String(attempts) },
    { title: 'SIZE', align: 'right', cell: ({ size }) => formatBytes(size) },
    { title: 'REASON', cell: ({ reason = '' }) => oneLine(reason) },
  ]
}

/** `3 queued (51 B), 12 delivered, 1 dropped` */
function summary(entries: readonly OutboxEntry[]): string {
  if (entries.length === 0) return 'nothing here'
  return STATES.map((state) => entries.filter((entry) => entry.state === state))
    .filter((some) => some.length > 0)
    .map((some) => {
      const { state } = some[0] as OutboxEntry
      const bytes = some.reduce((sum, { size }) => sum + size, 0)
      return `${some.length} ${state}${state === 'queued' ? ` (${formatBytes(bytes)})` : ''}`
    })
    .join(', ')
}
