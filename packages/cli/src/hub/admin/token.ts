/** `halyard hub token` */
import type { HubAdmin, TokenEntry } from '@halyard/hub'
import type { Context } from '../../context.ts'
import { paint } from '../../text/paint.ts'
import { table } from '../../text/table.ts'
import type { Column } from '../../text/table.ts'
import { count } from '../../text/units.ts'
import { oneLine } from '../../text/width.ts'
import type { AdminFlags } from './flags.ts'
import { openHubAdmin, removeEach } from './open.ts'

export async function addToken(name: string, flags: AdminFlags, context: Context): Promise<number> {
  const { terminal } = context
  await using admin = await openHubAdmin(flags, context)
  const made = await admin.tokens.add(name)
  // Alone on its line, so that a script can take it.
  terminal.print(flags.json === true ? JSON.stringify({ ...entryOf(made), token: made.token }) : made.token)
  return 0
}

const SHAPE: readonly Column<TokenEntry>[] = [
  { title: 'ID', cell: ({ id }) => oneLine(id) },
  { title: 'CREATED', cell: ({ createdAt }) => createdAt.toISOString() },
  { title: 'NAME', cell: ({ name }) => oneLine(name) },
]

export async function listTokens(flags: AdminFlags, context: Context): Promise<number> {
  const { terminal } = context
  await using admin = await openHubAdmin(flags, context)
  const tokens: TokenEntry[] = []
  for await (const token of admin.tokens.list()) tokens.push(token)
  if (flags.json === true) {
    for (const token of tokens) terminal.print(JSON.stringify(entryOf(token)))
    return 0
  }
  const { dim } = paint(terminal.colour.output)
  const columns = terminal.screen.isTerminal ? terminal.screen.columns : undefined
  const lines = tokens.length === 0 ? [] : table(tokens, SHAPE, columns)
  for (const [index, line] of lines.entries()) terminal.print(index === 0 ? dim(line) : line)
  terminal.print(dim(tokens.length === 0 ? 'no tokens' : count(tokens.length, 'token')))
  return 0
}

export async function removeTokens(ids: readonly string[], flags: AdminFlags, context: Context): Promise<number> {
  const { terminal } = context
  await using admin = await openHubAdmin(flags, context)
  const { dim } = paint(terminal.colour.output)
  await removeEach(
    ids,
    idsOf(admin),
    (id) => admin.tokens.remove(id),
    (id, { sample }) => {
      if (flags.json === true) terminal.print(JSON.stringify({ id, state: 'removed' }))
      else terminal.print(`token ${oneLine(id)} removed${sample ? dim(' (the sample: from accounts.json too)') : ''}`)
    },
  )
  return 0
}

async function* idsOf(admin: HubAdmin): AsyncGenerator<string> {
  for await (const { id } of admin.tokens.list()) yield id
}

function entryOf({ id, name, createdAt }: TokenEntry): object {
  return { id, name, created_at: createdAt.toISOString() }
}
