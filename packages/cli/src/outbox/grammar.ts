import type { Command } from 'commander'
import { examples } from '../grammar.ts'
import type { ProgramContext } from '../grammar.ts'
import type { LsFlags, OutboxFlags, RmFlags } from './flags.ts'

export function addOutbox(command: Command, { finish, ...context }: ProgramContext): void {
  command.summary('look into an outbox directory').description('What waits in an outbox, and what became of the rest.')
  command
    .command('ls')
    .description('list messages; works beside the program that owns the outbox')
    .requiredOption('--outbox <dir>', 'the directory')
    .option('--state <state>', 'queued, delivered or dropped only')
    .option('--destination <name>', 'only this destination, as hologram:1d3g')
    .option('--json', 'one JSON object per line')
    .action(async (flags: LsFlags) => {
      const { ls } = await import('./ls.ts')
      finish(await ls(flags, context))
    })
  command
    .command('why')
    .description('tell the story of one message')
    .argument('<id>', 'as halyard outbox ls shows it')
    .requiredOption('--outbox <dir>', 'the directory')
    .option('--json', 'as one JSON object')
    .action(async (id: string, flags: OutboxFlags) => {
      const { why } = await import('./why.ts')
      finish(await why(id, flags, context))
    })
  command
    .command('export')
    .description('print what is queued with its bodies, one JSON object per line')
    .requiredOption('--outbox <dir>', 'the directory')
    .option('--destination <name>', 'only this destination')
    .action(async (flags: LsFlags) => {
      const { exportMessages } = await import('./export.ts')
      finish(await exportMessages(flags, context))
    })
  command
    .command('rm')
    .description('drop queued messages; the program that owns the outbox must be stopped')
    .argument('[id...]', 'as halyard outbox ls shows them')
    .requiredOption('--outbox <dir>', 'the directory')
    .option('--all', 'all that is queued')
    .option('--json', 'one JSON object per dropped message')
    .action(async (ids: string[], flags: RmFlags) => {
      const { rm } = await import('./rm.ts')
      finish(await rm(ids, flags, context))
    })
  command.addHelpText(
    'after',
    examples([
      ['halyard outbox ls --outbox ./outbox --state queued', ''],
      ['halyard outbox why 7wq2x4-0 --outbox ./outbox', ''],
      ['halyard outbox export --outbox ./outbox > messages.jsonl', ''],
      ['halyard outbox rm --all --outbox ./outbox', ''],
    ]),
  )
}
