// The second half of `npm run build`: joins the modules of the packages that clients load to a few files, since a program that
// starts pays for every file it reads: docs/decisions/021-few-files-at-the-start.md. tsc has written the types by then.
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { rolldown } from 'rolldown'

const PACKAGES = ['wire', 'core', 'mqtt', 'emitter', 'hologram']
/**
 * What several doors of a package need at once is one file, so that there is one of each class and `instanceof` holds, and what
 * Node.js alone can load is no part of it. What a door asks for later, with `import()`, stays apart.
 */
const SHARED = {
  name: 'shared',
  test: (id) => !/[\\/]src[\\/]node[\\/]/.test(id),
  minShareCount: 2,
  tags: ['$initial'],
}

await Promise.all(PACKAGES.map((name) => bundle(join(import.meta.dirname, '../packages', name))))

async function bundle(directory) {
  const { exports, imports, dependencies = {} } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const doors = sources([exports, imports]).map((path) => [path.replace(/^\.\/src\/|\.ts$/g, ''), path])
  const build = await rolldown({
    cwd: directory,
    input: Object.fromEntries(doors),
    platform: 'neutral',
    // A door may lend a later file what it has, under a name that its types do not tell: a file less.
    preserveEntrySignatures: 'allow-extension',
    transform: { target: 'node20.19' },
    // Other packages stay packages, and which file a `#name` is, the platform decides.
    external: [/^(node:|#)/, ...Object.keys(dependencies).map((name) => new RegExp(`^${name}(/|$)`))],
    plugins: [{ name: 'tidy', renderChunk: (code) => ({ code: ascii(withoutTwins(code)), map: null }) }],
  })
  const { output } = await build.write({
    dir: 'dist',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: { groups: [SHARED] },
    // Nothing is made shorter than it is written: people read stack traces.
    minify: false,
    minifyInternalExports: false,
    // The types have them.
    comments: { jsdoc: false },
    sourcemap: true,
    // The sources are in the package.
    sourcemapExcludeSources: true,
  })
  await build.close()
  removeOthers(join(directory, 'dist'), new Set(output.map(({ fileName }) => join(fileName))))
}

/** The sources that package.json names, under whatever condition. */
function sources(tree) {
  if (typeof tree === 'string') return tree.startsWith('./src/') ? [tree] : []
  return Object.values(tree ?? {}).flatMap(sources)
}

/**
 * What a door exports anyway needs no second name for the files behind it: `export { Outbox, Outbox as Outbox$1 }` there, and
 * `import { Outbox$1 as Outbox }` here. Imports of other packages may have such names too. Two things of one name in a file
 * would look the same to who imports the second: then there is no build.
 */
function withoutTwins(code) {
  const between = /^export \{.*\};$|^import \{.*\} from "\.\.?\/.*";$/gm
  return code.replace(between, (line) => {
    if (line.startsWith('import')) return line.replace(/\b(\w+)\$1 as \1\b/g, '$1')
    const names = line.replace(/, (\w+) as \1\$1(?=[, ])/g, '')
    const other = /\w+\$\d+(?=,| \})/.exec(names)
    if (other !== null) throw new Error(`two modules export a ${other[0].replace(/\$\d+$/, '')}; rename one of them`)
    return names
  })
}

/** One character beyond, and V8 reads the whole file as text of two bytes a character: a fifth of the start. */
function ascii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** What an earlier build left; the types are tsc's. */
function removeOthers(dist, written) {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && /\.js(\.map)?$/.test(entry.name) && !written.has(relative(dist, path))) rmSync(path)
  }
}
