/** The commands. Each one's code is loaded when it is called: help costs commander and the grammars alone. */
import { Command } from 'commander'
import { configure, examples, tellErrors } from './grammar.ts'
import type { ProgramContext } from './grammar.ts'
import { addHubAdmin } from './hub/admin/grammar.ts'
import { addHubBackup } from './hub/backup/grammar.ts'
import { addHub } from './hub/grammar.ts'
import { addMqtt } from './mqtt/grammar.ts'
import { addOutbox } from './outbox/grammar.ts'
import { addReceive } from './receive/grammar.ts'
import { addSend, addSms } from './send/grammar.ts'
import { VERSION } from './version.ts'

export function buildProgram(context: ProgramContext): Command {
  const program = configure(new Command('halyard'), context)
    .description(
      'Messages of small devices: a hub of your own, clients that lose nothing, and what waits in their outbox',
    )
    .version(VERSION, '-V, --version', 'print the version')
    // -V and -h behind a command are that command's.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples([
        ['halyard hub --demo', 'a hub, a sensor and a bad link, to look at'],
        ['halyard hub', 'a hub to send to, data in ./halyard-data'],
        ['halyard send "hello" -f credentials.hjson', 'one message'],
        ["halyard mqtt sub -t 'sensors/#' -v", 'what comes on these topics'],
        ['halyard outbox ls --outbox ./outbox', 'what waits there, and what became of the rest'],
      ]),
    )
  addSend(program.command('send'), context)
  addSms(program.command('sms'), context)
  addReceive(program.command('receive'), context)
  // … but those of the hub are looked for anywhere, so that one in the wrong place is told what it is for.
  const hub = program.command('hub').enablePositionalOptions(false)
  addHub(hub, context)
  addHubAdmin(hub, context)
  addHubBackup(hub, context)
  addMqtt(program.command('mqtt'), context)
  addOutbox(program.command('outbox'), context)
  return tellErrors(program, context)
}

/** The documented scripts: the commands under their old names. */
const SCRIPTS = { 'hologram-send': addSend, 'hologram-sms': addSms, 'hologram-receive': addReceive }

export type Script = 'hologram-send' | 'hologram-sms' | 'hologram-receive'

export function buildScript(name: Script, context: ProgramContext): Command {
  const command = configure(new Command(name), context)
  return tellErrors(SCRIPTS[name](command, context), context).version(VERSION, '--version')
}
