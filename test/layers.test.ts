/**
 * The layers hold, and each rule of .dependency-cruiser.cjs bites: a copy of the house, the rooms that come later
 * included, gets one violation for every rule, and dependency-cruiser must name that rule for that file.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cruise } from 'dependency-cruiser'
import type { ICruiseResult } from 'dependency-cruiser'
import extractConfig from 'dependency-cruiser/config-utl/extract-depcruise-config'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const { forbidden = [], options, ...rest } = await extractConfig(join(root, '.dependency-cruiser.cjs'))
const ruleNames = forbidden.map((rule) => rule.name ?? '')

/** [the rule, the file that breaks it, what it says] */
const violations: readonly (readonly [rule: string, file: string, source: string])[] = [
  ['wire-stands-alone', 'packages/wire/src/bad-node.ts', `import 'node:net'`],
  ['wire-stands-alone', 'packages/wire/src/bad-core.ts', `import type { Clock } from '@halyard/core'`],
  ['wire-stands-alone', 'packages/wire/src/bad-dependency.ts', `import 'pino'`],
  ['wire-services-apart', 'packages/wire/src/hologram/bad.ts', `import type {} from '../exp/index.ts'`],
  ['wire-services-apart', 'packages/wire/src/mqtt/bad.ts', `import '../emitter/index.ts'`],
  ['wire-mqtt-services-apart', 'packages/wire/src/ttn/bad.ts', `import '../emitter/index.ts'`],
  ['wire-root-below-services', 'packages/wire/src/bad-root.ts', `import './hologram/index.ts'`],
  ['core-imports-wire-root-at-most', 'packages/core/src/bad-wire.ts', `import '@halyard/wire/hologram'`],
  ['core-imports-wire-root-at-most', 'packages/core/src/bad-client.ts', `import type {} from '@halyard/hologram'`],
  ['core-node-alone-imports-node', 'packages/core/src/bad-node.ts', `import type { Socket } from 'node:net'`],
  ['core-node-alone-imports-node', 'packages/core/src/outbox/bad-pino.ts', `import 'pino'`],
  ['core-node-through-storage-only', 'packages/core/src/bad-storage.ts', `import { x } from './node/disk.ts'`],
  ['client-hologram', 'packages/hologram/src/bad-wire.ts', `import '@halyard/wire/exp'`],
  ['client-hologram', 'packages/hologram/src/bad-client.ts', `import '@halyard/emitter'`],
  ['hologram-loads-network-lazily', 'packages/hologram/src/bad-network.ts', `import '@halyard/network'`],
  ['client-emitter', 'packages/emitter/src/bad.ts', `import '@halyard/ttn'`],
  ['emitter-runs-in-browsers', 'packages/emitter/src/bad-node.ts', `import type { Socket } from 'node:net'`],
  ['emitter-runs-in-browsers', 'packages/emitter/src/bad-ws.ts', `import 'ws'`],
  ['emitter-loads-lazily', 'packages/emitter/src/settings.ts', `import '@halyard/wire/emitter'`],
  ['emitter-loads-lazily', 'packages/emitter/src/emitter.ts', `import '@halyard/mqtt'`],
  ['client-ttn', 'packages/ttn/src/bad.ts', `import '@halyard/wire/hologram'`],
  ['client-exp', 'packages/exp/src/bad.ts', `import '@halyard/mqtt'`],
  ['client-mqtt', 'packages/mqtt/src/bad.ts', `import '@halyard/wire/emitter'`],
  ['mqtt-node-alone-imports-node', 'packages/mqtt/src/bad-node.ts', `import type { Socket } from 'node:net'`],
  ['mqtt-node-alone-imports-node', 'packages/mqtt/src/browser/bad-ws.ts', `import 'ws'`],
  ['mqtt-node-imports-ws-at-most', 'packages/mqtt/src/node/bad-pino.ts', `import 'pino'`],
  ['mqtt-node-through-dial-only', 'packages/mqtt/src/bad-dial.ts', `import { dial } from './node/dial.ts'`],
  ['mqtt-loads-tls-and-ws-lazily', 'packages/mqtt/src/node/bad-tls.ts', `import 'node:tls'`],
  ['mqtt-loads-tls-and-ws-lazily', 'packages/mqtt/src/node/bad-ws.ts', `import { WebSocket } from 'ws'`],
  ['mqtt-loads-tls-and-ws-lazily', 'packages/mqtt/src/node/bad-load.ts', `import './websocket.ts'`],
  ['client-network', 'packages/network/src/bad.ts', `import type {} from '@halyard/ttn'`],
  ['network-takes-types-of-hologram', 'packages/network/src/bad-code.ts', `import '@halyard/hologram'`],
  ['no-client-imports-the-hub', 'packages/exp/src/bad-hub.ts', `import type {} from '@halyard/hub'`],
  ['hub-domain-alone', 'packages/hub/src/domain/bad-node.ts', `import 'node:fs'`],
  ['hub-domain-alone', 'packages/hub/src/domain/bad-core.ts', `import type { Clock } from '@halyard/core'`],
  ['hub-domain-alone', 'packages/hub/src/domain/bad-service.ts', `import type {} from '../hologram/index.ts'`],
  ['hub-services-apart', 'packages/hub/src/hologram/bad-wire.ts', `import '@halyard/wire/ttn'`],
  ['hub-services-apart', 'packages/hub/src/ttn/bad-service.ts', `import type {} from '../hologram/index.ts'`],
  ['hub-rest-on-domain', 'packages/hub/src/rest/bad-service.ts', `import type {} from '../hologram/index.ts'`],
  ['hub-rest-on-domain', 'packages/hub/src/rest/bad-store.ts', `import type {} from '../store/index.ts'`],
  ['hub-rest-on-domain', 'packages/hub/src/rest/bad-root.ts', `import '../secrets.ts'`],
  ['hub-rest-on-domain', 'packages/hub/src/rest/bad-wire.ts', `import '@halyard/wire/hologram'`],
  ['hub-rest-on-domain', 'packages/hub/src/rest/bad-dependency.ts', `import 'pino'`],
  ['hub-dialect-is-types', 'packages/hub/src/emitter/bad.ts', `import '../mqtt/dialect.ts'`],
  ['hub-adapters-from-roots-only', 'packages/hub/src/hologram/bad-store.ts', `import type {} from '../store/index.ts'`],
  ['hub-adapters-from-roots-only', 'packages/hub/src/bad-listen.ts', `import './listen/index.ts'`],
  ['hub-adapters-from-roots-only', 'packages/hub/src/admin/bad-store.ts', `import '../store/index.ts'`],
  ['hub-admin-does-not-listen', 'packages/hub/src/admin/bad-listen.ts', `import type {} from '../listen/index.ts'`],
  ['hub-admin-does-not-listen', 'packages/hub/src/admin/bad-service.ts', `import '../hologram/index.ts'`],
  ['hub-adapters-apart', 'packages/hub/src/listen/bad.ts', `import '../store/index.ts'`],
  ['hub-imports-no-client', 'packages/hub/src/bad-client.ts', `import '@halyard/hologram'`],
  ['cli-loads-lazily', 'packages/cli/src/bad-hub.ts', `import '@halyard/hub'`],
  ['cli-loads-lazily', 'packages/cli/src/bad-testkit.ts', `export { x } from '@halyard/testkit'`],
  ['cli-loads-heavy-modules-lazily', 'packages/cli/src/bad-pino.ts', `import 'pino'`],
  ['testkit-below-the-products', 'packages/testkit/src/bad.ts', `import '@halyard/hologram'`],
  ['testkit-takes-types-of-hub', 'packages/testkit/src/bad-hub.ts', `import '@halyard/hub'`],
  ['no-deep-imports', 'packages/hub/src/bad-deep.ts', `import '../../core/src/clock.ts'`],
  ['no-deep-imports', 'packages/hologram/test/bad-deep.test.ts', `import '../../core/src/clock.ts'`],
  ['no-relative-imports-across-packages', 'packages/hub/src/bad-path.ts', `import '../../core/src/index.ts'`],
  ['no-deep-imports-from-outside', 'examples/bad.ts', `import '../packages/core/src/clock.ts'`],
  ['no-import-of-own-index', 'packages/core/src/bad-index.ts', `import type { Clock } from './index.ts'`],
  ['no-import-of-own-index', 'packages/exp/src/bad-self.ts', `import '@halyard/exp'`],
  ['no-import-of-own-folder-index', 'packages/wire/src/hologram/bad-index.ts', `import './index.ts'`],
  ['no-cycles', 'packages/core/src/bad-cycle.ts', `import type { B } from './cycle-end.ts'; export type A = B`],
  ['no-sources-from-tests', 'packages/hub/src/bad-test.ts', `import '../test/help.ts'`],
  ['no-unresolvable', 'packages/hub/src/bad-nowhere.ts', `import './nowhere.ts'`],
]

/** What the violations lead to, and what must not be taken for one. */
const scenery: Readonly<Record<string, string>> = {
  'packages/core/src/cycle-end.ts': `import type { A } from './bad-cycle.ts'; export type B = A`,
  'packages/hub/test/help.ts': `export {}`,
  'packages/hub/src/mqtt/dialect.ts': `export {}`,
  'packages/hub/src/store/index.ts': `export {}`,
  'packages/hub/src/listen/index.ts': `export {}`,
  'packages/hub/src/hologram/index.ts': `export {}`,
  'packages/hub/src/emitter/good.ts': `import type {} from '../mqtt/dialect.ts'`,
  'packages/hub/src/ttn/good.ts': `import '@halyard/wire/ttn'; import '@halyard/wire'; import '@halyard/core/node'`,
  'packages/emitter/src/good.ts': `import '@halyard/mqtt'; import '@halyard/core'; import '@halyard/wire/emitter'`,
  'packages/network/src/good.ts': `import type {} from '@halyard/hologram'`,
  'packages/hologram/src/good.ts': `export const load = () => import('@halyard/network')`,
  'packages/cli/src/good.ts': `import type {} from '@halyard/hub'; export const load = () => import('@halyard/hub')`,
  'packages/testkit/src/good.ts': `import type {} from '@halyard/hub'; import '@halyard/core'`,
  'packages/core/src/outbox/good.ts': `export { openStore } from '#storage'`,
  'packages/mqtt/src/good.ts': `export { dial } from '#dial'`,
  'packages/mqtt/src/node/good.ts': `import 'node:net'; export const load = () => import('./tls.ts')`,
  'packages/core/src/node/storage.ts': `import 'node:fs'; export const openStore = 1`,
  'packages/wire/src/ttn/good.ts': `import '../mqtt/index.ts'; import '../errors.ts'`,
}

const wireFolders = ['hologram', 'emitter', 'ttn', 'exp', 'mqtt', 'at']
const clients = ['hologram', 'emitter', 'ttn', 'exp', 'network', 'mqtt']
const house = realpathSync(mkdtempSync(join(tmpdir(), 'halyard-layers-')))
let found: readonly string[] = []

beforeAll(async () => {
  build()
  found = await violationsIn(house, ['packages', 'examples'])
}, 60_000)
afterAll(() => rmSync(house, { recursive: true, force: true }))

test('the house as it stands breaks no rule', async () => {
  const present = new Set(readdirSync(root))
  const places = ['packages', 'examples', 'bench', 'proofs', 'scripts', 'test'].filter((place) => present.has(place))
  expect(await violationsIn(root, places)).toEqual([])
}, 60_000)

test.each(violations)('%s is named for %s', (rule, file) => {
  expect(found).toContain(`${rule}: ${file}`)
})

test('what is allowed is not taken for a violation', () => {
  expect(found.filter((line) => line.includes('/good'))).toEqual([])
})

test('every rule has a violation that proves it', () => {
  expect([...new Set(violations.map(([rule]) => rule))].toSorted()).toEqual(ruleNames.toSorted())
})

function build(): void {
  for (const name of readdirSync(join(root, 'packages'))) {
    for (const part of ['src', 'package.json']) {
      cpSync(join(root, 'packages', name, part), join(house, 'packages', name, part), { recursive: true })
    }
  }
  // Rooms that are not built yet: their rules must hold from the first file on.
  for (const name of [...clients, 'hub', 'testkit', 'cli']) add(`packages/${name}/src/index.ts`, 'export {}')
  for (const name of wireFolders) add(`packages/wire/src/${name}/index.ts`, 'export {}')
  for (const name of clients) {
    const path = `packages/${name}/package.json`
    if (!existsSync(join(house, path))) add(path, manifest(name, ['.']))
  }
  add('packages/wire/package.json', manifest('wire', ['.', ...wireFolders.map((folder) => `./${folder}`)]))
  for (const name of ['pino', 'ws']) {
    add(`node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' }))
    add(`node_modules/${name}/index.js`, '')
  }
  add('package.json', JSON.stringify({ name: 'halyard', workspaces: ['packages/*'], type: 'module' }))
  mkdirSync(join(house, 'node_modules/@halyard'), { recursive: true })
  for (const name of readdirSync(join(house, 'packages'))) {
    symlinkSync(join(house, 'packages', name), join(house, 'node_modules/@halyard', name))
  }
  for (const [file, source] of Object.entries(scenery)) add(file, source)
  for (const [, file, source] of violations) add(file, source)
}

function add(file: string, content: string): void {
  mkdirSync(dirname(join(house, file)), { recursive: true })
  writeFileSync(join(house, file), content)
}

function manifest(name: string, doors: readonly string[]): string {
  const exports = Object.fromEntries(
    doors.map((door) => [door, { '@halyard/source': `${door.replace('.', './src')}/index.ts` }]),
  )
  return JSON.stringify({ name: `@halyard/${name}`, version: '0.1.0', type: 'module', exports })
}

async function violationsIn(baseDir: string, places: string[]): Promise<string[]> {
  const { output } = await cruise(
    places,
    { ...options, baseDir, validate: true, ruleSet: { forbidden, ...rest } },
    options?.enhancedResolveOptions,
  )
  return (output as ICruiseResult).summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`)
}
