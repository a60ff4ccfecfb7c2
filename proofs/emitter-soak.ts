/** Emitter's broker against its rules, written down a second time: `packages/hub/test/all/emitter/soak/`. */
import { spawnSync } from 'node:child_process'
import type { Proof } from './proof.ts'

const MINUTES = process.env['EMITTER_SOAK_MINUTES'] ?? '30'
const TEST = 'packages/hub/test/all/emitter/soak.test.ts'

export const proof: Proof = {
  name: "Emitter's broker and its model",
  claim:
    'Whatever 200 clients with 200 keys do at once (subscribe, publish, make links, watch, ask who is there, be killed, come ' +
    'back; keys that are good, banned, ended and forged), each gets the messages, refusals, presence lists, changes and ' +
    'stored messages that a naive second broker says, none twice and none besides.',
  command: 'EMITTER_SOAK_MINUTES=30 node scripts/proof.mjs emitter-soak',
  async run() {
    const { status, stdout, stderr } = spawnSync('npx', ['vitest', 'run', '--project', 'all', TEST], {
      env: { ...process.env, EMITTER_SOAK_MINUTES: MINUTES, NO_COLOR: '1' },
      encoding: 'utf8',
    })
    if (status !== 0) console.error(stdout, stderr)
    const figures = stdout.matchAll(/^(matcher \w+): (.+)$/gm)
    return { passed: status === 0, rows: Array.from(figures, ([, what = '', figure = '']) => [what, figure] as const) }
  },
}
