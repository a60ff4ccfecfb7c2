import { UsageError } from '@halyard/core'
import type { Context } from '../context.ts'
import { deliver } from './deliver.ts'
import type { SmsFlags } from './flags.ts'
import { readMessages, refuseNothing } from './messages.ts'
import { readSmsTarget } from './settings.ts'

/** `halyard sms`: text messages to one telephone. */
export async function sms(given: readonly string[], flags: SmsFlags, context: Context): Promise<number> {
  const { input, environment } = context.terminal
  const { destination, json } = flags
  if (destination === undefined) {
    throw new UsageError('ERR_USAGE', 'there is no telephone number; name it with --destination +11234567890')
  }
  refuseNothing(given, {}, input)
  const target = await readSmsTarget(flags, environment)
  const messages = await readMessages(given, {}, input)
  return deliver({ target, kind: { name: 'SMS', destination }, messages, json: json === true }, context)
}
