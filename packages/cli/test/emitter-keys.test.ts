import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createHub } from '@halyard/hub'
import type { Hub, HubOptions } from '@halyard/hub'
import { describe, expect, onTestFinished, test } from 'vitest'
import { halyard, temporaryDirectory } from './context.ts'
import type { Ran } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'

const LICENSE = 'PfA8IPA43P8Jm4LfESjJYjzPIUG71uFkvKriYQjI4ZO2ABfHEBE36u13MmpHU5AumxGZKXG5gpKJAdDWmIABAQ:3'
/** V36 of the vectors: rwslp on a/b/c/. V39: expired in 2017. */
const FOREIGN = 'EjS03Fqu19zM2UtauInu5exlZXZqK_Jm'

interface Stage {
  readonly hub: Hub
  readonly data: string
  readonly run: (words: readonly string[], input?: string) => Promise<Ran>
}

async function stage(options: HubOptions = {}): Promise<Stage> {
  const directory = await temporaryDirectory()
  const data = join(directory.path, 'data')
  const hub = await createHub({ data, ports: 'ephemeral', ...options })
  onTestFinished(async () => {
    await hub.close()
    await directory[Symbol.asyncDispose]()
  })
  const run = (words: readonly string[], input?: string): Promise<Ran> => {
    const terminal = new FakeTerminal()
    terminal.inputBytes = input
    return halyard(['emitter', ...words, '--data', data], terminal)
  }
  return { hub, data, run }
}

describe('halyard emitter keys', () => {
  test.each(['running', 'stopped'])('of a hub that is %s: add, list, describe, revoke', async (state) => {
    const { hub, run } = await stage()
    if (state === 'stopped') await hub.close()
    const made = await run(['keys', 'add', '--channel', 'pumps/#', '--type', 'rwl', '--ttl', '3600'])
    expect(made).toMatchObject({ code: 0, out: [expect.stringMatching(/^[\w-]{32}$/)], errors: [] })
    const [key = ''] = made.out
    const { out: list } = await run(['keys', 'list'])
    expect(list).toHaveLength(5)
    expect(list.join('\n')).toMatch(/^ID +STATE +TYPE/)
    expect(list.join('\n')).toMatch(/valid +rwl +issued +\d{4}-\d\d-\d\dT\d\d:\d\d +pumps\/#\//)
    expect(list.join('\n')).toMatch(/valid +master +issued +never +-\n/)
    expect(list.at(-1)).toBe('3 keys')
    expect(list.join()).not.toContain(key)

    const described = await run(['keys', 'describe', '-'], `${key}\n`)
    expect(described.out.join('\n')).toMatch(/state +valid\nmay +read, write, load \(rwl\)\nchannel +pumps\/#\//)
    const { id } = JSON.parse((await run(['keys', 'describe', '--json', '-'], key)).out[0] ?? '') as { id: string }
    const revoked = await run(['keys', 'revoke', id.slice(0, 6)])
    expect(revoked).toMatchObject({ code: 0, out: [`key ${id.slice(0, 12)} of pumps/#/ revoked`] })
    const all = (await run(['keys', 'list', '--json'])).out.map((line) => JSON.parse(line) as { state: string })
    expect(all.map((entry) => entry.state).toSorted()).toEqual(['revoked', 'valid', 'valid'])
  })

  test('another master key makes keys', async () => {
    const { hub, run } = await stage()
    const [master = ''] = (await run(['keys', 'add', '--master'])).out
    const terminal = new FakeTerminal()
    terminal.environment['HALYARD_EMITTER_KEY'] = master
    const made = await halyard(['emitter', 'keygen', '-p', String(hub.ports.front), '-c', 'a/'], terminal)
    expect(made).toMatchObject({ code: 0, out: [expect.stringMatching(/^[\w-]{32}$/)] })
  })

  test('keys of another broker come in, those that are none are told by line', async () => {
    const { run } = await stage({ emitterLicense: LICENSE })
    const before = await run(['keys', 'describe', '-'], FOREIGN)
    expect(before.out.join('\n')).toMatch(
      /state +unknown: this hub has not made it.*\nmay +read, .*\nchannel +not known/,
    )
    const imported = await run(['keys', 'import'], `# moved\n${FOREIGN}\n\nnonsense\n`)
    expect(imported).toEqual({
      code: 1,
      out: ['1 key imported'],
      errors: [expect.stringMatching(/^line 4: .*no key of the hub's licence.*\(ERR_HUB_EMITTER_KEY\)$/)],
    })
    const revoked = await run(['keys', 'revoke', FOREIGN])
    expect(revoked.out[0]).toMatch(/of not known.*revoked/)
    expect((await run(['keys', 'import'], FOREIGN)).errors).toEqual(['line 1: the key is revoked, and stays so'])
  })

  test('what goes wrong', async () => {
    const { run } = await stage()
    const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['keys', 'add'], 2, /--channel chat\/#\/\), or --master/],
      [['keys', 'add', '--master', '-c', 'a/'], 2, /cannot be used with/],
      [['keys', 'add', '-c', 'a b/'], 2, /channel: .*character/],
      [['keys', 'add', '-c', 'a/', '--type', 'z'], 2, /letters of rwslpe/],
      [['keys', 'add', '-c', 'a/', '--ttl', 'day'], 2, /--ttl is a whole number/],
      [['keys', 'describe', 'nobody'], 1, /knows no such key.*\(ERR_HUB_EMITTER_KEY_UNKNOWN\)/],
      [['keys', 'revoke', 'ffff'], 1, /knows no such key/],
      [['keys', 'import'], 2, /one per line/],
      [['keys', 'import', '/nowhere'], 1, /\/nowhere: ENOENT/],
    ]
    for (const [words, code, text] of wrong) {
      const ran = await run(words)
      expect([words, ran.code, ran.errors.join('\n')]).toEqual([words, code, expect.stringMatching(text)])
    }
  })
})

describe('halyard emitter license', () => {
  test('a new one starts a hub, which then shows it; its master key can be imported', async () => {
    const made = JSON.parse((await halyard(['emitter', 'license', 'new', '--json'])).out[0] ?? '') as {
      readonly license: string
      readonly master_key: string
    }
    const directory = await temporaryDirectory()
    onTestFinished(() => directory[Symbol.asyncDispose]())
    const file = join(directory.path, 'license')
    await writeFile(file, `${made.license}\n`)
    const { run } = await stage({ emitterLicense: `@${file}`, emitterMatcher: 'mqtt' })
    const shown = (await run(['license', 'show'])).out
    expect(shown).toEqual([
      `license   ${made.license}`,
      expect.stringMatching(/^contract {2}\d+ \(version 3\)$/),
      'matcher   mqtt',
    ])
    expect(JSON.parse((await run(['license', 'show', '--json'])).out[0] ?? '')).toMatchObject({ matcher: 'mqtt' })
    expect((await run(['keys', 'import'], made.master_key)).code).toBe(0)
    expect((await run(['keys', 'describe', '-'], made.master_key)).out[2]).toBe('may      make keys: a master key')
    expect((await halyard(['emitter', 'license', 'new'])).out).toEqual([
      expect.stringMatching(/^license {4}\S+:3$/),
      expect.stringMatching(/^master key \S{32}$/),
    ])
  })
})

describe('a stopped hub that was given its licence', () => {
  async function stopped(): Promise<{
    readonly ask: (words: readonly string[], how?: Readonly<Record<string, string>>, input?: string) => Promise<Ran>
    readonly file: string
    readonly config: string
  }> {
    const { hub, data } = await stage({ emitterLicense: LICENSE })
    await hub.close()
    const file = `${data}-license`
    const config = `${data}.hjson`
    await writeFile(file, `${LICENSE}\n`)
    await writeFile(config, `{ data: ${JSON.stringify(data)}, emitter: { license: "@${file}" } }`)
    const ask = (
      words: readonly string[],
      how: Readonly<Record<string, string>> = {},
      input?: string,
    ): Promise<Ran> => {
      const terminal = new FakeTerminal()
      terminal.inputBytes = input
      Object.assign(terminal.environment, how)
      return halyard(['emitter', ...words, ...(words.includes('--config') ? [] : ['--data', data])], terminal)
    }
    return { ask, file, config }
  }

  test('forgotten, it is asked for, and nothing is done', async () => {
    const { ask } = await stopped()
    const asked = /last under a licence that it was given, of contract \d+: give it here too.*--emitter-license @FILE/
    for (const words of [
      ['license', 'show'],
      ['keys', 'import'],
      ['keys', 'add', '-c', 'a/'],
      ['keys', 'describe', FOREIGN],
    ]) {
      const { code, out, errors } = await ask(words, {}, FOREIGN)
      expect([words, code, out, errors.join()]).toEqual([words, 1, [], expect.stringMatching(asked)])
      expect(errors.join()).toContain('ERR_HUB_EMITTER_LICENSE')
      expect(errors.join()).not.toContain(LICENSE)
    }
    // What is known by its id needs none.
    const { out } = await ask(['keys', 'list', '--json'])
    expect(out).toHaveLength(2)
    const { id } = JSON.parse(out[0] ?? '') as { id: string }
    expect(await ask(['keys', 'revoke', id])).toMatchObject({ code: 0, errors: [] })
  })

  test('on the command line, in the environment or in the configuration it counts as for the hub', async () => {
    const { ask, file, config } = await stopped()
    const imported = { code: 0, out: ['1 key imported'], errors: [] }
    expect(await ask(['keys', 'import', '--emitter-license', `@${file}`], {}, FOREIGN)).toEqual(imported)
    expect(await ask(['keys', 'import'], { HALYARD_HUB_EMITTER_LICENSE: LICENSE }, FOREIGN)).toEqual(imported)
    expect(await ask(['keys', 'import', '--config', config], {}, FOREIGN)).toEqual(imported)
    expect((await ask(['license', 'show', '--config', config])).out[0]).toBe(`license   ${LICENSE}`)
    const [key = ''] = (await ask(['keys', 'add', '-c', 'a/', '--emitter-license', `@${file}`])).out
    const { out } = await ask(['keys', 'describe', key, '--json'])
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ channel: 'a/', state: 'valid' })
  })

  test('a wrong one is told', async () => {
    const { ask } = await stopped()
    const none = await ask(['license', 'show', '--emitter-license', 'nonsense!'])
    expect(none).toMatchObject({ code: 1, out: [] })
    expect(none.errors.join()).toMatch(/--emitter-license.*cannot be used/)
    const made = JSON.parse((await halyard(['emitter', 'license', 'new', '--json'])).out[0] ?? '') as {
      readonly license: string
    }
    const other = await ask(['keys', 'import', '--emitter-license', made.license], {}, FOREIGN)
    expect(other.errors.join()).toMatch(/no key of the hub's licence/)
  })

  test('--help says when it is needed', async () => {
    const { out } = await halyard(['emitter', 'keys', 'import', '--help'])
    expect(out.join('\n')).toMatch(
      /--emitter-license <text>[^]*Of a hub that is stopped, give the licence as the hub gets it/,
    )
  })
})

test('a hub that goes back to its own licence is asked under its own', async () => {
  const { hub, data, run } = await stage({ emitterLicense: LICENSE })
  await hub.close()
  await using own = await createHub({ data, ports: 'ephemeral' })
  const license = own.accounts.emitter?.license
  await own.close()
  expect((await run(['license', 'show'])).out[0]).toBe(`license   ${license}`)
})
