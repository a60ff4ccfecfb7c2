import { Option } from 'commander'
import type { Command } from 'commander'
import { examples } from '../grammar.ts'
import type { ProgramContext } from '../grammar.ts'
import type { SendFlags } from './flags.ts'

export function addSend(command: Command, { finish, ...context }: ProgramContext): Command {
  const name = command.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`
  return command
    .summary('send messages to Hologram, to a hub, or raw to a server of your own')
    .description(
      'Sends messages to the Hologram cloud or to a hub in its place, one connection each.\n' +
        'Without credentials they go as they are to the server that --host and --port name.',
    )
    .argument('[message...]', 'what to send; without it, standard input')
    .option('--cloud_id <id>', 'the 4 characters of the cloud id')
    .option('--cloud_key <key>', 'the 4 characters of the cloud key')
    .addOption(new Option('--cloud-id <id>').hideHelp())
    .addOption(new Option('--cloud-key <key>').hideHelp())
    .option('--devicekey <key>', 'the 8 characters of a device key, in place of both')
    .option('-t, --topic [topic...]', 'topics; takes every word up to the next option')
    .option('-f, --file <file>', 'HJSON with cloud_id and cloud_key')
    .option('--timeout <seconds>', 'of silence before the connection is given up (default: 5)')
    .option('--host <host>', 'where to connect to (default: cloudsocket.hologram.io)')
    .option('-p, --port <port>', 'and its port (default: 9999)')
    .option('--outbox <dir>', 'keep what cannot go out now in this directory; it goes with the next send')
    .option('--json', 'print one JSON object per message')
    .addHelpText(
      'after',
      examples([
        [`${name} "21.5 C" --file credentials.hjson --topic temperature`, ''],
        [`${name} one two three -f credentials.hjson --outbox ./outbox`, ''],
        [`${name} -t temperature indoor -- "21.5 C"`, 'or put the message before -t'],
        [`echo hello | ${name} --host 127.0.0.1 --port 5555`, 'raw'],
      ]) +
        '\nWhat stands on a command line can be read by every user of the machine (ps). Keep keys in a file (--file),\n' +
        'or in the environment: HALYARD_CLOUD_ID, HALYARD_CLOUD_KEY, HALYARD_DEVICEKEY; and HALYARD_SEND_HOST,\n' +
        'HALYARD_SEND_PORT, HALYARD_SEND_TIMEOUT, HALYARD_SEND_OUTBOX. Options win over the environment, that over the file.\n' +
        '\nExit code: 0 sent (or kept, with --outbox); 1 refused or not reached; 2 not understood.',
    )
    .action(async (messages: string[], flags: SendFlags) => {
      const { send } = await import('./send.ts')
      finish(await send(messages, flags, context))
    })
}
