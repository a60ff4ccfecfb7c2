/** `kill -9` of a real process at random points. `proofs/process/` has the parts. */
import { killAgainAndAgain } from './process/kill.ts'
import type { Proof } from './proof.ts'

/** A directory is used for so many rounds: the ledger, which is asked at the end, remembers 10,000 messages. */
const ROUNDS = 20
const DIRECTORIES = 50

export const proof: Proof = {
  name: 'Killed processes',
  claim:
    'A sender that is killed (SIGKILL) at a random moment loses nothing that it told as queued, sends nothing again ' +
    'whose settlement it announced, keeps the order, and leaves a lock that the next process takes over.',
  command: 'npm run build && node scripts/proof.mjs kill',
  async run(progress) {
    const total = { killed: 0, promises: 0, received: 0, repeated: 0 }
    for (let seed = 1; seed <= DIRECTORIES; seed++) {
      progress(`seed ${seed} of ${DIRECTORIES}, ${total.killed} killed so far`)
      const result = await killAgainAndAgain({ rounds: ROUNDS, seed })
      total.killed += result.killed
      total.promises += result.promises
      total.received += result.received
      total.repeated += result.repeated
    }
    return {
      passed: total.killed > (ROUNDS * DIRECTORIES) / 2,
      rows: [
        ['processes started', String((ROUNDS + 1) * DIRECTORIES)],
        ['… and killed in the middle of their work', String(total.killed)],
        ['promises made and kept', String(total.promises)],
        ['messages at the peer', String(total.received)],
        ['… of which came twice, their answer being lost', String(total.repeated)],
        ['seeds', `1 to ${DIRECTORIES}`],
      ],
    }
  },
}
