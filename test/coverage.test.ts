/** What a proof says that it reached: a block that no run enters must be named. In a process of its own, as proofs are. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { runProof } from '../proofs/runner/run-proof.ts'

const COVERAGE = join(import.meta.dirname, '../proofs/mqtt-fuzz/coverage.ts')

const MODULE = `
// src/sign.ts
export function sign(x) {
  if (x < 0) return 'negative'
  return x > 0 ? 'positive' : 'zero'
}
export function never() {}
export function leftOut() {}
`

it('names functions and blocks that were not reached, by the source that the built file names', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'halyard-coverage-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, 'sign.mjs'), MODULE)
  writeFileSync(
    join(directory, 'sample.mts'),
    `import { coverageOf } from ${JSON.stringify(COVERAGE)}
    async function look(...numbers) {
      const run = async () => {
        const { sign } = await import('./sign.mjs?' + numbers)
        for (const number of numbers) sign(number)
      }
      const wish = { isMeant: (url) => url.endsWith('/sign.mjs'), isLeftOut: (_, name) => name === 'leftOut' }
      return JSON.stringify(await coverageOf(run, wish))
    }
    export const proof = { name: 'Sample', claim: 'It counts.', command: 'none', async run() {
      return { passed: true, rows: [['one', await look(1)]] }
    } }\n`,
  )
  const { verdict } = await runProof(join(directory, 'sample.mts'))
  expect(verdict.passed, JSON.stringify(verdict.rows)).toBe(true)
  const { functions, missed } = JSON.parse(verdict.rows[0]?.[1] ?? '') as { functions: number; missed: string[] }
  expect(functions).toBe(2)
  expect(missed).toEqual([
    "src/sign.ts: sign: return 'negative'",
    "src/sign.ts: sign: : 'zero'",
    'src/sign.ts: never: function never() {}',
  ])
})
