import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** What .gitignore names, and what is not ours; no git is needed to check a tree. */
const IGNORED = new Set(['node_modules', 'dist', 'coverage', '.cache', '.git', 'halyard-data'])

/** Paths of all files of the project, relative to its root. */
export function files(pattern, directory = root) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (IGNORED.has(entry.name) || path === join(root, 'docs/api')) return []
    if (entry.isDirectory()) return files(pattern, path)
    return entry.isFile() && pattern.test(path) ? [relative(root, path)] : []
  })
}

export function read(path) {
  return readFileSync(join(root, path), 'utf8')
}
