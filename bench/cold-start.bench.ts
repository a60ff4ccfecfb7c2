/** What every start on a small machine pays: time over bare Node, files and bytes installed. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { report, startTime, startTimeOver, table } from './lib.ts'
import { programs } from './workspace.ts'

const root = join(import.meta.dirname, '..')
const script = programs('start')
const empty = script('empty', '')
const door = join(root, 'packages/hologram/dist/index.js')
const hologram = script('hologram', `await import(${JSON.stringify(door)})`)
const cli = [process.execPath, join(root, 'packages/cli/dist/main.js')]
const over = (words: readonly string[]) => (): number => startTimeOver(empty, words)

const met = [
  await report({
    name: "import('@halyard/hologram') over bare Node",
    unit: 'ms',
    better: 'lower',
    goal: { figure: 25 },
    peer: "import of 'node:net' alone",
    contenders: [
      { name: '@halyard/hologram', run: over(hologram) },
      { name: "import of 'node:net' alone", run: over(script('net', `await import('node:net')`)) },
    ],
  }),
  await report({
    name: 'halyard send --help over bare Node',
    unit: 'ms',
    better: 'lower',
    goal: { figure: 60 },
    peer: 'npm --version',
    contenders: [
      { name: 'halyard send --help', run: over([...cli, 'send', '--help']) },
      { name: 'npm --version', run: () => startTime(['npm', '--version']) - startTime(empty) },
    ],
  }),
]

console.log('\ninstalled size, without development tools')
console.log(
  table(
    ['', 'packages', 'files', 'MB'],
    ['hologram', 'hub', 'cli'].map((name) => installed(name)),
  ),
)
process.exitCode = met.includes(false) ? 1 : 0

/** What `npm install` of a package brings: its own files as they are packed, and all that it depends on. */
function installed(name: string): string[] {
  const packages = new Map<string, string>()
  const visit = (directory: string): void => {
    const { name: own, dependencies = {} } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
      name: string
      dependencies?: Record<string, string>
    }
    if (packages.has(own)) return
    packages.set(own, directory)
    for (const dependency of Object.keys(dependencies)) visit(find(dependency, directory))
  }
  visit(join(root, 'packages', name))
  const files = [...packages.values()].flatMap((directory) =>
    filesOf(directory, directory.startsWith(join(root, 'packages'))),
  )
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
  return [
    name === 'cli' ? 'halyard' : `@halyard/${name}`,
    String(packages.size),
    String(files.length),
    (bytes / 1e6).toFixed(1),
  ]
}

function find(name: string, from: string): string {
  for (const base of [from, root]) {
    const path = join(base, 'node_modules', name)
    try {
      statSync(path)
      return path
    } catch {
      // One level up.
    }
  }
  throw new Error(`${name} is not installed`)
}

/** Of ours only what is packed. */
function filesOf(directory: string, ours: boolean): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.name === 'node_modules' || (ours && ['test', 'coverage'].includes(entry.name))) return []
    if (entry.isDirectory()) return filesOf(path, ours)
    return entry.name.endsWith('.tsbuildinfo') ? [] : [path]
  })
}
