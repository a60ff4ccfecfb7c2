import type { Command } from 'commander'
import { WHERE_KEYS_ARE_SAFE, addAccountOptions } from '../account/grammar.ts'
import { examples, nameOf } from '../grammar.ts'
import type { ProgramContext } from '../grammar.ts'
import type { ReceiveFlags } from './flags.ts'

export function addReceive(command: Command, { finish, ...context }: ProgramContext): Command {
  const name = nameOf(command)
  command
    .summary('receive what Hologram, a hub or anybody sends to this machine')
    .description(
      'Listens for messages until the time is over or Ctrl-C, and prints them. A message is what one\n' +
        'connection carries until it ends, or until it is silent for 5 seconds. Nobody is asked for a\n' +
        'password: whoever reaches the port can send. --host 127.0.0.1 keeps other machines out.',
    )
    .option('--host <address>', 'the address to listen on (default: 0.0.0.0, all of this machine)')
    .option('-p, --port <port>', 'and the port; 0 is a free one, told on standard error (default: 4010)')
    .option('-t, --timeout <seconds>', 'until the socket is closed; -1: until Ctrl-C (default: 10)')
    .option('--json', 'print one JSON object per message, when it comes')
  return addAccountOptions(command)
    .option('--outbox <dir>', 'taken as the other scripts take it: nothing is sent, so nothing is kept')
    .addHelpText(
      'after',
      examples([
        [`${name} --host 0.0.0.0 --port 4010 --timeout 20`, ''],
        [`${name} --host 127.0.0.1 --timeout -1 --json`, 'for programs, until Ctrl-C'],
        [`echo hello | halyard send --host 127.0.0.1 --port 4010`, 'from another terminal'],
      ]) +
        '\nReceiving needs no credentials; those that are given are checked. A pipe gets the bytes as they came, a\n' +
        'terminal is not handed control characters of strangers.\n' +
        `${WHERE_KEYS_ARE_SAFE};\nand HALYARD_RECEIVE_HOST, HALYARD_RECEIVE_PORT, HALYARD_RECEIVE_TIMEOUT. ` +
        'Options win over the environment.\n' +
        '\nExit code: 0 the time was over; 1 the port is taken; 2 not understood; 130 Ctrl-C.',
    )
    .action(async (flags: ReceiveFlags) => {
      const { receive } = await import('./receive.ts')
      finish(await receive(flags, context))
    })
}
