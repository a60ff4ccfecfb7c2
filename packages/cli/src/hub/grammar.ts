import type { Command } from 'commander'
import { examples } from '../grammar.ts'
import type { ProgramContext } from '../grammar.ts'
import type { HubFlags } from './flags.ts'

export function addHub(command: Command, { finish, ...context }: ProgramContext): void {
  command
    .summary('run a hub: the server that answers in place of the clouds')
    .description('Runs a hub on this machine until Ctrl-C. What it acknowledges is on disk.')
    .option('--data <dir>', 'its directory (default: ./halyard-data)')
    .option('--host <address>', 'the address to listen on; 0.0.0.0 opens it to the network (default: 127.0.0.1)')
    .option('--config <file>', 'HJSON with limits, TLS and history')
    .option('--demo', 'with a simulated sensor on a bad link, and a live view')
    .option('--json', 'print JSON: the first line when it is ready, the last when it has stopped')
    .option('--ephemeral', 'free ports for all that are not given')
    .option('--port-front <n>', 'HTTP, MQTT, and the health of the hub (default: 8080)')
    .option('--port-hologram <n>', 'Hologram cloud socket (default: 9999)')
    .option('--port-mqtt <n>', 'MQTT (default: 1883)')
    .option('--port-exp <n>', 'not in this version')
    .option('--port-exp-gateway <n>', 'not in this version')
    .option('--mqtt-anonymous', 'let clients without a password in on the MQTT port; only on a loopback address')
    .option('--emitter-license <text>', "Emitter's licence, or @ and a file that holds it (default: the hub's own)")
    .option('--accept-foreign-keys', "take keys of Emitter's that this hub has not issued; for a move alone")
    .addHelpText(
      'after',
      examples([
        ['halyard hub', 'the first start makes accounts and shows them'],
        ['halyard hub --data /var/lib/halyard --host 0.0.0.0', ''],
        ['halyard hub --ephemeral --json', 'for programs'],
      ]) +
        '\nA port of 0 is a free one. HALYARD_LOG=error|warn|info|debug sets what is logged on standard error (warn).',
    )
    .action(async (flags: HubFlags) => {
      const { runHub } = await import('./run.ts')
      finish(await runHub(flags, context))
    })
}
