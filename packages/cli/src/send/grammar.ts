import type { Command } from 'commander'
import { WHERE_KEYS_ARE_SAFE, addAccountOptions } from '../account/grammar.ts'
import { examples, nameOf } from '../grammar.ts'
import type { ProgramContext } from '../grammar.ts'
import type { SendFlags, SmsFlags } from './flags.ts'

export function addSend(command: Command, { finish, ...context }: ProgramContext): Command {
  const name = nameOf(command)
  command
    .summary('send messages to Hologram, to a hub, or raw to a server of your own')
    .description(
      'Sends messages to the Hologram cloud or to a hub in its place, one connection each.\n' +
        'Without credentials they go as they are to the server that --host and --port name.',
    )
    .argument('[message...]', 'what to send; without it, standard input')
  addAccountOptions(command).option('-t, --topic [topic...]', 'topics; takes every word up to the next option')
  return addSendingOptions(command)
    .option('--lines', 'each line of standard input is a message; blank ones are left out')
    .addHelpText(
      'after',
      examples([
        [`${name} "21.5 C" --file credentials.hjson --topic temperature`, ''],
        [`${name} one two three -f credentials.hjson --outbox ./outbox`, ''],
        [`${name} -t temperature indoor -- "21.5 C"`, 'or put the message before -t'],
        [`echo hello | ${name} --host 127.0.0.1 --port 5555`, 'raw'],
        [`tail -f readings.log | ${name} --lines -f credentials.hjson --outbox ./outbox`, 'as they come'],
      ]) +
        `${WHERE_KEYS_ARE_SAFE}; ${ENVIRONMENT}\n` +
        '\n--lines goes on behind a line that is refused. It stops where credentials are refused and, without --outbox,\n' +
        'where the service is not reached; with one the lines are kept, and standard input waits while it is full.\n' +
        `\n${EXIT_CODES}`,
    )
    .action(async (messages: string[], flags: SendFlags) => {
      const { send } = await import('./send.ts')
      finish(await send(messages, flags, context))
    })
}

export function addSms(command: Command, { finish, ...context }: ProgramContext): Command {
  const name = nameOf(command)
  command
    .summary('send SMS through Hologram, or a hub in its place')
    .description(
      'Sends text messages to a telephone through the Hologram cloud, or a hub in its place.\n' +
        'An SMS that was written whole is never sent again: without an answer its code is -1,\n' +
        'and it may have arrived.',
    )
    .argument('[message...]', 'at most 160 characters each; without it, standard input')
  addAccountOptions(command).option('--destination <number>', 'the telephone, as +11234567890')
  return addSendingOptions(command)
    .addHelpText(
      'after',
      examples([
        [`${name} -f credentials.hjson --destination +11234567890 "hey there!"`, ''],
        [`${name} -f credentials.hjson --destination +11234567890 "water in the cellar" --outbox ./outbox`, ''],
        [`uptime | ${name} -f credentials.hjson --destination +11234567890`, ''],
      ]) +
        `${WHERE_KEYS_ARE_SAFE}; ${ENVIRONMENT}\n` +
        `\n${EXIT_CODES}`,
    )
    .action(async (messages: string[], flags: SmsFlags) => {
      const { sms } = await import('./sms.ts')
      finish(await sms(messages, flags, context))
    })
}

const ENVIRONMENT =
  'and HALYARD_SEND_HOST,\n' +
  'HALYARD_SEND_PORT, HALYARD_SEND_TIMEOUT, HALYARD_SEND_OUTBOX. Options win over the environment, that over the file.'

const EXIT_CODES = 'Exit code: 0 sent (or kept, with --outbox); 1 refused or not reached; 2 not understood; 130 Ctrl-C.'

function addSendingOptions(command: Command): Command {
  return command
    .option('--timeout <seconds>', 'of silence before the connection is given up (default: 5)')
    .option('--host <host>', 'where to connect to (default: cloudsocket.hologram.io)')
    .option('-p, --port <port>', 'and its port (default: 9999)')
    .option('--outbox <dir>', 'keep what cannot go out now in this directory; it goes with the next send')
    .option('--json', 'print one JSON object per message')
}
