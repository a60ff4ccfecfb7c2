/** The grammar of `halyard hub account` and `halyard hub token`. */
import { Option } from 'commander'
import type { Command } from 'commander'
import type { Context } from '../../context.ts'
import type { AdminFlags, MqttAccountAddFlags, MqttAccountSetFlags } from './flags.ts'

interface AdminContext extends Context {
  readonly finish: (code: number) => void
}

const WAYS = 'A hub that runs is asked, and it counts at once; of one that is stopped the directory is changed.'
const SECRETS =
  '\nWhat stands on a command line can be read by every user of the machine (ps). Leave the key out, and one is made; or\n' +
  'give it on standard input (--cloud_key -, --password -) or in the environment (HALYARD_HUB_CLOUD_KEY,\n' +
  'HALYARD_HUB_MQTT_PASSWORD).\n' +
  'The hub keeps a hash of it: it is shown now and never again.\n'
const CHANGES =
  '\nWhat is not named stays as it is. The connections of the account end, and come again as what they are now. What stands\n' +
  'on a command line can be read by every user of the machine (ps): give a password on standard input, --password -\n'
const EXAMPLES = `
Examples:
  halyard hub account add
  pass show pump | halyard hub account add --cloud_id pump --cloud_key -
  halyard hub account add --service mqtt --username pump --access 'readwrite pumps/%u/#'
  halyard hub account set pump --access 'read weather/#' --access 'readwrite pumps/%u/#'
  halyard hub account set pump --new-password
  halyard hub account list --json
  halyard hub account rm pump sa93 --data /var/lib/halyard
`

/** @param hub `halyard hub`, which stays a command of its own */
export function addHubAdmin(hub: Command, { finish, ...context }: AdminContext): void {
  const account = hub.command('account').summary('accounts with which devices send').description(WAYS)
  account.addHelpText('after', EXAMPLES)
  place(account.command('add'))
    .description('make an account, and show its key')
    .addOption(service('the service that it is for').default('hologram'))
    .option('--cloud_id <id>', 'its 4 characters (default: made)')
    .option('--cloud_key <key>', 'its 4 characters, or - for standard input (default: made)')
    .addOption(new Option('--cloud-id <id>').hideHelp())
    .addOption(new Option('--cloud-key <key>').hideHelp())
    .option('--username <name>', 'mqtt: its name, 1 to 128 characters')
    .option('--password <password>', 'mqtt: its password, or - for standard input (default: made)')
    .addOption(access(`mqtt: ${RULE}, as often as needed (default: all topics)`))
    .option('--json', 'as one JSON object')
    .addHelpText('after', SECRETS)
    .action(async (_flags: object, command: Command) => {
      const flags = flagsOf(command, hub)
      const foreign = flags.service === 'mqtt' ? HOLOGRAM_FLAGS : MQTT_FLAGS
      const stranger = foreign.find((name) => flags[name] !== undefined)
      if (stranger !== undefined) hub.error(`option '--${stranger}' is for another service than ${flags.service}`)
      if (flags.service === 'mqtt') {
        const { addMqttAccount } = await import('./mqtt-account.ts')
        return finish(await addMqttAccount(flags, context))
      }
      const { addAccount } = await import('./account.ts')
      finish(await addAccount(flags, context))
    })
  place(account.command('list').alias('ls'))
    .description('list accounts, without their keys')
    .addOption(service('only those of one service'))
    .option('--json', 'one JSON object per line')
    .action(async (_flags: object, command: Command) => {
      const { listAccounts } = await import('./account.ts')
      finish(await listAccounts(flagsOf(command, hub), context))
    })
  place(account.command('set'))
    .description('change an MQTT account: its password, what it may do, or both')
    .argument('<name>', 'as halyard hub account list shows it')
    .addOption(new Option('--service <name>', 'the service that it is of').choices(['mqtt']).default('mqtt'))
    .option('--password <password>', 'another password, or - for standard input')
    .addOption(new Option('--new-password', 'the hub makes one, and shows it').conflicts('password'))
    .addOption(access(`${RULE}, as often as needed: in place of all that it had`))
    .addOption(new Option('--all-topics', 'no access list any more').conflicts('access'))
    .option('--json', 'as one JSON object')
    .addHelpText('after', CHANGES)
    .action(async (name: string, _flags: object, command: Command) => {
      const { setMqttAccount } = await import('./mqtt-account.ts')
      finish(await setMqttAccount(name, flagsOf(command, hub), context))
    })
  place(account.command('rm'))
    .description('remove accounts: their devices are let in no more')
    .argument('<id...>', 'as halyard hub account list shows them')
    .addOption(service('the service that they are of').default('hologram'))
    .option('--json', 'one JSON object per account')
    .action(async (ids: string[], _flags: object, command: Command) => {
      const { removeAccounts } = await import('./account.ts')
      finish(await removeAccounts(ids, flagsOf(command, hub), context))
    })

  const token = hub.command('token').summary('tokens for the HTTP API').description(WAYS)
  place(token.command('add'))
    .description('make a token, and show it: now and never again')
    .argument('<name>', 'who is to use it, for people')
    .option('--json', 'as one JSON object')
    .action(async (name: string, _flags: object, command: Command) => {
      const { addToken } = await import('./token.ts')
      finish(await addToken(name, flagsOf(command, hub), context))
    })
  place(token.command('list').alias('ls'))
    .description('list tokens by their ids, without what opens')
    .option('--json', 'one JSON object per line')
    .action(async (_flags: object, command: Command) => {
      const { listTokens } = await import('./token.ts')
      finish(await listTokens(flagsOf(command, hub), context))
    })
  place(token.command('rm'))
    .description('remove tokens: who has one is let in no more')
    .argument('<id...>', 'as halyard hub token list shows them')
    .option('--json', 'one JSON object per token')
    .action(async (ids: string[], _flags: object, command: Command) => {
      const { removeTokens } = await import('./token.ts')
      finish(await removeTokens(ids, flagsOf(command, hub), context))
    })
}

const MQTT_FLAGS = ['username', 'password', 'access'] as const
const HOLOGRAM_FLAGS = ['cloud_id', 'cloud_key', 'cloudId', 'cloudKey'] as const

export function place(command: Command): Command {
  return command
    .option('--data <dir>', 'the directory of the hub (default: ./halyard-data)')
    .option('--config <file>', 'the HJSON file of the hub, if that names the directory')
}

const RULE = `'read|write|readwrite|deny FILTER'`

function access(description: string): Option {
  const collect = (rule: string, rules?: readonly string[]): readonly string[] => [...(rules ?? []), rule]
  return new Option('--access <rule>', description).argParser(collect)
}

function service(description: string): Option {
  return new Option('--service <name>', description).choices(['hologram', 'mqtt'])
}

/** commander gives an option that both know to `halyard hub`, wherever it stands; its others are for a hub that starts. */
export function flagsOf(command: Command, hub: Command): MqttAccountAddFlags & MqttAccountSetFlags {
  const taken = hub.opts<AdminFlags>()
  const stranger = hub.options.find((option) => {
    const name = option.attributeName()
    return name in taken && !['data', 'config', 'json'].includes(name)
  })
  if (stranger !== undefined) hub.error(`option '${stranger.long ?? ''}' is for a hub that is started`)
  return { ...taken, ...command.opts<MqttAccountAddFlags & MqttAccountSetFlags>() }
}
