import { access, constants, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { run } from './spawn.ts'

const home = new URL('../../', import.meta.url)
const fileOf = (name: string): string => fileURLToPath(new URL(name, home))
const manifest = JSON.parse(await readFile(new URL('package.json', home), 'utf8')) as {
  version: string
  bin: Record<string, string>
}

test('every command of the package is there, executable, and explains itself', async () => {
  const scripts = ['send', 'sms', 'receive'].flatMap((name) => [`hologram-${name}`, `hologram_${name}`])
  expect(new Set(Object.keys(manifest.bin))).toEqual(new Set(['halyard', ...scripts]))
  for (const file of new Set(Object.values(manifest.bin))) {
    await access(fileOf(file), constants.X_OK)
    expect(await readFile(fileOf(file), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
    const { code, out, errors } = await run(['--help'], { file: fileOf(file) })
    expect([code, errors]).toEqual([0, ''])
    expect(out).toContain('Examples:')
  }
})

test('the version is that of the package', async () => {
  expect(await run(['--version'])).toMatchObject({ code: 0, out: `${manifest.version}\n`, errors: '' })
})

test('without a command it shows what there is, and that is bad usage', async () => {
  const { code, out, errors } = await run([])
  expect([code, out]).toEqual([2, ''])
  expect(errors).toContain('Usage: halyard')
})

test('a mistyped command is guessed', async () => {
  expect(await run(['outbx', 'ls'])).toMatchObject({
    code: 2,
    out: '',
    errors: "halyard: unknown command 'outbx' (Did you mean outbox?); halyard --help shows what there is\n",
  })
})

describe('help', () => {
  /** Writes the address of every module that is loaded to standard error. */
  const hook = asModule(`import { writeSync } from 'node:fs'
    export async function load(url, context, next) {
      writeSync(2, 'LOADED ' + url + '\\n')
      return next(url, context)
    }`)
  const trace = asModule(`import { register } from 'node:module'; register(${JSON.stringify(hook)})`)

  test.each([
    [['send', '--help']],
    [['sms', '--help']],
    [['receive', '--help']],
    [['hub', '--help']],
    [['mqtt', 'pub', '--help']],
    [['emitter', 'sub', '--help']],
    [['outbox', '--help']],
  ])('%j loads the grammar alone: the rest would be paid at every start on a small machine', async (words) => {
    const { errors } = await run(words, { env: { NODE_OPTIONS: `--import=${trace}` } })
    const loaded = [...errors.matchAll(/^LOADED (.*)$/gm)].map(([, url = '']) => url)
    expect(loaded.some((url) => url.includes('/commander/'))).toBe(true)
    expect(
      loaded.filter((url) => /packages\/(core|wire|mqtt|emitter|hologram|hub|testkit)\/|hjson|fastify/.test(url)),
    ).toEqual([])
  })

  test('of send says where keys are safe', async () => {
    expect((await run(['send', '--help'])).out).toContain('can be read by every user of the machine (ps)')
  })
})

function asModule(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`
}
