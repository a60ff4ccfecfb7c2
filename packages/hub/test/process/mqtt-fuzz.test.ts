import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { runProof } from '../../../../proofs/runner/run-proof.ts'

const PROOF = join(import.meta.dirname, '../../../../proofs/mqtt-fuzz.ts')

/** `make proof` does it two hundred times longer. Of what is built: V8 counts blocks as they run. */
it('mutated MQTT reaches every block of the decoder, and neither it nor a server minds', async () => {
  vi.stubEnv('MQTT_FUZZ_INPUTS', '50000')
  const { verdict } = await runProof(PROOF)
  const rows = Object.fromEntries(verdict.rows)
  expect(verdict.passed, JSON.stringify(rows, undefined, 2)).toBe(true)
  expect(rows['functions of the decoder; blocks in them that 50000 inputs do not reach']).toMatch(/^1\d\d, 0$/)
  expect(rows['connections to a server, in which a sequence was wrong']).toMatch(/^500, [1-9]/)
})
