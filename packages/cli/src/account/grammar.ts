import { Option } from 'commander'
import type { Command } from 'commander'

/** The options that say as whom, under their documented names and with dashes. */
export function addAccountOptions(command: Command): Command {
  return command
    .option('--cloud_id <id>', 'the 4 characters of the cloud id')
    .option('--cloud_key <key>', 'the 4 characters of the cloud key')
    .addOption(new Option('--cloud-id <id>').hideHelp())
    .addOption(new Option('--cloud-key <key>').hideHelp())
    .option('--devicekey <key>', 'the 8 characters of a device key, in place of both')
    .option('-f, --file <file>', 'HJSON with cloud_id and cloud_key')
}

export const WHERE_KEYS_ARE_SAFE: string =
  '\nWhat stands on a command line can be read by every user of the machine (ps). Keep keys in a file (--file),\n' +
  'or in the environment: HALYARD_CLOUD_ID, HALYARD_CLOUD_KEY, HALYARD_DEVICEKEY'
