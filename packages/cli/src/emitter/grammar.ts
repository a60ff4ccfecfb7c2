import type { Command } from 'commander'
import { examples } from '../grammar.ts'
import type { ProgramContext } from '../grammar.ts'
import { addEmitterHub } from './hub/grammar.ts'
import type {
  EmitterFlags,
  EmitterKeybanFlags,
  EmitterKeygenFlags,
  EmitterPresenceFlags,
  EmitterPubFlags,
  EmitterReadFlags,
  EmitterSubFlags,
} from './flags.ts'

export function addEmitter(command: Command, context: ProgramContext): Command {
  command
    .summary('publish, subscribe, keys and presence on Emitter or a hub')
    .description(
      "Speaks Emitter's protocol with a hub of yours or any Emitter broker: channels, keys, presence, stored messages.",
    )
    .addHelpText('after', '\nkeys and license are about the data directory of a hub of yours; the others ask a broker.')
  addPub(command.command('pub'), context)
  addSub(command.command('sub'), context)
  addKeygen(command.command('keygen'), context)
  addKeyban(command.command('keyban'), context)
  addPresence(command.command('presence'), context)
  addHistory(command.command('history'), context)
  addMe(command.command('me'), context)
  addEmitterHub(command, context)
  return command
}

function addPub(command: Command, { finish, ...context }: ProgramContext): void {
  addKey(command, 'a key that may write (w), and store (s) for --ttl and --retain')
    .summary('publish a message, a file, or each line of standard input')
    .description('Publishes one message, a file, or each line of standard input, and ends when the broker has it.')
    .option('-m, --message <text>', 'the message')
    .option('-f, --file <file>', 'the message is what this file holds')
    .option('-l, --stdin-line', 'each line of standard input is a message; blank lines are none')
    .option('-s, --stdin-file', 'the message is all of standard input; so it is without -m, -f and -l')
    .option('--ttl <seconds>', 'the broker stores it for so long (default: not stored)')
    .option('--retain', 'the broker stores it for those who subscribe later, for 30 days')
    .option('--no-echo', 'not to this connection itself')
    .option('-q, --qos <0|1>', 'at most once, at least once (default: 1)')
    .option('--outbox <dir>', 'keep what cannot go out now in this directory; it goes with the next pub that names it')
  addServerOptions(command)
    .addHelpText(
      'after',
      examples([
        ['halyard emitter pub -c chat/ -m "hello"', 'the key from HALYARD_EMITTER_KEY'],
        [
          'tail -F log | halyard emitter pub -c log/ -l --ttl 86400 --outbox ./outbox',
          'stored for a day, nothing is lost',
        ],
      ]) + `${SECRETS}\n\n${EXIT_CODES}`,
    )
    .action(async (flags: EmitterPubFlags) => {
      const { pub } = await import('./pub.ts')
      finish(await pub(flags, context))
    })
}

function addSub(command: Command, { finish, ...context }: ProgramContext): void {
  addReading(addKey(command, 'a key that may read (r), and load (l) for --last'), 'what the broker gives, mostly 1')
    .summary('print the messages of a channel')
    .description(
      'Prints what comes on a channel, and below it, until Ctrl-C; connected again whenever the connection is lost.',
    )
    .option('--group <name>', 'share the messages with the others of this group')
    .option('-C, --count <n>', 'end after so many messages')
    .option('-W, --wait <seconds>', 'end after so many seconds')
  addServerOptions(command)
    .addHelpText(
      'after',
      examples([
        ['halyard emitter sub -c chat/ -v', ''],
        ['halyard emitter sub -c chat/ --last 10 --json', 'for programs, the last ten first'],
      ]) + `${SECRETS}\n\n${EXIT_CODES}`,
    )
    .action(async (flags: EmitterSubFlags) => {
      const { sub } = await import('./sub.ts')
      finish(await sub(flags, context))
    })
}

function addKeygen(command: Command, { finish, ...context }: ProgramContext): void {
  addKey(command, 'the master key, or one that may be extended (e)')
    .summary('make a key for a channel')
    .description('Asks the broker for a key that opens a channel: a/ for a/ alone, a/#/ for all below it too.')
    .option('--type <letters>', 'r read, w write, s store, l load, p presence, e extend (default: rw)')
    .option('--ttl <seconds>', 'until it expires (default: never)')
  addServerOptions(command)
    .addHelpText(
      'after',
      examples([['halyard emitter keygen -c chat/#/ --type rwslp', 'the master key from HALYARD_EMITTER_KEY']]) +
        `${SECRETS}\n\n${EXIT_CODES}`,
    )
    .action(async (flags: EmitterKeygenFlags) => {
      const { keygen } = await import('./requests.ts')
      finish(await keygen(flags, context))
    })
}

function addKeyban(command: Command, { finish, ...context }: ProgramContext): void {
  addServerOptions(command)
    .summary('ban a key, or take the ban back')
    .description('Bans a key of the same contract: it opens nothing from now on, and subscriptions with it end.')
    .argument('<key>', 'the key to be banned, or - for standard input')
    .option('-k, --key <key>', 'the master key')
    .option('--undo', 'take the ban back')
    .addHelpText(
      'after',
      examples([['pass show old-key | halyard emitter keyban -', 'the master key from HALYARD_EMITTER_KEY']]) +
        `${SECRETS}\n\n${EXIT_CODES}`,
    )
    .action(async (key: string, flags: EmitterKeybanFlags) => {
      const { keyban } = await import('./requests.ts')
      finish(await keyban(key, flags, context))
    })
}

function addPresence(command: Command, { finish, ...context }: ProgramContext): void {
  addKey(command, 'a key that may see presence (p)')
    .summary('who is subscribed to a channel')
    .description('Prints who is subscribed to a channel: a line with id and name for each.')
    .option('--follow', 'and who comes and goes, until Ctrl-C')
  addServerOptions(command)
    .addHelpText('after', `${SECRETS}\n\n${EXIT_CODES}`)
    .action(async (flags: EmitterPresenceFlags) => {
      const { presence } = await import('./requests.ts')
      finish(await presence(flags, context))
    })
}

function addHistory(command: Command, { finish, ...context }: ProgramContext): void {
  addReading(addKey(command, 'a key that may load (l)'), '100')
    .summary('print the stored messages of a channel')
    .description('Prints the stored messages of a channel, oldest first.')
  addServerOptions(command)
    .addHelpText(
      'after',
      examples([['halyard emitter history -c log/ --last 100 --from 2026-11-20T12:00:00Z', '']]) +
        `${SECRETS}\n\n${EXIT_CODES}`,
    )
    .action(async (flags: EmitterReadFlags) => {
      const { history } = await import('./requests.ts')
      finish(await history(flags, context))
    })
}

function addMe(command: Command, { finish, ...context }: ProgramContext): void {
  command
    .summary('the id that the broker gives this connection')
    .description('Prints the id that the broker gives this connection.')
  addServerOptions(command)
    .addHelpText('after', `\n${EXIT_CODES}`)
    .action(async (flags: EmitterFlags) => {
      const { me } = await import('./requests.ts')
      finish(await me(flags, context))
    })
}

const SECRETS =
  '\nWhat stands on a command line can be read by every user of the machine (ps): keep the key in the environment,\n' +
  'HALYARD_EMITTER_KEY. There are HALYARD_EMITTER_HOST and HALYARD_EMITTER_PORT too. Options win over the environment.'

const EXIT_CODES =
  'Exit code: 0 done (or kept, with --outbox); 1 refused or not reached; 2 not understood; 27 the time was over and\n' +
  '-C not reached; 130 Ctrl-C.'

function addKey(command: Command, what: string): Command {
  return command
    .requiredOption('-c, --channel <channel>', 'chat/ or chat/room/; its last slash may be left out')
    .option('-k, --key <key>', what)
}

function addReading(command: Command, last: string): Command {
  return command
    .option('--last <n>', `the newest so many of the stored messages (default: ${last})`)
    .option('--from <time>', 'stored since: seconds since 1970, or 2026-11-20T12:00:00Z')
    .option('--until <time>', 'stored until')
    .option('-v, --verbose', 'print the channel before each message')
    .option('-N, --no-newline', 'no line end behind a message')
}

function addServerOptions(command: Command): Command {
  return command
    .helpOption('--help', 'print this')
    .option('-h, --host <host>', 'the broker (default: 127.0.0.1, a hub on this machine)')
    .option('-p, --port <port>', 'and its port (default: 8080; 443 with TLS)')
    .option('-u, --username <name>', 'the name in presence lists')
    .option('--tls', 'TLS; so does a --cafile, and --host api.emitter.io')
    .option('--cafile <file>', 'certificates to trust (PEM) instead of those of the machine')
    .option('--insecure', 'take any certificate: for tests alone')
    .option('--ws', 'WebSocket instead of TCP')
    .option('--timeout <seconds>', 'for the broker to answer (default: 10)')
    .option('--json', 'print JSON lines')
}
