// `npm run bench [NAME …]`: each bench/*.bench.ts in a process of its own, so that none warms up another. It prints its
// tables and ends with 1 if it missed a goal.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { tsImport } from 'tsx/esm/api'

const { machine } = await tsImport('./lib.ts', import.meta.url)
const wanted = process.argv.slice(2)
const files = readdirSync(import.meta.dirname)
  .filter(
    (file) => file.endsWith('.bench.ts') && (wanted.length === 0 || wanted.includes(file.replace('.bench.ts', ''))),
  )
  .toSorted((a, b) => a.localeCompare(b))

if (files.length === 0) {
  console.error(wanted.length === 0 ? 'there is no benchmark yet' : `no benchmark is called ${wanted.join(' or ')}`)
  process.exit(1)
}
console.log(`${new Date().toISOString().slice(0, 10)} · ${machine()}`)
const missed = files.filter((file) => {
  const { status } = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', join(import.meta.dirname, file)], {
    stdio: 'inherit',
  })
  return status !== 0
})
if (missed.length > 0) {
  console.error(`\nmissed or failed: ${missed.join(', ')}`)
  process.exitCode = 1
}
