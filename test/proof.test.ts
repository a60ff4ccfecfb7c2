/** How a proof can end, and what `make proof` says of it. Real processes: each ending is one that a proof once had. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { runProof } from '../proofs/runner/run-proof.ts'

async function outcomeOf(body: string): Promise<{ passed: boolean; text: string; progress: string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'halyard-proof-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'sample.mts')
  writeFileSync(
    path,
    `export const proof = { name: 'Sample', claim: 'It ends.', command: 'none', async run(progress) { ${body} } }\n`,
  )
  const progress: string[] = []
  const { verdict } = await runProof(path, { progress: (doing: string) => progress.push(doing) })
  return { passed: verdict.passed, text: verdict.rows.map((row) => row.join(': ')).join('\n'), progress }
}

it('gives the verdict of a proof that comes to its end', async () => {
  const outcome = await outcomeOf(`progress('round 1'); return { passed: true, rows: [['rounds', '1']] }`)
  expect(outcome).toEqual({ passed: true, text: 'rounds: 1', progress: ['round 1'] })
})

it('fails with what a proof throws', async () => {
  const { passed, text } = await outcomeOf(`throw new Error('message 7 is lost')`)
  expect({ passed, text }).toEqual({ passed: false, text: 'error: message 7 is lost' })
})

it.each([
  [
    'waits for what never comes',
    'await new Promise(() => {})',
    'with 13 (it waited for something that nothing could bring any more) without a verdict',
  ],
  ['leaves the process', 'process.exit(0)', 'with 0 without a verdict'],
  [
    'is killed',
    `process.kill(process.pid, 'SIGKILL'); await new Promise((resolve) => setTimeout(resolve, 60_000))`,
    'by SIGKILL (the system does so when memory runs out) without a verdict',
  ],
  [
    'breaks beside its own path',
    `setImmediate(() => { throw new Error('aside') }); await new Promise((resolve) => setTimeout(resolve, 60_000))`,
    'with 1 without a verdict',
  ],
])('fails a proof that %s, and says what it was at', async (_name, body, ending) => {
  const { passed, text } = await outcomeOf(`progress('seed 3, round 4'); ${body}`)
  expect(passed).toBe(false)
  expect(text).toBe(`error: its process ended ${ending}\nit was at: seed 3, round 4`)
})
