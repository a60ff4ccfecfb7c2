import { homedir } from 'node:os'
import { files, read, root } from './files.mjs'

const TEXT = /\.(ts|mts|mjs|cjs|js|json|jsonc|md|yml|yaml|hjson|sh|txt)$|\/(Makefile|run|[.]\w+)$/

/** Nothing in the project names a machine it was made on: no directory of it, no registry. */
export function checkPrivacy() {
  const places = [root, homedir()].filter((place) => place.length > 1).map((place) => escape(place))
  const machine = new RegExp(`(?<![\\w.~-])(${places.join('|')})/`)
  const registry = registryHost()
  const all = files(TEXT)
  const problems = []
  for (const path of all) {
    for (const [index, line] of read(path).split('\n').entries()) {
      if (machine.test(line)) problems.push(`${path}:${index + 1} names a directory of this machine`)
      if (registry !== undefined && line.includes(registry)) problems.push(`${path}:${index + 1} names a registry`)
      if (/"resolved": "https?:/.test(line)) problems.push(`${path}:${index + 1} names a registry; run: npm run lock`)
    }
  }
  return { done: `no trace of a machine in ${all.length} files`, problems }
}

/** npm tells what it uses to the scripts that it runs; the public registry is nobody's secret. */
function registryHost() {
  const registry = process.env['npm_config_registry']
  const host = registry === undefined ? undefined : new URL(registry).host
  return host === 'registry.npmjs.org' ? undefined : host
}

function escape(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
