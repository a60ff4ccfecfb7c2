// The documents tell the truth: error codes, links, paths and examples are compared with the code. Each check prints one
// line or names what is wrong; scripts/docs/ has one file per question.
import { checkConformance } from './docs/conformance.mjs'
import { checkErrors } from './docs/errors.mjs'
import { checkExamples } from './docs/examples.mjs'
import { checkLinks, checkPaths } from './docs/links.mjs'
import { checkPrivacy } from './docs/privacy.mjs'

const checks = [checkErrors, checkConformance, checkLinks, checkPaths, checkPrivacy, checkExamples]
let failed = 0
for (const check of checks) {
  const { done, problems } = await check()
  console.log(problems.length === 0 ? done : `${done}, ${problems.length} wrong:`)
  for (const problem of problems) console.log(`  ${problem}`)
  failed += problems.length
}
process.exitCode = failed === 0 ? 0 : 1
