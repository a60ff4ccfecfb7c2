/** The commands of Emitter as processes: signals, and a reader that goes. */
import { once } from 'node:events'
import { createHub } from '@halyard/hub'
import type { Hub } from '@halyard/hub'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Command, run } from './spawn.ts'

let hub: Hub
let env: Record<string, string>

beforeAll(async () => {
  hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
  env = {
    HALYARD_EMITTER_PORT: String(hub.ports.front),
    HALYARD_EMITTER_KEY: hub.accounts.emitter?.channel_key ?? '',
  }
})
afterAll(() => hub.close())

const pub = (...words: readonly string[]): ReturnType<typeof run> =>
  run(['emitter', 'pub', '-c', 'demo/p/', ...words], { env })

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends sub cleanly, with what came printed whole', async (signal, code) => {
  // The stored one tells that it is subscribed.
  expect(await pub('-m', 'stored', '--ttl', '60')).toMatchObject({ code: 0, out: '', errors: '' })
  await using sub = new Command(['emitter', 'sub', '-c', 'demo/p/', '-v'], { env })
  await sub.says(/demo\/p\/ stored\n/)
  await pub('-m', 'live')
  await sub.says(/demo\/p\/ live\n/)
  sub.child.kill(signal)
  expect(await sub.finished).toEqual({ code, signal: null, out: 'demo/p/ stored\ndemo/p/ live\n', errors: '' })
})

test('a reader that goes, as head does, ends sub', async () => {
  await pub('-m', 'one', '--ttl', '60')
  await using sub = new Command(['emitter', 'sub', '-c', 'demo/p/'], { env })
  await sub.says(/one\n/)
  sub.child.stdout.destroy()
  await once(sub.child.stdout, 'close')
  while (sub.child.exitCode === null) await pub('-m', 'again')
  expect((await sub.finished).errors).toBe('')
})

test('Ctrl-C while lines are read: what was published is, the rest is not', async () => {
  await using lines = new Command(['emitter', 'pub', '-c', 'demo/p/below/', '-l', '--ttl', '60', '--json'], {
    env,
    input: null,
  })
  lines.child.stdin.write('one\ntwo\n')
  await lines.says(/"delivered".*\n.*"delivered".*\n/)
  lines.child.stdin.write('half')
  lines.child.kill('SIGINT')
  expect(await lines.finished).toMatchObject({ code: 130, errors: '' })
  const { out } = await run(['emitter', 'history', '-c', 'demo/p/below/'], { env })
  expect(out).toBe('one\ntwo\n')
})
