/** `halyard hub restore` */
import type { Context } from '../../context.ts'
import { count, formatBytes, formatSeconds } from '../../text/units.ts'
import type { RestoreFlags } from './flags.ts'
import { working } from './working.ts'

export async function restore(source: string, flags: RestoreFlags, context: Context): Promise<number> {
  const { terminal, load } = context
  const { restoreHub } = await load.hub()
  const force = flags.force === true
  const made = await working('restore', flags, context, (options) => restoreHub({ ...options, source, force }))
  if ('exitCode' in made) {
    terminal.error('Interrupted: nothing was changed.')
    return made.exitCode
  }
  const { data, madeAt, committed, messages, documents, bytes, seconds, moved } = made.result
  if (flags.json === true) {
    const counts = { committed, messages, documents, bytes, seconds }
    const json = { event: 'restored', data, made_at: madeAt.toISOString(), ...counts, ...(moved && { moved }) }
    terminal.print(JSON.stringify(json))
    return 0
  }
  if (moved !== undefined) terminal.print(`what was in ${data} is in ${moved}`)
  terminal.print(`restored ${data}: ${formatBytes(bytes)} in ${formatSeconds(seconds)}, as of ${madeAt.toISOString()}`)
  const inside = `${count(messages, 'message')} in the history, ${count(documents, 'document')} (accounts, tokens)`
  terminal.print(`checked: the journal up to record ${committed}, ${inside}`)
  return 0
}
