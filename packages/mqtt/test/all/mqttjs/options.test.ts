/** Rows of the guide's table, run: MQTT.js on the one side, ours on the other. Options of CONNECT and of what is below it. */
import { UsageError } from '@halyard/core'
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { connect } from '../../../src/index.ts'
import { clientOf, connected, failure, happens, hub } from '../../support/clients.ts'
import { ScriptedServer } from '../../support/scripted-server.ts'
import { certificates } from '../../transport/certificates.ts'
import { closedPort, endsWithTest, event, js, jsConnected, library } from './support.ts'

describe('`username`, `password`, in the address too', () => {
  const names: string[] = []
  const authenticate = ({ username }: { username: string | undefined }): boolean => names.push(username ?? '') > 0

  it('MQTT.js', async () => {
    const { port } = await hub({ authenticate })
    await jsConnected(`mqtt://ada:secret@127.0.0.1:${port}`)
    expect(names.at(-1)).toBe('ada')
  })

  it('here: options alone, an address is written into logs', async () => {
    const { port, url } = await hub({ authenticate })
    expect(() => clientOf(`mqtt://ada:secret@127.0.0.1:${port}`)).toThrow(UsageError)
    await connected(url, { username: 'grace', password: 'secret' })
    expect(names.at(-1)).toBe('grace')
  })
})

describe('`rejectUnauthorized`, `ca`, `cert`, `key`', () => {
  const tls = { cert: certificates().server.cert, key: certificates().server.key }
  it('MQTT.js: beside the other options; the first failure is an `error`', async () => {
    const { port } = await hub({ tls })
    const url = `mqtts://localhost:${port}`
    const error = await event<Error & { code?: string }>(js(url, { reconnectPeriod: 0 }), 'error')
    expect(error.code).toMatch(/UNABLE_TO_|SELF_SIGNED/u)
    await jsConnected(url, { ca: certificates().ca })
    await jsConnected(url, { rejectUnauthorized: false })
  })

  it('here: in `tls`; the error says which of the many reasons', async () => {
    const { port } = await hub({ tls })
    const url = `mqtts://localhost:${port}`
    expect(await failure(connect(url))).toMatchObject({ code: 'ERR_MQTT_CERTIFICATE' })
    await connected(url, { tls: { ca: certificates().ca } })
    await connected(url, { tls: { rejectUnauthorized: false } })
  })
})

describe('`servers`: one after the other', () => {
  it('MQTT.js', async () => {
    const { port } = await hub()
    const servers = [
      { host: '127.0.0.1', port: await closedPort() },
      { host: '127.0.0.1', port },
    ]
    const client = endsWithTest(library.connect('mqtt://127.0.0.1', { servers, reconnectPeriod: 10 }))
    await event(client, 'connect')
  })

  it('here: one address; a name that has several addresses is tried as Node.js does', async () => {
    const { port } = await hub()
    // ::1 first on many machines, where nobody listens.
    await connected(`mqtt://localhost:${port}`)
  })
})

describe('`keepalive: 60`', () => {
  it('MQTT.js: asks after that time, and gives up half of it later', async () => {
    const server = await ScriptedServer.open()
    const client = js(server.url, { keepalive: 1, reconnectPeriod: 0 })
    const caller = await server.accepts()
    const error = await event<Error>(client, 'error')
    expect(error.message).toBe('Keepalive timeout')
    await caller.over()
    await caller.expect('pingreq')
    expect(js(server.url).options['keepalive']).toBe(60)
  })

  it('here: asks after that time without a packet of ours, and gives up 30 s later', async () => {
    const clock = new VirtualClock()
    const server = await ScriptedServer.open()
    const client = clientOf(server.url, { version: 5, reconnect: false }, { clock })
    const caller = await server.accepts()
    await client.connected()
    await clock.advance(60_000)
    await caller.expect('pingreq')
    const gone = happens(client, 'disconnect')
    await clock.advance(30_000)
    expect(await gone).toMatchObject({ code: 'ERR_MQTT_SILENT' })
  })
})

describe('`will`, `will.properties`, `properties` of CONNECT', () => {
  it('say the same on the wire', async () => {
    const server = await ScriptedServer.open()
    const will = { topic: 'gone', payload: 'bye', qos: 1, retain: true, properties: { willDelayInterval: 5 } } as const
    const properties = { sessionExpiryInterval: 60, receiveMaximum: 7, maximumPacketSize: 5000 }
    js(server.url, { protocolVersion: 5, clientId: 'me', clean: true, will, properties })
    const theirs = await (await server.caller()).expect('connect')
    clientOf(server.url, {
      ...{ version: 5, clientId: 'me', clean: true, will, sessionExpiry: 60, receiveMaximum: 7 },
      ...{ maximumPacketSize: 5000, topicAliases: false },
    })
    const ours = await (await server.caller()).expect('connect')
    expect(ours).toEqual(theirs)
  })
})
