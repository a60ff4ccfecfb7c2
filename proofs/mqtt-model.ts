/** The hub's MQTT broker against its rules, written down a second time: `packages/hub/test/mqtt/model/`. */
import { spawnSync } from 'node:child_process'
import type { Proof } from './proof.ts'

const MINUTES = process.env['MQTT_MODEL_MINUTES'] ?? '10'
const RESTARTS = process.env['MQTT_RESTART_RUNS'] ?? '20000'

export const proof: Proof = {
  name: 'The MQTT broker and its model',
  claim:
    'Whatever several clients do (connect, subscribe, publish, acknowledge late or never, vanish, come back, wait), and when ' +
    'the power is cut in between, each ' +
    'gets from the hub what a naive second broker, written from the words of the standard, says that it must get.',
  command: 'MQTT_MODEL_MINUTES=10 node scripts/proof.mjs mqtt-model',
  async run() {
    const vitest = ['vitest', 'run', '--project', 'unit', 'packages/hub/test/mqtt/model']
    const { status, stdout, stderr } = spawnSync('npx', vitest, {
      env: { ...process.env, MQTT_MODEL_MINUTES: MINUTES, MQTT_RESTART_RUNS: RESTARTS, NO_COLOR: '1' },
      encoding: 'utf8',
    })
    if (status !== 0) console.error(stdout, stderr)
    const figures = stdout.matchAll(/^(in memory|over TCP|with power cuts|with power cuts, most being away): (.+)$/gm)
    return { passed: status === 0, rows: Array.from(figures, ([, what = '', figure = '']) => [what, figure] as const) }
  },
}
