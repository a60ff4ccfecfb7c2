/** What the items of the document ask for beyond its examples: events and their callbacks, filters, times. */
import type { MeResult } from '@halyard/emitter'
import { RecordedServer } from '@halyard/testkit'
import { expect, it } from 'vitest'
import {
  HELLO,
  KEY,
  MASTER,
  answers,
  asks,
  client,
  connected,
  granted,
  once,
  sends,
  subscribes,
  take,
} from './support.ts'

it.each([
  ['01', 'unsupported protocol version'],
  ['04', 'bad user name or password'],
  ['05', 'not authorized'],
])('`connect` fires only when the broker has accepted it, not at return code %s', async (code, words) => {
  await using server = await RecordedServer.open([[HELLO[0]!, { server: `20 02 00 ${code}` }, { end: 'fin' }]])
  await using emitter = client(server.port)
  let connects = 0
  emitter.on('connect', () => connects++)
  const error = await new Promise<Error>((resolve) => void emitter.on('error', resolve))
  expect(error.message).toContain(words)
  expect(connects).toBe(0)
})

it('an event has several callbacks, also those that were given before the connection; off() takes one away', async () => {
  const me = answers('me', '{"status":200,"id":"A"}')
  await using server = await RecordedServer.open([[...HELLO, asks('me', ''), ...me, asks('me', ''), ...me]])
  await using emitter = client(server.port)
  const told: string[] = []
  const second = ({ id }: MeResult): unknown => told.push(`second ${id}`)
  emitter.on('me', ({ id }) => told.push(`first ${id}`))
  emitter.on('me', second)
  await once(emitter, 'connect')
  await emitter.me()
  emitter.off('me', second)
  await emitter.me()
  expect(told).toEqual(['first A', 'second A', 'first A'])
})

it('`keygen` and `link` tell what was given and what was refused, beside the promises', async () => {
  const question = `{"key":"${MASTER}","channel":"a/","type":"rw","ttl":0}`
  const link = `{"key":"${KEY}","channel":"a/","name":"a0","subscribe":false}`
  await using server = await RecordedServer.open([
    [
      ...[...HELLO, asks('keygen', question), ...answers('keygen', `{"status":200,"key":"${KEY}","channel":"a/"}`)],
      ...[asks('keygen', question), ...answers('keygen', '{"status":401,"message":"no"}')],
      ...[asks('link', link), ...answers('link', '{"status":200,"name":"a0","channel":"a/"}')],
      ...[asks('link', link), ...answers('link', '{"status":401,"message":"no"}')],
    ],
  ])
  await using emitter = await connected(server.port)
  const told: unknown[] = []
  for (const event of ['keygen', 'link'] as const) emitter.on(event, (result) => told.push(result))
  const [master, reader] = [
    { key: MASTER, channel: 'a' },
    { key: KEY, channel: 'a', name: 'a0' },
  ]
  await emitter.keygen(master)
  await expect(emitter.keygen(master)).rejects.toMatchObject({ status: 401 })
  await emitter.link(reader)
  await expect(emitter.link(reader)).rejects.toMatchObject({ status: 401 })
  expect(told).toMatchObject([
    { status: 200, key: KEY, channel: 'a/' },
    { status: 401, message: 'no' },
    { status: 200, name: 'a0', channel: 'a/' },
    { status: 401, message: 'no' },
  ])
})

it('wildcards are unsubscribed in the words in which they were subscribed', async () => {
  await using server = await RecordedServer.open([
    [
      ...[...HELLO, subscribes(`${KEY}/a/+/b/`), granted()],
      ...[{ client: `a2 [ <id:2> ('${KEY}/a/+/b/') ]` }, { server: 'b0 02 <id>' }],
      ...[subscribes(`${KEY}/a/#/`), granted()],
      ...[{ client: `a2 [ <id:2> ('${KEY}/a/#/') ]` }, { server: 'b0 02 <id>' }],
    ],
  ])
  await using emitter = await connected(server.port)
  for (const channel of ['a/+/b', 'a/#/']) {
    const subscription = await emitter.subscribe({ key: KEY, channel })
    await emitter.unsubscribe({ key: KEY, channel: subscription.channel })
  }
  await server.played()
})

it('`from` and `until`, as dates or unix seconds', async () => {
  await using server = await RecordedServer.open([
    [...[...HELLO, subscribes(`${KEY}/a/?last=5&from=1600000000&until=1700000000`), sends('a/', '1'), granted()]],
  ])
  await using emitter = await connected(server.port)
  const until = new Date(1_700_000_000_000)
  const stored = await emitter.subscribe({ key: KEY, channel: 'a', last: 5, from: 1_600_000_000, until })
  expect(await take(stored, 1)).toEqual(['1'])
  await server.played()
})
