/** The power is cut on a real hub, by its system calls. `proofs/mqtt/power/` has the parts. */
import { cutPowerOfHub } from './mqtt/power/run.ts'
import type { Proof } from './proof.ts'

const CUTS = Number(process.env['HUB_POWER_CUTS'] ?? '200')
const SEEDS = 5
const RUNS = 3
const COUNT = 100

export const proof: Proof = {
  name: 'Power cuts of the hub',
  claim:
    'Of a real hub whose system calls were traced, whatever a power cut at any moment may leave of its directory has every ' +
    'message that was acknowledged before, once and in order for every session that was away, and the retained ones.',
  command: 'npm run build && HUB_POWER_CUTS=200 node scripts/proof.mjs hub-power-cut',
  async run(progress) {
    if (!(CUTS >= SEEDS)) throw new Error(`HUB_POWER_CUTS is a number of cuts from ${SEEDS} on`)
    const cuts = Math.ceil(CUTS / SEEDS)
    const total = { calls: 0, syncs: 0, cuts: 0, promises: 0, deliveries: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      const onCut = (cut: number): void => progress(`seed ${seed} of ${SEEDS}, cut ${cut} of ${cuts}`)
      const result = await cutPowerOfHub({ seed, runs: RUNS, cuts, count: COUNT, onCut })
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key]
    }
    return {
      passed: total.promises > 0,
      rows: [
        ['hubs traced, system calls, syncs', `${SEEDS * RUNS}, ${total.calls}, ${total.syncs}`],
        ['power cuts', String(total.cuts)],
        ['promises checked, over all cuts', String(total.promises)],
        ['messages that came after the cuts', String(total.deliveries)],
        ['seeds', `1 to ${SEEDS}`],
      ],
    }
  },
}
