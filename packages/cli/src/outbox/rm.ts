import { Outbox, UsageError } from '@halyard/core'
import type { Context } from '../context.ts'
import { count } from '../text/units.ts'
import { paint } from '../text/paint.ts'
import { oneLine } from '../text/width.ts'
import type { RmFlags } from './flags.ts'
import { openForReading, unknownMessage } from './open.ts'

/** `halyard outbox rm`: all the named messages, or none if one of them is not there to be dropped. */
export async function rm(ids: readonly string[], flags: RmFlags, { terminal }: Context): Promise<number> {
  const all = flags.all === true
  if (all === ids.length > 0) {
    throw new UsageError('ERR_USAGE', 'name the messages to drop, or --all; halyard outbox ls shows them')
  }
  const path = flags.outbox
  // A look first: whoever mistypes the directory must not find a new outbox there.
  await (await openForReading(path)).close()
  await using outbox = await Outbox.open({ path })
  const doomed = all ? await queued(outbox) : [...new Set(ids)]
  for (const id of doomed) checkQueued(outbox, id, path)
  for (const id of doomed) {
    await outbox.drop(id)
    if (flags.json === true) terminal.print(JSON.stringify({ id, state: 'dropped' }))
  }
  const { dim } = paint(terminal.colour.output)
  if (flags.json !== true)
    terminal.print(
      `${count(doomed.length, 'message')} dropped${doomed.length === 1 ? dim(` (${oneLine(doomed[0] ?? '')})`) : ''}`,
    )
  return 0
}

async function queued(outbox: Outbox): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of outbox.entries({ state: 'queued' })) ids.push(id)
  return ids
}

function checkQueued(outbox: Outbox, id: string, path: string): void {
  const state = outbox.why(id)?.state
  if (state === undefined) throw unknownMessage(id, path)
  if (state === 'queued') return
  throw new UsageError('ERR_OUTBOX_UNKNOWN', `message ${id} is ${state} already; only what is queued can be dropped`)
}
