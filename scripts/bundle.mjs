// The second half of `npm run build`: joins the modules of the packages that clients load to a few files, since a program that
// starts pays for every file it reads: docs/decisions/021-few-files-at-the-start.md. tsc has written the types by then.
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { rolldown } from 'rolldown'

const PACKAGES = ['wire', 'core', 'mqtt', 'emitter', 'hologram']
/**
 * What several doors of a package need at once is one file, so that there is one of each class and `instanceof` holds; what
 * Node.js alone can load is another. What a door asks for later, with `import()`, stays apart.
 */
const SHARED = { minShareCount: 2, tags: ['$initial'] }
const GROUPS = [
  { ...SHARED, name: 'shared', test: (id) => !isOfNode(id), priority: 2 },
  { ...SHARED, name: 'node-shared', test: isOfNode, priority: 1 },
]

await Promise.all(PACKAGES.map((name) => bundle(join(import.meta.dirname, '../packages', name))))

async function bundle(directory) {
  const { exports, imports, dependencies = {} } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const doors = sources([exports, imports]).map((path) => [path.replace(/^\.\/src\/|\.ts$/g, ''), path])
  const build = await rolldown({
    cwd: directory,
    input: Object.fromEntries(doors),
    platform: 'neutral',
    transform: { target: 'node20.19' },
    // Other packages stay packages, and which file a `#name` is, the platform decides.
    external: [/^(node:|#)/, ...Object.keys(dependencies).map((name) => new RegExp(`^${name}(/|$)`))],
    plugins: [{ name: 'ascii', renderChunk: (code) => ({ code: ascii(code), map: null }) }],
  })
  const { output } = await build.write({
    dir: 'dist',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: { groups: GROUPS },
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

function isOfNode(id) {
  return /[\\/]src[\\/]node[\\/]/.test(id)
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
