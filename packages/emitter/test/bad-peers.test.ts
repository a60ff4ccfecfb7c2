/** Whatever answers where a broker was expected: nothing crashes, nothing grows, and a person learns what it is. */
import { once as onceOf } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { HalyardError } from '@halyard/core'
import { connect } from '@halyard/emitter'
import { createMqttServer } from '@halyard/hub/mqtt'
import { RecordedServer } from '@halyard/testkit'
import { expect, it } from 'vitest'
import { HELLO, KEY, answers, asks, client, connected, granted, sends, subscribes, take } from './support.ts'

const ME = '{"status":200,"id":"A"}'

it.each([
  ['no JSON', "'{oops'"],
  ['a list', "'[1,2]'"],
  ['nothing', ''],
  ['members of other types', `'{"status":"200","id":7}'`],
  ['none that we know', `'{"status":200}'`],
  ['bytes that are no text', 'ff fe 00'],
])('an answer that is %s is an error, never a message, and the right one still counts', async (_name, payload) => {
  await using server = await RecordedServer.open([
    [...HELLO, asks('me', ''), { server: `30 [ ('emitter/me/') ${payload} ]` }, ...answers('me', ME)],
  ])
  await using emitter = await connected(server.port)
  const errors: HalyardError[] = []
  emitter.on('error', (error) => errors.push(error))
  emitter.on('message', () => expect.unreachable())
  expect(await emitter.me()).toEqual({ status: 200, id: 'A' })
  expect(errors.map(({ code }) => code)).toEqual(['ERR_EMITTER_ANSWER'])
})

it('answers and failures that nobody asked for change nothing', async () => {
  await using server = await RecordedServer.open([
    [
      ...HELLO,
      asks('me', ''),
      sends('emitter/keygen/', '{"req":7,"status":200,"key":"x","channel":"a/"}'),
      sends('emitter/keygen/', '{"status":401,"message":"no"}'),
      sends('emitter/me/', '{"req":9,"status":200,"id":"B"}'),
      sends('emitter/nothing/', '{"status":404,"message":"no"}'),
      ...Array.from({ length: 2000 }, () => sends('emitter/error/', '{"req":1,"status":500,"message":"flood"}')),
      ...answers('me', ME),
      ...answers('me', ME),
    ],
  ])
  await using emitter = await connected(server.port)
  let errors = 0
  emitter.on('error', () => errors++)
  emitter.on('keygen', () => expect.unreachable())
  emitter.on('message', () => expect.unreachable())
  expect(await emitter.me()).toEqual({ status: 200, id: 'A' })
  expect(errors).toBe(2000)
})

it('a presence list of thousands, and one without ids, are lists', async () => {
  const who = Array.from({ length: 5000 }, (_, n) => ({ id: `ID${n}` }))
  const status = { status: 200, time: 1, event: 'status', channel: 'p/', who }
  const ask = asks('presence', `{"key":"${KEY}","channel":"p/","status":true,"changes":true}`)
  await using server = await RecordedServer.open([
    [
      ...HELLO,
      ask,
      ...answers('presence', JSON.stringify(status)),
      ask,
      ...answers('presence', JSON.stringify({ ...status, who: [{}] })),
    ],
  ])
  await using emitter = await connected(server.port)
  expect((await emitter.presence({ key: KEY, channel: 'p' })).who.length).toBe(5000)
  expect((await emitter.presence({ key: KEY, channel: 'p' })).who).toEqual([{ id: '' }])
})

it('a listener that throws disturbs nobody', async () => {
  await using server = await RecordedServer.open([[...HELLO, subscribes(`${KEY}/a/`), sends('a/', '1'), granted()]])
  await using emitter = await connected(server.port)
  emitter.on('message', () => {
    throw new Error('mine')
  })
  expect(await take(await emitter.subscribe({ key: KEY, channel: 'a' }), 1)).toEqual(['1'])
})

it('a history that goes round in circles ends; one that is too large for an answer is asked for by halves', async () => {
  const page = '{"messages":[{"id":"AAAA","channel":"a/","payload":"MQ=="}]}'
  await using server = await RecordedServer.open([
    [
      ...HELLO,
      ...[asks('me', ''), ...answers('me', ME)],
      ...[asks('history', `{"channel":"${KEY}/a/?last=2"}`), { server: '40 02 <id>' }],
      ...[asks('history', `{"channel":"${KEY}/a/?last=1"}`), ...answers('history', page)],
      ...[asks('history', `{"channel":"${KEY}/a/?last=1","startFromID":"AAAA"}`), ...answers('history', page)],
    ],
  ])
  await using emitter = await connected(server.port)
  await emitter.me()
  const ids: string[] = []
  for await (const { id } of emitter.history({ key: KEY, channel: 'a', last: 2 })) ids.push(id)
  expect(ids).toEqual(['AAAA'])
})

it('an HTTP server, a closed port and a plain broker behind `secure` are told apart', async () => {
  const web = createServer(
    (socket) => void socket.on('error', () => {}).on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  )
  web.listen(0, '127.0.0.1')
  await onceOf(web, 'listening')
  await using broker = await createMqttServer({ port: 0 })
  const told = async (port: number, secure: boolean): Promise<HalyardError> => {
    await using emitter = connect({ host: '127.0.0.1', port, secure })
    return await new Promise((resolve) => void emitter.on('error', resolve))
  }
  const [http, closed, plain] = await Promise.all([
    told((web.address() as AddressInfo).port, false),
    told(1, false),
    told(broker.port, true),
  ])
  expect([http.code, closed.code, plain.code]).toEqual([
    'ERR_MQTT_WRONG_PORT',
    'ERR_MQTT_UNREACHABLE',
    expect.stringMatching(/^ERR_MQTT_/u),
  ])
  web.close()
})

it('fires `offline` once when the first try fails, and goes on trying', async () => {
  await using emitter = client(1)
  let offline = 0
  emitter.on('offline', () => offline++)
  for (let failed = 0; failed < 3; failed++)
    await new Promise<void>((resolve) => void emitter.on('error', () => resolve()))
  expect(offline).toBe(1)
})
