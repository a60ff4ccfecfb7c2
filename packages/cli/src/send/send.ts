import type { Context } from '../context.ts'
import { deliver } from './deliver.ts'
import type { SendFlags } from './flags.ts'
import { readMessages, refuseNothing, topicsOf } from './messages.ts'
import { readTarget } from './settings.ts'

/** `halyard send`: to the Hologram cloud, to a hub, or raw. */
export async function send(given: readonly string[], flags: SendFlags, context: Context): Promise<number> {
  const { input, environment } = context.terminal
  if (flags.lines === true) {
    const { sendLines } = await import('./lines.ts')
    return sendLines(given, flags, context)
  }
  refuseNothing(given, flags, input)
  const target = await readTarget(flags, environment)
  const messages = await readMessages(given, flags, input)
  const kind = { name: 'message', topics: topicsOf(flags) } as const
  return deliver({ target, kind, messages, json: flags.json === true }, context)
}
