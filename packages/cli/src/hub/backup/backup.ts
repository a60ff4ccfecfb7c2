/** `halyard hub backup` */
import type { Context } from '../../context.ts'
import { formatBytes, formatSeconds } from '../../text/units.ts'
import type { AdminFlags } from '../admin/flags.ts'
import { working } from './working.ts'

export async function backup(target: string, flags: AdminFlags, context: Context): Promise<number> {
  const { terminal, load } = context
  const { backupHub } = await load.hub()
  const made = await working('backup', flags, context, (options) => backupHub({ ...options, target }))
  if ('exitCode' in made) {
    terminal.error('Interrupted: there is no backup.')
    return made.exitCode
  }
  const { target: path, via, committed, files, bytes, seconds } = made.result
  if (flags.json === true) {
    terminal.print(JSON.stringify({ event: 'backup', target: path, via, committed, files, bytes, seconds }))
    return 0
  }
  const how = via === 'hub' ? 'while the hub runs' : 'of a hub that is stopped'
  terminal.print(
    `backup ${path}: ${formatBytes(bytes)} in ${formatSeconds(seconds)}, ${how}, up to record ${committed}`,
  )
  return 0
}
