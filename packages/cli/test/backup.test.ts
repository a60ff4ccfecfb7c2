import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createHub } from '@halyard/hub'
import { expect, test } from 'vitest'
import { halyard, temporaryDirectory } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'

test('a backup and its restore, for people and for programs', async () => {
  await using directory = await temporaryDirectory()
  const path = (name: string): string => join(directory.path, name)
  const data = path('data')
  await using hub = await createHub({ data, ports: 'ephemeral' })
  const first = await halyard(['hub', 'backup', path('one'), '--data', data])
  expect(first).toEqual({
    code: 0,
    out: [expect.stringMatching(/one: \d+ KiB in \d.*, while the hub runs, up to record 0$/)],
    errors: [],
  })
  await hub.close()
  const second = await halyard(['hub', 'backup', path('two'), '--data', data, '--json'])
  expect(JSON.parse(second.out.join('\n'))).toEqual({
    event: 'backup',
    target: path('two'),
    via: 'directory',
    committed: 0,
    files: expect.any(Number),
    bytes: expect.any(Number),
    seconds: expect.any(Number),
  })
  expect(await halyard(['hub', 'backup', path('two'), '--data', data])).toMatchObject({
    code: 1,
    errors: [
      `halyard: ${path('two')} exists and is not empty; name one that does not, as a date for instance (ERR_HUB_TARGET)`,
    ],
  })
  expect(await halyard(['hub', 'restore', path('two'), '--data', data])).toMatchObject({
    code: 1,
    errors: [`halyard: ${data} exists and is not empty; --force (force: true) moves it aside (ERR_HUB_TARGET)`],
  })
  const restored = await halyard(['hub', 'restore', path('two'), '--data', data, '--force'])
  expect(restored).toEqual({
    code: 0,
    out: [
      expect.stringMatching(/^what was in .*data is in .*data[.]before-2/),
      expect.stringMatching(/^restored .*data: \d+ KiB in \d.*, as of 2\d{3}-.*Z$/),
      'checked: the journal up to record 0, 0 messages in the history, 7 documents (accounts, tokens)',
    ],
    errors: [],
  })
  await rm(data, { recursive: true })
  const json = await halyard(['hub', '--data', data, 'restore', path('one'), '--json'])
  expect(JSON.parse(json.out.join('\n'))).toMatchObject({ event: 'restored', data, committed: 0, documents: 7 })
  expect((await readdir(directory.path)).filter((name) => name.includes('partial'))).toEqual([])
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s leaves no backup', async (signal, code) => {
  await using directory = await temporaryDirectory()
  const data = join(directory.path, 'data')
  await (await createHub({ data, ports: 'ephemeral' })).close()
  const terminal = new FakeTerminal()
  terminal.onInterrupt = (callback) => {
    callback(signal)
    return { [Symbol.dispose]: () => {} }
  }
  const ran = await halyard(['hub', 'backup', join(directory.path, 'copy'), '--data', data], terminal)
  expect(ran).toEqual({ code, out: [], errors: ['Interrupted: there is no backup.'] })
  expect(await readdir(directory.path)).toEqual(['data'])
})

test.each([
  [['backup'], 2, `halyard: missing required argument 'target'; halyard hub backup --help shows what there is`],
  [['backup', 'x', '--force'], 2, `halyard: unknown option '--force'; halyard hub backup --help shows what there is`],
  [
    ['restore', 'x', '--data', ':memory:'],
    2,
    'halyard: a hub in memory has nothing to back up or to restore (ERR_USAGE)',
  ],
] satisfies [string[], number, string][])('%j', async (words, code, text) => {
  expect(await halyard(['hub', ...words])).toEqual({ code, out: [], errors: [text] })
})
