/** The grammar of the command line. Each command's code is loaded when it is called: help costs commander alone. */
import { Command, Option } from 'commander'
import type { Context } from './context.ts'
import { addHubAdmin } from './hub/admin/grammar.ts'
import type { HubFlags } from './hub/flags.ts'
import type { LsFlags, OutboxFlags, RmFlags } from './outbox/flags.ts'
import type { SendFlags } from './send/flags.ts'
import { paint } from './text/paint.ts'
import { VERSION } from './version.ts'

/** What the grammar stands on. */
export interface ProgramContext extends Context {
  /** The exit code with which the process is to end. */
  readonly finish: (code: number) => void
}

export function buildProgram(context: ProgramContext): Command {
  const program = configure(new Command('halyard'), context)
    .description(
      'Messages of small devices: a hub of your own, clients that lose nothing, and what waits in their outbox',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .addHelpText(
      'after',
      examples([
        ['halyard hub --demo', 'a hub, a sensor and a bad link, to look at'],
        ['halyard hub', 'a hub to send to, data in ./halyard-data'],
        ['halyard send "hello" -f credentials.hjson', 'one message'],
        ['halyard outbox ls --outbox ./outbox', 'what waits there, and what became of the rest'],
      ]),
    )
  addSend(program.command('send'), context)
  const hub = program.command('hub')
  addHub(hub, context)
  addHubAdmin(hub, context)
  addOutbox(program.command('outbox'), context)
  return tellErrors(program, context)
}

/** The documented script: `halyard send` under its old name. */
export function buildHologramSend(context: ProgramContext): Command {
  const command = configure(new Command('hologram-send'), context)
  return tellErrors(addSend(command, context), context).version(VERSION, '--version')
}

function addSend(command: Command, { finish, ...context }: ProgramContext): Command {
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
      const { send } = await import('./send/send.ts')
      finish(await send(messages, flags, context))
    })
}

function addHub(command: Command, { finish, ...context }: ProgramContext): void {
  command
    .summary('run a hub: the server that answers in place of the clouds')
    .description('Runs a hub on this machine until Ctrl-C. What it acknowledges is on disk.')
    .option('--data <dir>', 'its directory (default: ./halyard-data)')
    .option('--host <address>', 'the address to listen on; 0.0.0.0 opens it to the network (default: 127.0.0.1)')
    .option('--config <file>', 'HJSON with limits, TLS and history')
    .option('--demo', 'with a simulated sensor on a bad link, and a live view')
    .option('--json', 'print JSON: the first line when it is ready, the last when it has stopped')
    .option('--ephemeral', 'free ports for all that are not given')
    .option('--port-front <n>', 'HTTP, and the health of the hub (default: 8080)')
    .option('--port-hologram <n>', 'Hologram cloud socket (default: 9999)')
    .option('--port-mqtt <n>', 'not in this version')
    .option('--port-exp <n>', 'not in this version')
    .option('--port-exp-gateway <n>', 'not in this version')
    .option('--mqtt-anonymous', 'not in this version')
    .addHelpText(
      'after',
      examples([
        ['halyard hub', 'the first start makes an account and shows it'],
        ['halyard hub --data /var/lib/halyard --host 0.0.0.0', ''],
        ['halyard hub --ephemeral --json', 'for programs'],
      ]) +
        '\nA port of 0 is a free one. HALYARD_LOG=error|warn|info|debug sets what is logged on standard error (warn).',
    )
    .action(async (flags: HubFlags) => {
      const { runHub } = await import('./hub/run.ts')
      finish(await runHub(flags, context))
    })
}

function addOutbox(command: Command, { finish, ...context }: ProgramContext): void {
  command.summary('look into an outbox directory').description('What waits in an outbox, and what became of the rest.')
  command
    .command('ls')
    .description('list messages; works beside the program that owns the outbox')
    .requiredOption('--outbox <dir>', 'the directory')
    .option('--state <state>', 'queued, delivered or dropped only')
    .option('--destination <name>', 'only this destination, as hologram:1d3g')
    .option('--json', 'one JSON object per line')
    .action(async (flags: LsFlags) => {
      const { ls } = await import('./outbox/ls.ts')
      finish(await ls(flags, context))
    })
  command
    .command('why')
    .description('tell the story of one message')
    .argument('<id>', 'as halyard outbox ls shows it')
    .requiredOption('--outbox <dir>', 'the directory')
    .option('--json', 'as one JSON object')
    .action(async (id: string, flags: OutboxFlags) => {
      const { why } = await import('./outbox/why.ts')
      finish(await why(id, flags, context))
    })
  command
    .command('export')
    .description('print what is queued with its bodies, one JSON object per line')
    .requiredOption('--outbox <dir>', 'the directory')
    .option('--destination <name>', 'only this destination')
    .action(async (flags: LsFlags) => {
      const { exportMessages } = await import('./outbox/export.ts')
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
      const { rm } = await import('./outbox/rm.ts')
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

/** What all commands have in common; subcommands inherit it. */
function configure(program: Command, { terminal }: ProgramContext): Command {
  const help = paint(terminal.colour.output)
  const options = {
    writeOut: (text: string) => terminal.print(text.replace(/\n$/, '')),
    writeErr: (text: string) => terminal.error(text.replace(/\n$/, '')),
    getOutHasColors: () => terminal.colour.output,
    getErrHasColors: () => terminal.colour.error,
    getOutHelpWidth: () => (terminal.screen.isTerminal ? Math.min(terminal.screen.columns, 120) : 100),
  }
  return program
    .exitOverride()
    .configureOutput(options)
    .configureHelp({ styleTitle: help.bold, styleCommandText: help.cyan })
}

/** Each command names its own help. */
function tellErrors(command: Command, context: ProgramContext, name = command.name()): Command {
  const { terminal } = context
  const { red } = paint(terminal.colour.error)
  command.configureOutput({
    outputError: (text) => terminal.error(`${red('halyard:')} ${complaint(text, name)}`),
  })
  for (const sub of command.commands) tellErrors(sub, context, `${name} ${sub.name()}`)
  return command
}

/** commander's two lines as one that says what to do. */
function complaint(text: string, name: string): string {
  const line = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
  return `${line.replace(/[.]$/, '')}; ${name} --help shows what there is`
}

function examples(lines: readonly (readonly [command: string, remark: string])[]): string {
  const width = Math.max(...lines.filter(([, remark]) => remark !== '').map(([command]) => command.length), 0)
  const shown = lines.map(
    ([command, remark]) => `  ${remark === '' ? command : `${command.padEnd(width)}  # ${remark}`}`,
  )
  return `\nExamples:\n${shown.join('\n')}\n`
}
