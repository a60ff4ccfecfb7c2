// `make proof`, or `make proof ONLY="kill soak"`: runs each proof of proofs/*.ts, or those that are named, one after the
// other, each in a process of its own, and writes their sections of docs/proofs.md. A proof that cannot be run, or ends
// without a verdict, has failed. `node scripts/proof.mjs --no-page NAME` leaves the page alone: for one that is shortened.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { tsImport } from 'tsx/esm/api'
import { execute, root } from './lib/steps.mjs'

const PAGE = join(root, 'docs/proofs.md')

const { positionals: wanted, values } = parseArgs({
  allowPositionals: true,
  options: { 'no-page': { type: 'boolean', default: false } },
})
const { machine } = await tsImport('../bench/lib.ts', import.meta.url)
const { proofSection, proofsPage } = await tsImport('../proofs/runner/page.ts', import.meta.url)
const { runProof } = await tsImport('../proofs/runner/run-proof.ts', import.meta.url)
const names = readdirSync(join(root, 'proofs'))
  .filter((file) => file.endsWith('.ts') && file !== 'proof.ts')
  .map((file) => file.slice(0, -3))
  .toSorted((a, b) => a.localeCompare(b))
const strange = wanted.filter((name) => !names.includes(name))
if (strange.length > 0) {
  console.error(`there is no proof ${strange.join(', ')}; there are ${names.join(', ')}`)
  process.exit(1)
}

const sections = new Map()
let failed = 0
const stopped = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(name, () => {
    console.error(`\n${name}: the proofs end here, docs/proofs.md stays as it was`)
    stopped.abort()
    process.exit(1)
  })
}
let at = ''
process.on('exit', (code) => {
  if (at !== '') console.error(`the proofs ended early, with ${code}, at ${at}`)
})

for (const name of wanted.length === 0 ? names : names.filter((one) => wanted.includes(one))) {
  at = name
  const begun = performance.now()
  const { about = unknown(name), verdict } = await runProof(join(root, 'proofs', `${name}.ts`), {
    begun: ({ name: title, claim }) => console.log(`\n── ${title}\n${claim}`),
    progress: (doing) => show(doing),
    signal: stopped.signal,
  })
  show('')
  const { passed, rows } = verdict
  const all = [...rows, ['time', `${((performance.now() - begun) / 1000).toFixed(0)} s`]]
  for (const [what, figure] of all) console.log(`  ${what}: ${figure}`)
  console.log(passed ? 'holds' : 'DOES NOT HOLD')
  if (!passed) failed++
  const ran = `${new Date().toISOString().slice(0, 10)} · ${machine(root)}`
  sections.set(name, proofSection(about, { passed, rows: all }, ran))
}

if (!values['no-page']) {
  writeFileSync(PAGE, proofsPage(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '', sections, names))
  await execute(['oxfmt', PAGE])
  console.log('\ndocs/proofs.md is written')
}
at = ''
console.log(`${sections.size - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** On a terminal, in one line that the next one takes the place of. */
function show(doing) {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${doing}`)
}

/** One whose module could not even be read. */
function unknown(name) {
  return { name, claim: 'It could not be begun.', command: `npm run build && node scripts/proof.mjs ${name}` }
}
