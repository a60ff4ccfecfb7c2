/** The grammar of `halyard hub backup` and `halyard hub restore`. */
import type { Command } from 'commander'
import type { Context } from '../../context.ts'
import { flagsOf, place } from '../admin/grammar.ts'
import type { RestoreFlags } from './flags.ts'

interface BackupContext extends Context {
  readonly finish: (code: number) => void
}

const BACKUP_EXAMPLES = `
Examples:
  halyard hub backup /mnt/backup/hub-$(date +%F)
  halyard hub backup ./copy --data /var/lib/halyard --json

A killed backup leaves a directory TARGET.partial-…, which is no backup. The next one into the same parent
directory removes it when nothing in it has changed for a day, and says so.
`
const RESTORE_EXAMPLES = `
Examples:
  halyard hub restore /mnt/backup/hub-2026-11-20 --data /var/lib/halyard
`

/** @param hub `halyard hub`, which stays a command of its own */
export function addHubBackup(hub: Command, { finish, ...context }: BackupContext): void {
  place(hub.command('backup'))
    .summary('copy all that a hub has, also while it runs')
    .description('Copies the directory of a hub as it is at one moment, also while it runs and is busy.')
    .argument('<target>', 'a directory that is not there yet, or empty')
    .option('--json', 'as one JSON object')
    .addHelpText('after', BACKUP_EXAMPLES)
    .action(async (target: string, _flags: object, command: Command) => {
      const { backup } = await import('./backup.ts')
      finish(await backup(target, flagsOf(command, hub), context))
    })
  place(hub.command('restore'))
    .summary('make the directory of a hub from a backup')
    .description('Makes the directory of a hub from a backup, checks it, and says what it holds.')
    .argument('<source>', 'what halyard hub backup has made')
    .option('--force', 'rename a directory that is there; it is never deleted')
    .option('--json', 'as one JSON object')
    .addHelpText('after', RESTORE_EXAMPLES)
    .action(async (source: string, _flags: object, command: Command) => {
      const { restore } = await import('./restore.ts')
      const { force } = command.opts<RestoreFlags>()
      finish(await restore(source, { ...flagsOf(command, hub), ...(force && { force }) }, context))
    })
}
