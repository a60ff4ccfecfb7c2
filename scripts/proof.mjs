// `make proof [NAME …]`: runs each proof of proofs/*.ts, one after the other, each in a process of its own, and writes
// docs/proofs.md. A proof that cannot be run, or ends without a verdict, has failed.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { tsImport } from 'tsx/esm/api'
import { execute, root } from './lib/steps.mjs'

const { positionals: wanted } = parseArgs({ allowPositionals: true })
const { machine } = await tsImport('../bench/lib.ts', import.meta.url)
const { runProof } = await tsImport('../proofs/runner/run-proof.ts', import.meta.url)
const names = readdirSync(join(root, 'proofs'))
  .filter((file) => file.endsWith('.ts') && file !== 'proof.ts')
  .map((file) => file.slice(0, -3))
  .filter((name) => wanted.length === 0 || wanted.includes(name))
  .toSorted((a, b) => a.localeCompare(b))

const sections = []
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

for (const name of names) {
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
  sections.push(section(about, passed, all))
}

if (wanted.length === 0) {
  writeFileSync(join(root, 'docs/proofs.md'), page())
  await execute(['oxfmt', 'docs/proofs.md'])
  console.log('\ndocs/proofs.md is written')
}
at = ''
console.log(`${sections.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 && sections.length > 0 ? 0 : 1

/** On a terminal, in one line that the next one takes the place of. */
function show(doing) {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${doing}`)
}

/** One whose module could not even be read. */
function unknown(name) {
  return { name, claim: 'It could not be begun.', command: `npm run build && node scripts/proof.mjs ${name}` }
}

function section({ name, claim, command }, passed, rows) {
  const cell = (text) =>
    String(text)
      .replaceAll('|', String.raw`\|`)
      .replaceAll('\n', ' ')
  const table = rows.map(([what, figure]) => `| ${cell(what)} | ${cell(figure)} |`)
  return [
    `## ${name}`,
    '',
    `${claim} **${passed ? 'Holds.' : 'Does not hold.'}**`,
    '',
    '| what | figure |',
    '| --- | --- |',
    ...table,
    '',
    `Run alone: \`${command}\``,
    '',
  ].join('\n')
}

function page() {
  const date = new Date().toISOString().slice(0, 10)
  const head = ['# Proofs', '', 'Written by `make proof`; do not edit.', '', `${date} · ${machine(root)}`, '']
  return `${head.join('\n')}\n${sections.join('\n')}`
}
