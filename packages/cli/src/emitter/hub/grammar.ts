/** The grammar of `halyard emitter keys` and `halyard emitter license`: for the owner of a hub's data directory. */
import { Option } from 'commander'
import type { Command } from 'commander'
import { examples } from '../../grammar.ts'
import type { ProgramContext } from '../../grammar.ts'
import type { AdminFlags } from '../../hub/admin/flags.ts'
import { place as placeOf } from '../../hub/admin/grammar.ts'
import type { KeysAddFlags } from './flags.ts'

const WAYS = 'A hub that runs is asked, and it counts at once; of one that is stopped the directory is changed.'
const IDS = 'an id as halyard emitter keys list shows it, or a key itself'
const PS =
  '\nA key on a command line can be read by every user of the machine (ps): name its id, or - for standard input.\n'

const LICENSE =
  '\nOf a hub that is stopped, give the licence as the hub gets it, if that is not its own: --emitter-license, the variable\n' +
  'HALYARD_HUB_EMITTER_LICENSE, or the --config that names it. A hub that runs has its own at hand.\n'

function place(command: Command): Command {
  return placeOf(command)
    .option(
      '--emitter-license <text>',
      'as halyard hub gets it, for a hub that is stopped; or @ and a file that holds it',
    )
    .addHelpText('after', LICENSE)
}

export function addEmitterHub(command: Command, context: ProgramContext): void {
  const keys = command
    .command('keys')
    .summary('the keys that a hub of yours knows: list, make, import, describe, revoke')
    .description(`A hub accepts the keys that it has made, and those that were imported. ${WAYS}`)
    .addHelpText(
      'after',
      examples([
        ['halyard emitter keys list', ''],
        ['halyard emitter keys add --channel chat/#/ --type rwslp', 'without the master key'],
        ['halyard emitter keys import < keys.txt', 'a key per line, when you move from another broker'],
        ['halyard emitter keys revoke 3fa9c2', ''],
      ]),
    )
  addKeysAdd(keys.command('add'), context)
  addKeysOf(keys, context)
  addLicense(command.command('license'), context)
}

function addKeysAdd(command: Command, { finish, ...context }: ProgramContext): void {
  place(command)
    .description('make a key, and show it: now and never again')
    .option('-c, --channel <channel>', 'chat/ for it alone, chat/#/ for all below it too')
    .option('--type <letters>', 'r read, w write, s store, l load, p presence, e extend (default: rw)')
    .option('--ttl <seconds>', 'until it expires (default: never)')
    .addOption(new Option('--master', 'another master key, which makes keys').conflicts(['channel', 'type', 'ttl']))
    .option('--json', 'as one JSON object')
    .action(async (flags: KeysAddFlags) => {
      const { addKey } = await import('./keys.ts')
      finish(await addKey(flags, context))
    })
}

function addKeysOf(keys: Command, { finish, ...context }: ProgramContext): void {
  place(keys.command('list').alias('ls'))
    .description('list keys by their ids, without what opens')
    .option('--json', 'one JSON object per line')
    .action(async (flags: AdminFlags) => {
      const { listKeys } = await import('./keys.ts')
      finish(await listKeys(flags, context))
    })
  place(keys.command('import'))
    .description("let keys in that another broker has made under the hub's licence: a key per line of standard input")
    .argument('[file]', 'a file in place of standard input')
    .option('--json', 'one JSON object per key')
    .action(async (file: string | undefined, flags: AdminFlags) => {
      const { importKeys } = await import('./keys.ts')
      finish(await importKeys(file, flags, context))
    })
  place(keys.command('describe'))
    .description('what a key opens')
    .argument('<key>', IDS)
    .option('--json', 'as one JSON object')
    .addHelpText('after', PS)
    .action(async (key: string, flags: AdminFlags) => {
      const { describeKey } = await import('./keys.ts')
      finish(await describeKey(key, flags, context))
    })
  place(keys.command('revoke'))
    .description('revoke keys for ever: they open nothing, and subscriptions with them end')
    .argument('<key...>', IDS)
    .option('--json', 'one JSON object per key')
    .addHelpText('after', PS)
    .action(async (ids: string[], flags: AdminFlags) => {
      const { revokeKeys } = await import('./keys.ts')
      finish(await revokeKeys(ids, flags, context))
    })
}

function addLicense(license: Command, { finish, ...context }: ProgramContext): void {
  license
    .summary('the secret that keys are made with: show that of a hub, or make one')
    .description(
      'A licence is the secret under which a broker makes and reads keys. A hub makes its own at its first start.',
    )
  license
    .command('new')
    .description("make a licence and its master key, for any broker of Emitter's; no hub is changed")
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      '\nFor a hub: put the licence into a file and start it with --emitter-license @FILE. It makes a master key of its own then;\n' +
        'halyard emitter keys import lets this one in too.\n',
    )
    .action(async (flags: AdminFlags) => {
      const { newLicense } = await import('./license.ts')
      finish(newLicense(flags, context))
    })
  place(license.command('show'))
    .description(`show the licence of a hub. ${WAYS}`)
    .option('--json', 'as one JSON object')
    .action(async (flags: AdminFlags) => {
      const { showLicense } = await import('./license.ts')
      finish(await showLicense(flags, context))
    })
}
