/** The client's promise through kills of its own process and of the hub: `packages/mqtt/test/process/kills.test.ts`. */
import { spawnSync } from 'node:child_process'
import type { Proof } from './proof.ts'

/** Random lives of `model.test.ts`. */
const RUNS = process.env['MQTT_CLIENT_MODEL_RUNS'] ?? '200'
/** of each version */
const KILLS = process.env['MQTT_CLIENT_KILLS'] ?? '60'

export const proof: Proof = {
  name: 'The MQTT client and kills',
  claim:
    "Through kills of a publisher's process and of the hub's at random moments, everything whose `publish` had resolved comes to " +
    'a persistent session, QoS 2 once, in the order of the publisher; so it is in random lives of publisher, reader and hub, ' +
    'cut and begun anew in the middle, beside a model of them. There the reader is killed too: a message comes again only as a ' +
    'duplicate, and not at all once the hub has answered its acknowledgement; what the reader published for it under its id is there once.',
  command: 'npm run build && MQTT_CLIENT_KILLS=60 node scripts/proof.mjs mqtt-client-kills',
  async run() {
    const vitest = [
      'vitest',
      'run',
      '--project',
      'process',
      'packages/mqtt/test/process/kills.test.ts',
      'packages/mqtt/test/process/model.test.ts',
    ]
    const { status, stdout, stderr } = spawnSync('npx', vitest, {
      env: { ...process.env, MQTT_CLIENT_KILLS: KILLS, MQTT_CLIENT_MODEL_RUNS: RUNS, NO_COLOR: '1' },
      encoding: 'utf8',
    })
    if (status !== 0) console.error(stdout, stderr)
    const figures = stdout.matchAll(/^(version \d|random lives): (.+)$/gm)
    const rows = Array.from(figures, ([, what = '', figure = '']) => [what, figure] as const)
    return { passed: status === 0, rows }
  },
}
