// Brings the lockfiles up to date without naming anyone's registry: versions and hashes say all that matters.
// (npm's own omit-lockfile-registry-resolved drops the versions of optional packages too.)
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The project, and the stock clients that are run against the hub; Node-RED apart, since it is seven times as large. */
const DIRECTORIES = ['.', 'interop', 'interop/node-red']

for (const directory of DIRECTORIES) {
  if (!process.argv.includes('--check')) update(directory)
  const wrong = Object.entries(read(directory).packages).filter(
    ([name, entry]) =>
      name &&
      !entry.link &&
      (!entry.version || /^https?:/.test(entry.resolved ?? '')) &&
      name.startsWith('node_modules/'),
  )
  if (wrong.length > 0) {
    const path = join(directory, 'package-lock.json')
    console.error(`${path}: ${wrong.length} entries without a version or with a registry's address; run: npm run lock`)
    process.exitCode = 1
  }
}

function update(directory) {
  const path = join(directory, 'package-lock.json')
  rmSync(path, { force: true })
  rmSync(join(directory, 'node_modules'), { recursive: true, force: true })
  execFileSync('npm', ['install', '--omit-lockfile-registry-resolved=false', '--no-audit', '--no-fund'], {
    cwd: directory,
    stdio: 'inherit',
  })
  const lock = read(directory)
  for (const entry of Object.values(lock.packages)) if (/^https?:/.test(entry.resolved ?? '')) delete entry.resolved
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
}

function read(directory) {
  return JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8'))
}
