/** The power is cut on a real process, by its system calls. `proofs/power-cut/` has the parts. */
import { cutPower } from './power-cut/run.ts'
import type { Proof } from './proof.ts'

const SEEDS = 10
const CUTS = 20
const RUNS = 3

export const proof: Proof = {
  name: 'Power cuts',
  claim:
    'Of a real process whose system calls were traced, whatever a power cut at any moment may leave of its files keeps ' +
    'every promise made before: nothing queued is missing, nothing whose settlement was announced goes out again, order ' +
    'is kept.',
  command: 'npm run build && node scripts/proof.mjs power-cut',
  async run(progress) {
    const total = { calls: 0, syncs: 0, cuts: 0, promises: 0, handed: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      progress(`seed ${seed} of ${SEEDS}, ${total.cuts} cuts so far`)
      const result = await cutPower({ seed, runs: RUNS, cuts: CUTS })
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key]
    }
    return {
      passed: total.cuts === SEEDS * CUTS,
      rows: [
        ['processes traced, system calls, syncs', `${SEEDS * RUNS}, ${total.calls}, ${total.syncs}`],
        ['power cuts', String(total.cuts)],
        ['promises checked, over all cuts', String(total.promises)],
        ['messages that went out after the cuts', String(total.handed)],
        ['seeds', `1 to ${SEEDS}`],
      ],
    }
  },
}
