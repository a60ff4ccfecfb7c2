import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { closedPort, temporaryDirectory } from '../context.ts'
import { Command, run } from './spawn.ts'

const KEYS = ['--cloud_id', 'abcd', '--cloud_key', 'efgh']

test('two processes on one outbox: the second is told who has it, and may look', async () => {
  await using directory = await temporaryDirectory()
  const outbox = join(directory.path, 'outbox')
  const port = String(await closedPort())
  await run(['send', 'waits', '--host', '127.0.0.1', '-p', port, ...KEYS, '--outbox', outbox])
  const code = `import { Outbox } from '@halyard/core'
    const outbox = await Outbox.open({ path: ${JSON.stringify(outbox)} })
    console.log('open')
    setInterval(() => outbox, 1000)`
  await using owner = new Command(['--input-type=module', '--eval', code], {
    file: '--no-warnings',
    cwd: join(import.meta.dirname, '../..'),
  })
  await owner.says(/open/)
  const second = await run(['send', 'x', '--host', '127.0.0.1', '-p', port, ...KEYS, '--outbox', outbox])
  expect([second.code, second.out, second.errors]).toEqual([
    1,
    '',
    `halyard: ${outbox} is in use: process ${owner.child.pid} has it open; stop that one first or use another directory (ERR_STORE_LOCKED)\n`,
  ])
  const ls = await run(['outbox', 'ls', '--outbox', outbox])
  expect([ls.code, ls.out]).toEqual([0, expect.stringContaining('1 queued (5 B)') as string])
  const rm = await run(['outbox', 'rm', '--all', '--outbox', outbox])
  expect([rm.code, rm.errors]).toEqual([1, expect.stringContaining(`process ${owner.child.pid} has it open`) as string])
})

test('an outbox that may not be read', async () => {
  await using directory = await temporaryDirectory()
  const outbox = join(directory.path, 'outbox')
  await mkdir(outbox, { mode: 0 })
  const { code, errors } = await run(['outbox', 'ls', '--outbox', outbox], { isOrdinary: true })
  expect([code, errors]).toEqual([
    1,
    `halyard: cannot open ${outbox}: no permission; give this user the right to read and write there (ERR_STORE_PERMISSION)\n`,
  ])
})

test('a reader that goes away ends it quietly', async () => {
  await using directory = await temporaryDirectory()
  const outbox = join(directory.path, 'outbox')
  const port = String(await closedPort())
  const many = Array.from({ length: 3000 }, (_, index) => `message ${index}`)
  await run(['send', ...many, '--host', '127.0.0.1', '-p', port, ...KEYS, '--outbox', outbox])
  const command = new Command(['outbox', 'ls', '--outbox', outbox])
  command.child.stdout.destroy()
  const { code, errors } = await command.finished
  expect([code, errors]).toEqual([0, ''])
})
