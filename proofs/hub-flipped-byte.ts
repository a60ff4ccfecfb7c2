/** A byte of a hub's directory is not what was written. `proofs/mqtt/flipped/` has the parts. */
import { flipBytesOfHub } from './mqtt/flipped/run.ts'
import type { Proof } from './proof.ts'

const FLIPS = Number(process.env['HUB_FLIPS'] ?? '100')
const SEED = 1

export const proof: Proof = {
  name: 'Flipped bytes of the hub',
  claim:
    'A hub whose journal has any one byte that is not what was written starts, says where it is, loses the message of that ' +
    'byte at most, and invents nothing; with a byte of its index it starts likewise, or says why it does not.',
  command: 'npm run build && HUB_FLIPS=100 node scripts/proof.mjs hub-flipped-byte',
  async run(progress) {
    if (!(FLIPS >= 1)) throw new Error('HUB_FLIPS is a number of flips from 1 on')
    const indexFlips = Math.ceil(FLIPS / 4)
    const onFlip = (flip: number): void => progress(`flip ${flip} of ${FLIPS + indexFlips}`)
    const result = await flipBytesOfHub({ seed: SEED, flips: FLIPS, indexFlips, onFlip })
    const { messages, bytes, lost, reported, refused, indexLost } = result
    return {
      passed: reported > 0,
      rows: [
        ['messages, each for three sessions; bytes of the journal', `${messages}, ${bytes}`],
        ['flips in the journal', String(FLIPS)],
        ['… that cost a message, that were reported', `${lost}, ${reported}`],
        ['flips in the index', String(indexFlips)],
        ['… with which the hub did not start and said why, that cost something', `${refused}, ${indexLost}`],
        ['seed', String(SEED)],
      ],
    }
  },
}
