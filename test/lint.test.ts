/** The lint rules that the house stands on bite: each gets one file that breaks it, and oxlint must name the rule there. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const house = mkdtempSync(join(tmpdir(), 'halyard-lint-'))

/** [the rule, the file, what it says] */
const violations: readonly (readonly [rule: string, file: string, source: string])[] = [
  ['no-floating-promises', 'packages/hub/src/floating.ts', `export function f() { Promise.resolve(1) }`],
  ['no-misused-promises', 'packages/hub/src/misused.ts', `setImmediate(async () => {})`],
  [
    'switch-exhaustiveness-check',
    'packages/hub/src/switch.ts',
    `export function f(x: 'a' | 'b') { switch (x) { case 'a': return 1 } return 2 }`,
  ],
  ['only-throw-error', 'packages/hub/src/throw.ts', `export function f() { throw 'text' }`],
  ['no-explicit-any', 'packages/hub/src/any.ts', `export const f = (x: any) => x`],
  ['no-default-export', 'packages/hub/src/default.ts', `export default 1`],
  ['filename-case', 'packages/hub/src/camelCase.ts', `export const a = 1`],
  ['max-lines', 'packages/hub/src/long.ts', Array.from({ length: 401 }, (_, i) => `export const a${i} = 1`).join('\n')],
  ['no-console', 'packages/hub/src/console.ts', `export const f = () => console.log('x')`],
  ['no-restricted-globals', 'packages/hub/src/stack.ts', `export const f = () => new AsyncDisposableStack()`],
  ['no-restricted-globals', 'packages/hub/src/socket.ts', `export const f = (url: string) => new WebSocket(url)`],
  ['no-restricted-globals', 'packages/wire/src/date.ts', `export const f = () => Date.now()`],
  ['no-restricted-globals', 'packages/wire/src/timer.ts', `export const f = () => setTimeout(() => {}, 1)`],
  ['no-restricted-globals', 'packages/wire/src/buffer.ts', `export const f = () => Buffer.alloc(1)`],
  ['no-restricted-globals', 'packages/wire/src/crypto.ts', `export const f = () => crypto.randomUUID()`],
  ['no-restricted-properties', 'packages/wire/src/random.ts', `export const f = () => Math.random()`],
  ['no-restricted-globals', 'packages/core/src/process.ts', `export const f = () => process.pid`],
  ['no-restricted-globals', 'packages/core/src/outbox/buffer.ts', `export const f = () => Buffer.alloc(1)`],
]

/** What those rules must leave alone. */
const allowed: Readonly<Record<string, string>> = {
  'packages/core/src/node/process.ts': `export const f = () => Buffer.alloc(process.pid)`,
  'packages/cli/src/speak.ts': `export const f = () => console.log('x')`,
  'vitest.config.ts': `export default {}`,
}

interface Diagnostic {
  readonly code: string
  readonly filename: string
}
let found: readonly string[] = []

beforeAll(() => {
  cpSync(join(root, '.oxlintrc.json'), join(house, '.oxlintrc.json'))
  symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'))
  add('tsconfig.json', JSON.stringify({ compilerOptions: { strict: true, types: ['node'], module: 'nodenext' } }))
  for (const [, file, source] of violations) add(file, `${source}\n`)
  for (const [file, source] of Object.entries(allowed)) add(file, `${source}\n`)
  const command = join(root, 'node_modules/.bin/oxlint')
  const { stdout } = spawnSync(command, ['-f', 'json', 'packages', 'vitest.config.ts'], {
    cwd: house,
    encoding: 'utf8',
  })
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly Diagnostic[] }
  found = diagnostics.map(({ code, filename }) => `${/\(([^)]+)\)/.exec(code)?.[1]}: ${filename}`)
}, 60_000)
afterAll(() => rmSync(house, { recursive: true, force: true }))

test.each(violations)('%s is named for %s', (rule, file) => {
  expect(found).toContain(`${rule}: ${file}`)
})

test('what is allowed is left alone', () => {
  expect(found.filter((line) => Object.keys(allowed).some((file) => line.endsWith(`: ${file}`)))).toEqual([])
})

function add(file: string, content: string): void {
  mkdirSync(dirname(join(house, file)), { recursive: true })
  writeFileSync(join(house, file), content)
}
