/** TCP, TLS and WebSocket: a broker is a broker behind each, the certificate is checked, a will is left. */
import { readFileSync } from 'node:fs'
import type { HalyardError } from '@halyard/core'
import { connect } from '@halyard/emitter'
import { createHub } from '@halyard/hub'
import { createMqttServer } from '@halyard/hub/mqtt'
import { RecordedServer } from '@halyard/testkit'
import { expect, it } from 'vitest'
import { HELLO, KEY, connected, once } from './support.ts'

const fixture = (name: string): string =>
  readFileSync(new URL(`../../mqtt/test/transport/fixtures/${name}`, import.meta.url), 'utf8')

it('speaks TLS, and refuses a certificate that nobody vouches for', async () => {
  await using broker = await createMqttServer({
    port: 0,
    tls: { cert: fixture('server.pem'), key: fixture('server.key') },
  })
  const tls = { ca: fixture('ca.pem'), servername: 'localhost' }
  await using emitter = connect({ host: '127.0.0.1', port: broker.port, tls })
  await once(emitter, 'connect')
  expect((await emitter.publish({ key: KEY, channel: 'a', message: 'x' })).state).toBe('delivered')
  await using doubtful = connect({ host: '127.0.0.1', port: broker.port })
  const told = await new Promise<HalyardError>((resolve) => void doubtful.on('error', resolve))
  expect(told.code).toBe('ERR_MQTT_CERTIFICATE')
})

it('speaks WebSocket, at the front door of a hub', async () => {
  await using hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
  const { username, password } = hub.accounts.mqtt!
  const port = hub.ports.front
  await using emitter = connect({ host: '127.0.0.1', port, secure: false, transport: 'websocket', username, password })
  await once(emitter, 'connect')
  expect((await emitter.publish({ key: KEY, channel: 'a', message: 'x' })).state).toBe('delivered')
  await using wrong = connect({ host: '127.0.0.1', port, secure: false, username, password: 'wrong' })
  const told = await new Promise<HalyardError>((resolve) => void wrong.on('error', resolve))
  expect(told.code).toBe('ERR_MQTT_REFUSED')
  expect(told.message).not.toContain('wrong')
})

it('sends user name, password, keep-alive and will in CONNECT', async () => {
  await using server = await RecordedServer.open([
    [
      {
        client: `10 [ ('MQTT') 04 e6 003d (<client:24>) ('${KEY}/will/') ('{"gone":true}') ('User1') ('secret') ]`,
      },
      { server: '20 02 00 00' },
      { client: 'e0 00' },
    ],
  ])
  const will = { key: KEY, channel: '/will', message: { gone: true }, retain: true }
  const options = { keepalive: 60.5, username: 'User1', password: 'secret', will }
  const emitter = await connected(server.port, options)
  let ended = 0
  emitter.on('disconnect', () => ended++)
  await emitter.disconnect()
  await server.played()
  expect(ended).toBe(1)
})

it('logs what happens to the logger that it is given, and no key', async () => {
  const lines: string[] = []
  const log = (_object: object, message: string): void => void lines.push(message)
  const refused = `{"status":401,"message":"no"}`
  await using server = await RecordedServer.open([
    [...HELLO, { client: `30 [ ('${KEY}/a/') 'x' ]` }, { server: `30 [ ('emitter/error/') '${refused}' ]` }],
  ])
  await using emitter = await connected(server.port, { logger: { debug: log, info: log, warn: log, error: log } })
  const told = new Promise((resolve) => void emitter.on('error', resolve))
  await emitter.publish({ key: KEY, channel: 'a', message: 'x', qos: 0 })
  await told
  expect(lines).toContainEqual(expect.stringMatching(/^the broker says \(401\): no;/u))
  expect(lines.join()).not.toContain(KEY)
})
