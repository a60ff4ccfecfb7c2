/** `halyard mqtt` as processes: signals, a server that goes and comes back. */
import { createMqttServer } from '@halyard/hub/mqtt'
import { expect, test } from 'vitest'
import { Command, run } from './spawn.ts'

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends sub cleanly, with what came printed whole', async (signal, code) => {
  await using server = await createMqttServer({ port: 0 })
  const port = String(server.port)
  // The retained one tells that it is subscribed.
  const kept = await run(['mqtt', 'pub', '-p', port, '-t', 'a/b', '-m', 'kept', '-r'])
  expect(kept).toMatchObject({ code: 0, out: '', errors: '' })
  await using sub = new Command(['mqtt', 'sub', '-p', port, '-t', 'a/#', '-v'])
  await sub.says(/a\/b kept\n/)
  server.publish('a/c', 'live')
  await sub.says(/a\/c live\n/)
  sub.child.kill(signal)
  expect(await sub.finished).toEqual({ code, signal: null, out: 'a/b kept\na/c live\n', errors: '' })
})

test('sub stays through a restart of its server', async () => {
  const first = await createMqttServer({ port: 0 })
  const { port } = first
  first.publish('a', 'one', { retain: true })
  await using sub = new Command(['mqtt', 'sub', '-p', String(port), '-t', 'a'])
  await sub.says(/one\n/)
  await first.close()
  await using second = await createMqttServer({ port })
  second.publish('a', 'two', { retain: true })
  await sub.says(/two\n/)
  sub.child.kill('SIGINT')
  expect(await sub.finished).toMatchObject({ code: 130, out: 'one\ntwo\n' })
})
