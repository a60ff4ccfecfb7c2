/** A directory for one contender's files, on the disk that is measured: where the project lies, not a RAM disk. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const made: string[] = []
process.on('exit', () => made.forEach((path) => rmSync(path, { recursive: true, force: true })))

export function workspace(name: string): string {
  const path = mkdtempSync(join(import.meta.dirname, `.${name}-`))
  made.push(path)
  return path
}
