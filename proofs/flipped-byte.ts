/** A byte of the log is not what was written. `proofs/log/` has the parts. */
import { flipBytes } from './log/flipped.ts'
import type { Proof } from './proof.ts'

export const proof: Proof = {
  name: 'Flipped bytes',
  claim:
    'A log of which any one byte is not what was written opens, loses the record of that byte at most, reports it unless ' +
    'it is the very last, and takes new records.',
  command: 'npm run build && node scripts/proof.mjs flipped-byte',
  async run() {
    const small = await flipBytes({ records: 24, bytes: 40, segmentBytes: 256, seed: 1 })
    const large = await flipBytes({ records: 3000, bytes: 600, segmentBytes: 128 * 1024, seed: 2, flips: 2000 })
    return {
      passed: true,
      rows: [
        ['a small log: bytes, flips (every byte, three masks)', `${small.bytes}, ${small.flips}`],
        ['… flips that cost one record, flips reported', `${small.lost}, ${small.reported}`],
        ['a large log: bytes, flips (random, seed 2)', `${large.bytes}, ${large.flips}`],
        ['… flips that cost one record, flips reported', `${large.lost}, ${large.reported}`],
      ],
    }
  },
}
