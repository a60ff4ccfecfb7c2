import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { execute, root } from './steps.mjs'

/** Why nothing must be installed, or undefined if something must: npm writes its own lockfile when it has finished. */
export function upToDate() {
  const installed = join(root, 'node_modules/.package-lock.json')
  const wanted = join(root, 'package-lock.json')
  const fresh = existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs
  return fresh ? 'up to date' : undefined
}

/**
 * Not `npm ci`, which refuses a lockfile whose optional packages for other platforms a registry does not carry;
 * `--no-save` leaves the lockfile as it is all the same.
 */
export const install = ['npm', 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href && upToDate() === undefined) {
  process.exitCode = (await execute(install)) === 0 ? 0 : 1
}
