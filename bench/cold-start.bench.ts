/** What every start on a small machine pays: time over bare Node, files and bytes installed. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { report, table } from './lib.ts'
import { workspace } from './workspace.ts'

const root = join(import.meta.dirname, '..')
const scripts = workspace('start')
mkdirSync(join(scripts, 'node_modules'), { recursive: true })

function script(name: string, text: string): string {
  const path = join(scripts, `${name}.mjs`)
  writeFileSync(path, text)
  return path
}

/** Milliseconds for a whole process. */
function start(...args: string[]): number {
  const begun = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return performance.now() - begun
}

const empty = script('empty', '')
const door = join(root, 'packages/hologram/dist/index.js')
const hologram = script('hologram', `await import(${JSON.stringify(door)})`)
const cli = join(root, 'packages/cli/dist/main.js')

/** The medians' difference, from runs that take turns. */
function overBareNode(...args: string[]): () => number {
  return () => {
    const differences = Array.from({ length: 9 }, () => start(...args) - start(empty))
    return differences.toSorted((a, b) => a - b)[4] ?? Number.NaN
  }
}

const met = [
  await report({
    name: "import('@halyard/hologram') over bare Node",
    unit: 'ms',
    better: 'lower',
    goal: { figure: 25 },
    peer: "import of 'node:net' alone",
    contenders: [
      { name: '@halyard/hologram', run: overBareNode(hologram) },
      { name: "import of 'node:net' alone", run: overBareNode(script('net', `await import('node:net')`)) },
    ],
  }),
  await report({
    name: 'halyard send --help over bare Node',
    unit: 'ms',
    better: 'lower',
    goal: { figure: 60 },
    peer: 'npm --version',
    contenders: [
      { name: 'halyard send --help', run: overBareNode(cli, 'send', '--help') },
      {
        name: 'npm --version',
        run() {
          const begun = performance.now()
          execFileSync('npm', ['--version'], { stdio: 'ignore' })
          return performance.now() - begun - start(empty)
        },
      },
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
