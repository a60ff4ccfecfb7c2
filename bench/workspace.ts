/** A directory for one contender's files, on the disk that is measured: where the project lies, not a RAM disk. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const made: string[] = []
process.on('exit', () => made.forEach((path) => rmSync(path, { recursive: true, force: true })))

export function workspace(name: string): string {
  const path = mkdtempSync(join(import.meta.dirname, `.${name}-`))
  made.push(path)
  return path
}

/** Programs of a few lines: `programs('start')('empty', '')` is the command that runs one, in Node, as a module. */
export function programs(name: string): (file: string, text: string) => readonly string[] {
  const directory = workspace(name)
  return (file, text) => {
    const path = join(directory, `${file}.mjs`)
    writeFileSync(path, text)
    return [process.execPath, path]
  }
}
