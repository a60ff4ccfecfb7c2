import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execute, root } from './steps.mjs'

/**
 * Runs vitest and counts its tests from its report; a run that ends badly without a failed test counts as one failure,
 * and so does a skipped test: what cannot be tried here is no proof.
 * @param {string} name of the report
 * @param {string[]} args
 */
export async function runTests(name, ...args) {
  const report = join(root, `.cache/${name}.json`)
  mkdirSync(join(root, '.cache'), { recursive: true })
  rmSync(report, { force: true })
  const status = await execute([
    'vitest',
    'run',
    '--reporter=dot',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...args,
  ])
  if (!existsSync(report)) return { passed: 0, failed: 1 }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'))
  const skipped = numPendingTests + numTodoTests
  if (skipped > 0) console.log(`${skipped} tests were skipped; a test that cannot run must fail`)
  const failed = numFailedTests + skipped
  return { passed: numPassedTests, failed: status !== 0 && failed === 0 ? 1 : failed }
}
