import { readFileSync } from 'node:fs'
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createMqttServer } from '../src/mqtt-server.ts'
import type { MqttLogin, MqttServer, MqttServerOptions } from '../src/mqtt-server.ts'
import { TLS_FILES, clientCertificate, overTcp, overTls } from './mqtt-support.ts'
import { RecordingLogger, send, until } from './support.ts'

async function start(options: MqttServerOptions = {}): Promise<{ server: MqttServer; log: RecordingLogger }> {
  const log = new RecordingLogger()
  const server = await createMqttServer({ port: 0, logger: log, ...options })
  onTestFinished(() => server.close())
  return { server, log }
}

describe('createMqttServer()', () => {
  it('lets everybody of this machine in, and passes messages', async () => {
    const { server } = await start()
    const client = await overTcp(server.port)
    expect(await client.connect()).toBe(0)
    await client.subscribe('#')
    server.publish('from/the/program', 'ahoy')
    expect(await client.message()).toBe('from/the/program ahoy')
    const heard: string[] = []
    server.subscribe('to/+', ({ topic, payload }) => heard.push(`${topic} ${Buffer.from(payload).toString()}`))
    expect(server.connections).toBe(2)
    client.send(client.publishPacket('to/you', 'one'))
    await until('the program hears it', () => heard.length === 1)
    expect(heard).toEqual(['to/you one'])
  })

  it('gives the program what is retained, and nothing more after the end of a subscription', async () => {
    const { server, log } = await start()
    server.publish('kept', 'first', { retain: true, qos: 1 })
    const heard: string[] = []
    const listen = (name: string): (() => void) =>
      server.subscribe('kept', ({ payload, retain }) =>
        heard.push(`${name} ${Buffer.from(payload).toString()}${retain ? ' retained' : ''}`),
      )
    const end = listen('a')
    await until('the retained one came', () => heard.length === 1)
    listen('b')
    server.subscribe('kept', () => {
      throw new Error('of the listener')
    })
    await until('the retained one came again', () => heard.length === 2)
    end()
    server.publish('kept', 'second')
    await until('the second came', () => heard.length === 3)
    expect(heard).toEqual(['a first retained', 'b first retained', 'b second'])
    expect(log.texts('error')[0]).toBe('mqtt: a listener of subscribe() has thrown: of the listener')
  })

  it('asks who may come in, and with which rights', async () => {
    const logins: MqttLogin[] = []
    const { server, log } = await start({
      authenticate: (login) => {
        logins.push(login)
        if (login.username === 'boom') throw new Error('no database')
        if (login.username === 'late') return Promise.reject(new Error('no database'))
        if (login.username === 'reader') return Promise.resolve({ access: [{ filter: 'open/%u', access: 'read' }] })
        return login.username === 'owner' && Buffer.from(login.password ?? []).toString() === 'secret'
      },
    })
    const codes = []
    for (const username of ['owner', 'reader', 'boom', 'late', undefined]) {
      const client = await overTcp(server.port)
      codes.push(
        await client.connect({
          clientId: 'c',
          ...(username !== undefined && { username, password: Buffer.from('secret') }),
        }),
      )
    }
    expect(codes).toEqual([0, 0, 3, 3, 4])
    expect(logins[0]).toEqual({
      clientId: 'c',
      username: 'owner',
      password: new Uint8Array(Buffer.from('secret')),
      address: '127.0.0.1',
      certificateName: undefined,
    })
    // Thrown or rejected, it is the same, and said once a minute.
    expect(log.texts('error')).toEqual(['mqtt: authenticate() failed: no database'])
    const reader = await overTcp(server.port)
    await reader.connect({ username: 'reader' })
    expect([await reader.subscribe('open/reader'), await reader.subscribe('open/+')]).toEqual([1, 0x80])
  })

  it('speaks TLS beside, with certificates of clients, and nothing but MQTT', async () => {
    const [cert = '', key = '', ca = ''] = [TLS_FILES.cert, TLS_FILES.key, TLS_FILES.ca].map((path) =>
      readFileSync(path, 'utf8'),
    )
    const { server, log } = await start({
      tls: { cert, key, ca },
      authenticate: ({ certificateName }) => certificateName === 'pump',
    })
    expect(await (await overTls(server.port, clientCertificate('pump'))).connect()).toBe(0)
    expect(await (await overTls(server.port)).connect()).toBe(4)
    expect(await (await overTcp(server.port)).connect()).toBe(4)
    expect(await send(server.port, 'GET / HTTP/1.1\r\n\r\n')).toBe('')
    expect(log.texts('warn')).toHaveLength(1)
  })

  it('tells its clients when it closes, and is closed then', async () => {
    const { server } = await start()
    const client = await overTcp(server.port, 5)
    await client.connect()
    server.subscribe('#', () => {})
    const first = server.close()
    expect(server.close()).toBe(first)
    await first
    expect(await client.next()).toMatchObject({ type: 'disconnect', reasonCode: 0x8b })
    expect(server.connections).toBe(0)
    expect(() => server.publish('a', '')).toThrow('the MQTT server is closed; make another one')
    expect(() => server.subscribe('a', () => {})).toThrow('the MQTT server is closed; make another one')
  })

  it.each([
    [
      { host: '0.0.0.0' },
      'without authenticate() the network of 0.0.0.0 would be let in without a password; give one, or listen on 127.0.0.1',
    ],
    [
      { prot: 1 } as never,
      `createMqttServer() has no option 'prot'; it has port, host, authenticate, tls, limits, sysInterval, logger, clock`,
    ],
    [{ port: 70_000 }, 'port must be from 0 to 65535 (0: a free port), not 70000'],
    [{ sysInterval: -1 }, 'sysInterval must be from 0 to 86400 seconds'],
    [{ authenticate: 'no' as never }, 'authenticate must be a function that says who may come in'],
    [{ limits: { connexions: 5 } as never }, 'limits: unknown key connexions; docs/guide/mqtt.md lists all'],
    [{ limits: { packetBytes: 5 } }, 'limits: packetBytes must be at least 256, not 5; docs/guide/mqtt.md lists all'],
  ] satisfies [MqttServerOptions, string][])('%o', async (options, message) => {
    await expect(createMqttServer({ port: 0, ...options })).rejects.toThrow(message)
  })

  it('refuses topics and filters that are none', async () => {
    const { server } = await start()
    expect(() => server.publish('a/+', '')).toThrow('publish() needs a topic name: ')
    expect(() => server.publish('a', '', { qos: 3 as never })).toThrow('qos must be 0, 1 or 2, not 3')
    expect(() => server.subscribe('a/#/b', () => {})).toThrow('subscribe() needs a topic filter: ')
  })

  it('says what is wrong with its port', async () => {
    const { server } = await start()
    await expect(createMqttServer({ port: server.port })).rejects.toMatchObject({ code: 'ERR_HUB_PORT_IN_USE' })
  })
})

describe('$SYS', () => {
  it('is retained, every sysInterval seconds, and only what has changed', async () => {
    const clock = new VirtualClock()
    const { server } = await start({ clock, sysInterval: 10 })
    const values = new Map<string, string>()
    const order: string[] = []
    server.subscribe('$SYS/#', ({ topic, payload }) => {
      values.set(topic.slice('$SYS/broker/'.length), Buffer.from(payload).toString())
      order.push(topic)
    })
    await until('all are there', () => values.has('heap/maximum') && values.has('uptime'))
    expect([...values.keys()].filter((name) => !name.startsWith('load/')).toSorted()).toEqual([
      ...['bytes/received', 'bytes/sent', 'clients/active', 'clients/connected', 'clients/disconnected'],
      ...['clients/expired', 'clients/inactive', 'clients/maximum', 'clients/total', 'heap/current', 'heap/maximum'],
      ...['messages/received', 'messages/sent', 'messages/stored', 'publish/bytes/received', 'publish/bytes/sent'],
      ...['publish/messages/dropped', 'publish/messages/received', 'publish/messages/sent', 'retained messages/count'],
      ...[
        'shared_subscriptions/count',
        'store/messages/bytes',
        'store/messages/count',
        'subscriptions/count',
        'uptime',
        'version',
      ],
    ])
    expect(values.get('version')).toMatch(/^halyard version \d/)
    expect(values.get('uptime')).toBe('0 seconds')
    order.length = 0

    const client = await overTcp(server.port)
    await client.connect()
    for (let count = 0; count < 60; count++) client.send(client.publishPacket('x', 'four'))
    expect(await client.subscribe('$share/group/y')).toBe(1)
    await clock.advance(10_000)
    await until('they are told', () => values.get('uptime') === '10 seconds')
    await until('all of them', () => values.get('publish/messages/received') === '60')
    expect(values.get('publish/bytes/received')).toBe('240')
    expect(values.get('clients/connected')).toBe('2')
    expect(values.get('subscriptions/count')).toBe('1')
    expect(values.get('shared_subscriptions/count')).toBe('1')
    await until('the sockets', () => values.get('load/sockets/1min') === (12 * (1 - Math.exp(-1 / 6))).toFixed(2))
    // 60 in 10 s are 360 a minute, of which a minute's average has seen 10 s.
    await until(
      'the load',
      () => values.get('load/publish/received/1min') === (360 * (1 - Math.exp(-1 / 6))).toFixed(2),
    )
    expect(order).not.toContain('$SYS/broker/version')
  })

  it('is for those whose list names it, and no wildcard brings it', async () => {
    const { server } = await start({
      authenticate: ({ username }) => username === 'full' || { access: [{ filter: '#', access: 'readwrite' }] },
    })
    const full = await overTcp(server.port)
    await full.connect({ username: 'full' })
    expect(await full.subscribe('$SYS/broker/version')).toBe(1)
    expect(await full.message()).toMatch(/^\$SYS\/broker\/version halyard version/)
    const other = await overTcp(server.port)
    await other.connect({ username: 'other' })
    expect(await other.subscribe('$SYS/#')).toBe(0x80)
    expect(await other.subscribe('#')).toBe(1)
    // Nobody writes there.
    const spy = await overTcp(server.port)
    await spy.connect({ username: 'full' })
    await spy.subscribe('$SYS/forged')
    full.send(full.publishPacket('$SYS/forged', 'x'), full.publishPacket('mark', ''))
    expect(await other.message()).toBe('mark ')
    spy.send({ type: 'pingreq' })
    expect((await spy.next())?.type).toBe('pingresp')
  })

  it('0 switches it off', async () => {
    const { server } = await start({ sysInterval: 0 })
    const client = await overTcp(server.port)
    await client.connect()
    await client.subscribe('$SYS/#')
    client.send({ type: 'pingreq' })
    expect((await client.next())?.type).toBe('pingresp')
  })
})
