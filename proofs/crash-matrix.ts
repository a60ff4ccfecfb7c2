/** The power goes, or the disk fails, at every operation of every scenario. `proofs/{log,outbox}/` have the parts. */
import { cutLogEverywhere, failLogEverywhere } from './log/matrix.ts'
import { failEverywhere } from './outbox/faults.ts'
import { cutEverywhere } from './outbox/matrix.ts'
import { SCENARIOS } from './outbox/scenarios.ts'
import type { Proof } from './proof.ts'

const SEEDS = [1, 2, 3]
const ROUNDS = 6
/** A failure of the disk lasts so many operations: one, a commit, a while, for good. */
const LENGTHS = [1, 4, 30, 1e9]

export const proof: Proof = {
  name: 'Crash matrix of the outbox',
  claim:
    'Wherever the power goes or the disk fails, nothing that was told as queued is lost, nothing whose settlement was ' +
    'announced goes out again, order is kept, and what may go out once goes out once.',
  command: 'npm run build && node scripts/proof.mjs crash-matrix',
  async run(progress) {
    const total = { operations: 0, cuts: 0, disks: 0, failures: 0 }
    const log = { disks: 0, failures: 0 }
    for (const seed of SEEDS) {
      progress(`the log by itself, seed ${seed}`)
      log.disks += (await cutLogEverywhere({ seed, rounds: ROUNDS })).disks
      for (const code of ['EIO', 'ENOSPC'] as const) {
        for (const length of LENGTHS) log.failures += await failLogEverywhere({ code, length, seed })
      }
    }
    for (const scenario of Object.keys(SCENARIOS)) {
      for (const seed of SEEDS) {
        progress(`${scenario}, seed ${seed}, ${total.disks} disks so far`)
        const { operations, cuts, disks } = await cutEverywhere({ scenario, seed, rounds: ROUNDS })
        total.operations += seed === SEEDS[0] ? operations : 0
        total.cuts += cuts
        total.disks += disks
        for (const code of ['EIO', 'ENOSPC'] as const) {
          for (const length of LENGTHS) total.failures += (await failEverywhere({ scenario, code, length, seed })).runs
        }
      }
    }
    return {
      passed: true,
      rows: [
        ['scenarios, operations of the disk in them', `${Object.keys(SCENARIOS).length}, ${total.operations}`],
        ['power cuts, disks found after them', `${total.cuts}, ${total.disks}`],
        ['runs on a failing disk (EIO, ENOSPC; 1, 4, 30 operations, for good)', String(total.failures)],
        ['the log by itself: disks found after power cuts, runs on a failing disk', `${log.disks}, ${log.failures}`],
        ['seeds', SEEDS.join(', ')],
      ],
    }
  },
}
