import { Option } from 'commander'
import type { Command } from 'commander'
import { examples } from '../grammar.ts'
import type { ProgramContext } from '../grammar.ts'
import type { PubFlags, SubFlags } from './flags.ts'

export function addMqtt(command: Command, context: ProgramContext): Command {
  command
    .summary('publish and subscribe on any MQTT server')
    .description(
      'Publishes to and subscribes on any MQTT server, 5.0 or 3.1.1, with the options of mosquitto_pub and\nmosquitto_sub.',
    )
  addPub(command.command('pub'), context)
  addSub(command.command('sub'), context)
  return command
}

function addPub(command: Command, { finish, ...context }: ProgramContext): void {
  command
    .summary('publish a message, a file, or each line of standard input')
    .description('Publishes one message, a file, or each line of standard input, and ends when the server has it.')
    .requiredOption('-t, --topic <topic>', 'where to')
    .option('-m, --message <text>', 'the message')
    .option('-f, --file <file>', 'the message is what this file holds')
    .option('-l, --stdin-line', 'each line of standard input is a message; blank lines are none')
    .option('-s, --stdin-file', 'the message is all of standard input; so it is without -m, -f, -l and -n')
    .option('-n, --null-message', 'an empty message; with -r it clears the retained one')
    .option('-q, --qos <0|1|2>', 'at most once, at least once, exactly once (default: 1)')
    .option('-r, --retain', 'the server keeps it for those who subscribe later')
    .option('-D, --property <name=value>', 'MQTT 5.0 user property; may be repeated', collect)
    .option('--timeout <seconds>', 'for the server to answer (default: 30)')
    .option('--outbox <dir>', 'keep what cannot go out now in this directory; it goes with the next pub that names it')
    .option('--json', 'print one JSON object per message')
  addServerOptions(command)
    .addHelpText(
      'after',
      examples([
        ['halyard mqtt pub -t sensors/7 -m 21.5', 'a hub or any broker on this machine'],
        [
          'halyard mqtt pub -L mqtts://broker.example.com -u me -t a/b -m hello',
          'TLS; the password from HALYARD_MQTT_PASSWORD',
        ],
        ['tail -F log | halyard mqtt pub -t log -l --outbox ./outbox', 'nothing is lost while the server is away'],
      ]) +
        `${PASSWORDS}\n\nExit code: 0 the server has it (or it is kept, with --outbox); 1 refused or not reached; 2 not\nunderstood; 130 Ctrl-C.`,
    )
    .action(async (flags: PubFlags) => {
      const { pub } = await import('./pub.ts')
      finish(await pub(flags, context))
    })
}

function addSub(command: Command, { finish, ...context }: ProgramContext): void {
  command
    .summary('print the messages of topic filters')
    .description(
      'Prints what comes on the topic filters until Ctrl-C, connected again whenever the connection is lost.',
    )
    .requiredOption('-t, --topic <filter>', 'what to subscribe to; may be repeated', collect)
    .option('-T, --filter-out <filter>', 'do not print what this one matches; may be repeated', collect)
    .option('-q, --qos <0|1|2>', 'the highest that messages come with (default: 1)')
    .option('-C, --count <n>', 'end after so many messages')
    .option('-W, --wait <seconds>', 'end after so many seconds')
    .option('-v, --verbose', 'print the topic before each message')
    .option('-N, --no-newline', 'no line end behind a message')
    .option('-R, --no-retained', 'do not print what the server had kept')
    .option('--retained-only', 'print only that, and end when it has come')
    .option(
      '-F, --format <text>',
      '%t topic, %p message, %x message in hex, %l length, %q QoS, %r retain, %I ISO time, %U Unix time, %j JSON',
    )
    .option('--json', 'print one JSON object per message')
  addServerOptions(command)
    .addHelpText(
      'after',
      examples([
        ["halyard mqtt sub -t 'sensors/#' -v", ''],
        ["halyard mqtt sub -L mqtts://broker.example.com -u me -t '#' --json", 'for programs'],
        ["halyard mqtt sub -i logger -c -t 'log/#'", 'a session: what came meanwhile comes too'],
      ]) +
        `${PASSWORDS}\n\nExit code: 0 as many came as were asked for, or the time was over; 1 refused or not reached; 2 not\nunderstood; 27 the time was over and -C not reached; 130 Ctrl-C.`,
    )
    .action(async (flags: SubFlags) => {
      const { sub } = await import('./sub.ts')
      finish(await sub(flags, context))
    })
}

const PASSWORDS =
  '\nWhat stands on a command line can be read by every user of the machine (ps): keep the password in the environment,\n' +
  'HALYARD_MQTT_PASSWORD. There are HALYARD_MQTT_URL and HALYARD_MQTT_USERNAME too. Options win over the environment.'

/** `-h` is the host, as everybody's fingers know it. */
function addServerOptions(command: Command): Command {
  return command
    .helpOption('--help', 'print this')
    .option('-L, --url <url>', 'mqtt://host:port, mqtts://, ws://host/path or wss:// (default: mqtt://127.0.0.1:1883)')
    .option('-h, --host <host>', 'or the host alone')
    .option('-p, --port <port>', 'and its port (default: 1883; 8883 with TLS)')
    .option('-i, --id <id>', 'the client id (default: made anew each time)')
    .option('-u, --username <name>', 'the account')
    .option('-P, --pw <password>', 'and its password')
    .option('-k, --keepalive <seconds>', 'between two signs of life (default: 60)')
    .option(
      '-V, --protocol-version <5|4>',
      '5 or mqttv5, 4, 311 or mqttv311 (default: 5, and 4 if the server has no 5.0)',
    )
    .option('-c, --disable-clean-session', 'the server keeps the session of this --id for the next time')
    .option('-x, --session-expiry <seconds>', 'for so long (default: for ever)')
    .option('--ws', 'WebSocket instead of TCP')
    .option('--tls', 'TLS; --cafile, --cert and a port of 8883 mean it too')
    .option('--cafile <file>', 'certificates to trust (PEM) instead of those of the machine')
    .option('--cert <file>', 'the certificate of this client (PEM)')
    .option('--key <file>', 'and its private key')
    .option('--insecure', 'take any certificate: for tests alone')
    .addOption(new Option('--will-topic <topic>', 'the server publishes there if this client vanishes'))
    .addOption(new Option('--will-payload <text>', 'and says this'))
    .addOption(new Option('--will-qos <0|1|2>', 'with this QoS (default: 0)'))
    .addOption(new Option('--will-retain', 'for those who subscribe later too'))
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}
