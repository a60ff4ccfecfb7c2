/** Nearly valid MQTT against the decoder, and against a server that listens. `proofs/mqtt-fuzz/` has the parts. */
import { decoderCoverage } from './mqtt-fuzz/decoder-coverage.ts'
import type { Proof } from './proof.ts'

const INPUTS = Number(process.env['MQTT_FUZZ_INPUTS'] ?? 10_000_000)
const CONNECTIONS = Math.ceil(INPUTS / 100)
/** Enough to reach all of the decoder, whose counting takes time. */
const COUNTED = Math.min(INPUTS, 100_000)
const SEED = 1
/** What is in use varies by some MiB; what grows with the inputs would be far above. */
const MAX_GROWTH = 16 * 1024 * 1024

export const proof: Proof = {
  name: 'Mutated MQTT',
  claim:
    'Whatever mutations make of valid packets and sequences of them, the decoder gives packets or an error that the ' +
    'standard names, the same however the bytes come; a server ends each such connection as the standard says; and none of ' +
    'it crashes, hangs, or grows.',
  command: 'npm run build && node scripts/proof.mjs mqtt-fuzz',
  async run(progress) {
    progress('coverage of the decoder')
    const { functions, missed } = await decoderCoverage({ seed: SEED, count: COUNTED })
    // Not before: what is imported now is not counted any more.
    const { fuzzHub } = await import('./mqtt-fuzz/hub.ts')
    const { fuzzInThreads } = await import('./mqtt-fuzz/threads.ts')
    const at = { inputs: 0, connections: 0 }
    const show = (): void => progress(`${at.inputs} inputs, ${at.connections} connections`)
    const [{ fuzz, growth }, hub] = await Promise.all([
      fuzzInThreads({ seed: SEED, count: INPUTS }, (inputs) => {
        at.inputs = inputs
        show()
      }),
      fuzzHub({ seed: SEED, count: CONNECTIONS }, (connections) => {
        at.connections = connections
        show()
      }),
    ])
    const [before, after] = hub.memory
    return {
      passed: missed.length === 0 && growth < MAX_GROWTH && after - before < MAX_GROWTH,
      rows: [
        ['inputs of the decoder, sequences among them', `${fuzz.inputs}, ${fuzz.sequences}`],
        ['… taken: nothing was wrong after all', `${fuzz.accepted}`],
        ['… packets of these written and read again', `${fuzz.rewritten}`],
        ['… refused; codes of errors seen', `${fuzz.inputs - fuzz.accepted}, ${Object.keys(fuzz.codes).length}`],
        [
          `functions of the decoder; blocks in them that ${COUNTED} inputs do not reach`,
          `${functions}, ${missed.length}`,
        ],
        ...missed.map((where) => ['… not reached', where] as const),
        ['connections to a server, in which a sequence was wrong', `${hub.connections}, ${hub.refused}`],
        ['… clients of 5.0 that were told why, in DISCONNECT', `${hub.told}`],
        ['… sequences that were answered to the end', `${hub.answered}`],
        ['memory of the decoder after its first inputs → at the end', `${mebibytes(growth)} more`],
        ['memory of the server after a third → at the end', `${mebibytes(before)} → ${mebibytes(after)}`],
        ['seed', `${SEED}`],
      ],
    }
  },
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
