// `make proof [NAME …]`: runs each proof of proofs/*.ts and writes docs/proofs.md. A proof that cannot be run has failed.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { tsImport } from 'tsx/esm/api'
import { execute, root } from './lib/steps.mjs'

const { positionals: wanted } = parseArgs({ allowPositionals: true })
const { machine } = await tsImport('../bench/lib.ts', import.meta.url)
const names = readdirSync(join(root, 'proofs'))
  .filter((file) => file.endsWith('.ts') && file !== 'proof.ts')
  .map((file) => file.slice(0, -3))
  .filter((name) => wanted.length === 0 || wanted.includes(name))
  .toSorted((a, b) => a.localeCompare(b))

const sections = []
let failed = 0
for (const name of names) {
  const { proof } = await tsImport(`../proofs/${name}.ts`, import.meta.url)
  console.log(`\n── ${proof.name}\n${proof.claim}`)
  const begun = performance.now()
  const { passed, rows } = await attempt(proof)
  const all = [...rows, ['time', `${((performance.now() - begun) / 1000).toFixed(0)} s`]]
  for (const [what, figure] of all) console.log(`  ${what}: ${figure}`)
  console.log(passed ? 'holds' : 'DOES NOT HOLD')
  if (!passed) failed++
  sections.push(section(proof, passed, all))
}

if (wanted.length === 0) {
  writeFileSync(join(root, 'docs/proofs.md'), page())
  await execute(['oxfmt', 'docs/proofs.md'])
  console.log('\ndocs/proofs.md is written')
}
console.log(`${sections.length - failed} passed, ${failed} failed`)
// A proof that stops a disk for ever leaves those who wait for it waiting.
process.exit(failed === 0 && sections.length > 0 ? 0 : 1)

async function attempt(proof) {
  try {
    return await proof.run()
  } catch (error) {
    console.error(error)
    return { passed: false, rows: [['error', error instanceof Error ? error.message : String(error)]] }
  }
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
