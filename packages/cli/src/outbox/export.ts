import type { Context } from '../context.ts'
import { textOrBase64 } from '../text/text-or-base64.ts'
import type { LsFlags } from './flags.ts'
import { openForReading } from './open.ts'

/** `halyard outbox export`: what is queued, for taking it elsewhere. A body that is UTF-8 is `text`, any other `base64`. */
export async function exportMessages(flags: LsFlags, { terminal }: Context): Promise<number> {
  await using outbox = await openForReading(flags.outbox)
  for await (const { id, destination, kind, options, body } of outbox.messages()) {
    if (flags.destination !== undefined && flags.destination !== destination) continue
    const queuedAt = outbox.why(id)?.queuedAt.toISOString()
    terminal.print(JSON.stringify({ id, destination, kind, queuedAt, options, ...textOrBase64(body) }))
  }
  return 0
}
