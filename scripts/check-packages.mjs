// What users install: every package is packed, the tarballs are inspected (publint --strict, contents), installed into
// an empty project, and each door is opened by `import` and by `require()`, each command by `--help`. Nothing but Node
// and npm runs here, as at a user's.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const root = join(import.meta.dirname, '..')
const tarballs = join(root, '.cache/packages')
const manifests = readdirSync(join(root, 'packages')).map((folder) => {
  const directory = join(root, 'packages', folder)
  return { directory, manifest: JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) }
})

const packed = pack()
for (const { directory, manifest } of manifests) {
  await inspect(directory, manifest, packed.get(manifest.name))
}
install()

/** @returns {Map<string, { filename: string, files: { path: string }[] }>} */
function pack() {
  rmSync(tarballs, { recursive: true, force: true })
  mkdirSync(tarballs, { recursive: true })
  const output = npm(root, 'pack', '--workspaces', '--json', '--pack-destination', tarballs)
  const entries = Object.values(JSON.parse(output))
  return new Map(entries.map((entry) => [entry.name, entry]))
}

async function inspect(directory, manifest, { filename, files }) {
  const paths = files.map(({ path }) => path)
  assert(existsSync(join(directory, 'README.md')), `${manifest.name} has no README.md`)
  const strangers = paths.filter((path) => !/^(dist|src|bin)\/|^(README[.]md|LICENSE|package[.]json)$/.test(path))
  assert.deepEqual(strangers, [], `${manifest.name} packs what nobody needs`)
  for (const door of Object.values(manifest.exports ?? {})) {
    const types = readFileSync(join(directory, door.types), 'utf8')
    const names = /^\/\/\/ <reference lib="esnext[.]disposable"/.test(types) || types.startsWith('export {};')
    assert(
      names,
      `${manifest.name}: ${door.types} must start with /// <reference lib="esnext.disposable" preserve="true" />`,
    )
  }
  const tarball = readFileSync(join(tarballs, filename))
  const { messages } = await publint({
    strict: true,
    pack: { tarball: tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.length) },
  })
  const texts = messages.map((message) => formatMessage(message, manifest, { color: false }))
  assert.deepEqual(texts, [], `publint on ${manifest.name}`)
  console.log(`${manifest.name}: ${paths.length} files, ${Math.ceil(tarball.length / 1024)} KiB packed`)
}

function install() {
  const project = mkdtempSync(join(tmpdir(), 'halyard-install-'))
  try {
    const dependencies = Object.fromEntries(
      manifests.map(({ manifest }) => [manifest.name, `file:${join(tarballs, packed.get(manifest.name).filename)}`]),
    )
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'smoke', private: true, dependencies }))
    // What others publish comes from npm's cache, where `npm install` of this workspace has put it.
    npm(project, 'install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund')
    const installed = Object.keys(
      JSON.parse(readFileSync(join(project, 'node_modules/.package-lock.json'), 'utf8')).packages,
    )
    for (const { manifest } of manifests) {
      const copies = installed.filter((path) => path.endsWith(`node_modules/${manifest.name}`))
      assert.equal(copies.length, 1, `${manifest.name} is installed ${copies.length} times`)
      for (const door of Object.keys(manifest.exports ?? {})) openDoor(project, manifest.name + door.slice(1))
      for (const [command, file] of Object.entries(manifest.bin ?? {})) {
        execFileSync(process.execPath, [join(project, 'node_modules', manifest.name, file), '--help'], {
          cwd: project,
          timeout: 20_000,
        })
        console.log(`${command} --help`)
      }
    }
    checkTypes(project)
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}

/** Both ways must see the same names, and importing must print nothing and leave nothing running. */
function openDoor(project, specifier) {
  const run = (kind, source) =>
    execFileSync(process.execPath, ['--no-warnings', `--input-type=${kind}`, '--eval', source], {
      cwd: project,
      encoding: 'utf8',
      timeout: 20_000,
    }).trim()
  const names = run('module', `console.log(Object.keys(await import('${specifier}')).join())`)
  const required = run(
    'commonjs',
    `console.log(Object.keys(require('${specifier}')).filter((n) => n !== '__esModule').join())`,
  )
  assert.equal(required, names, `require('${specifier}') sees other names than import`)
  console.log(
    `${specifier}: ${names === '' ? 'types only' : `${names.split(',').length} names`}, by import and by require()`,
  )
}

/** A user's compiler, without our conditions, with an older library and with nothing skipped, reads every door's types. */
function checkTypes(project) {
  const doors = manifests.flatMap(({ manifest }) =>
    Object.keys(manifest.exports ?? {}).map((door) => manifest.name + door.slice(1)),
  )
  writeFileSync(join(project, 'doors.mts'), doors.map((door, i) => `export * as door${i} from '${door}'\n`).join(''))
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
  const typeRoots = ['--typeRoots', join(root, 'node_modules/@types')]
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [tsc, ...flags, ...typeRoots, 'doors.mts'], { cwd: project, stdio: 'inherit' })
  console.log(`types of ${doors.length} doors, as a user's compiler sees them`)
}

function npm(cwd, ...args) {
  const silent = { ...process.env, npm_config_loglevel: 'error', npm_config_update_notifier: 'false' }
  return execFileSync('npm', args, { cwd, env: silent, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}
