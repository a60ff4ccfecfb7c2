// Brings package-lock.json up to date without naming anyone's registry: versions and hashes say all that matters.
// (npm's own omit-lockfile-registry-resolved drops the versions of optional packages too.)
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'

if (!process.argv.includes('--check')) {
  rmSync('package-lock.json', { force: true })
  rmSync('node_modules', { recursive: true, force: true })
  execFileSync('npm', ['install', '--omit-lockfile-registry-resolved=false', '--no-audit', '--no-fund'], {
    stdio: 'inherit',
  })
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  for (const entry of Object.values(lock.packages)) if (/^https?:/.test(entry.resolved ?? '')) delete entry.resolved
  writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
}
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const wrong = Object.entries(lock.packages).filter(
  ([name, entry]) =>
    name &&
    !entry.link &&
    (!entry.version || /^https?:/.test(entry.resolved ?? '')) &&
    name.startsWith('node_modules/'),
)
if (wrong.length > 0) {
  console.error(
    `package-lock.json: ${wrong.length} entries without a version or with a registry's address; run: npm run lock`,
  )
  process.exit(1)
}
