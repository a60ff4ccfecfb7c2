/** How this program is called again, so that a line which is shown can be pasted. */
import { realpathSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Surroundings {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The file that runs. */
  readonly script: string
}

/** `halyard` if a shell finds this program by its name, `npx halyard` if npm does from here, else the whole command. */
export function commandName({ cwd, environment, script }: Surroundings): string {
  const home = packageOf(script)
  // npm puts its folders in front of PATH for the programs it starts; the user's shell does not have them.
  const folders = (environment['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !/node_modules[/\\][.]bin$/.test(folder))
  if (folders.some((folder) => leadsTo(join(folder, 'halyard'), home))) return 'halyard'
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (leadsTo(join(folder, 'node_modules', '.bin', 'halyard'), home)) return 'npx halyard'
    if (folder === dirname(folder)) break
  }
  const path = relative(cwd, script)
  return `node ${quote(path.startsWith('..') ? script : path)}`
}

/** The directory of the package in which a file of `bin` or `dist` lies. */
function packageOf(script: string): string {
  return dirname(dirname(realpathOf(script) ?? script))
}

function leadsTo(file: string, home: string): boolean {
  const target = realpathOf(file)
  return target !== undefined && packageOf(target) === home
}

function realpathOf(file: string): string | undefined {
  try {
    return realpathSync(file)
  } catch {
    return undefined
  }
}

/** One word for a shell. */
export function quote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** The entry of this package that runs. */
export function ownScript(): string {
  return fileURLToPath(new URL('../main.js', import.meta.url))
}
