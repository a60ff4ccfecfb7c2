import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { MqttClient, TLS_FILES, clientCertificate, overTcp, overTls, overWebSocket, sampleOf } from './mqtt-support.ts'
import { open, send, startHub, until } from './support.ts'
import type { TestHub } from './support.ts'

const { cert, key } = TLS_FILES
const TLS = `tls: ${JSON.stringify({ cert, key })}`
const TLS_WITH_CA = `tls: ${JSON.stringify(TLS_FILES)}`

const mqttPort = ({ hub }: TestHub): number => hub.ports.mqtt ?? 0
const connections = async ({ hub }: TestHub): Promise<number> => {
  const response = await fetch(`http://127.0.0.1:${hub.ports.front}/health`)
  return ((await response.json()) as { services: { mqtt: { connections: number } } }).services.mqtt.connections
}

describe('every way in leads to the same broker', () => {
  it('TCP, TLS, WebSocket, secure WebSocket, on the front door and on the MQTT port', async () => {
    const started = await startHub({ config: `{ ${TLS} }` })
    const { front } = started.hub.ports
    const clients = [
      await overTcp(front),
      await overTcp(mqttPort(started)),
      await overTls(front),
      await overTls(mqttPort(started)),
      await overWebSocket(`ws://127.0.0.1:${front}/mqtt`),
      await overWebSocket(`wss://127.0.0.1:${front}/`),
    ]
    for (const client of clients) {
      expect(await client.connect(sampleOf(started))).toBe(0)
      expect(await client.subscribe('greetings/#')).toBe(1)
    }
    expect(await connections(started)).toBe(6)
    for (const [index, client] of clients.entries()) {
      client.send(client.publishPacket(`greetings/${index}`, 'ahoy'))
      for (const other of clients) expect(await other.message()).toBe(`greetings/${index} ahoy`)
    }
  })

  it('the first byte may come alone, and the rest in pieces', async () => {
    const started = await startHub()
    for (const port of [started.hub.ports.front, mqttPort(started)]) {
      const client = await overTcp(port)
      const bytes = client.bytesOf(client.connectPacket(sampleOf(started)))
      for (const byte of bytes) {
        client.line.write(Buffer.of(byte))
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(await client.next()).toMatchObject({ type: 'connack', reasonCode: 0 })
    }
  })
})

describe('the MQTT port', () => {
  it.each([
    [
      'HTTP',
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      'it speaks HTTP, and this port takes MQTT alone; HTTP is for the front door',
    ],
    ['TLS', '\x16\x03\x01\x02\0', 'it speaks TLS, and no certificate is configured (tls: { cert, key })'],
    ['nonsense', '\x20\0', 'its first byte begins no protocol that the hub speaks'],
  ])('closes %s with one line in the log', async (_name, bytes, line) => {
    const started = await startHub()
    for (let count = 0; count < 3; count++) expect(await send(mqttPort(started), bytes)).toBe('')
    expect(started.log.texts('warn')).toEqual([`mqtt: a connection was closed: ${line}`])
  })

  it('behind TLS too takes MQTT alone', async () => {
    const started = await startHub({ config: `{ ${TLS} }` })
    const client = await overTls(mqttPort(started))
    client.line.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await client.over()
    expect(client.came).toEqual([])
  })

  it('has so many seconds for the first byte, and so many for CONNECT', async () => {
    const started = await startHub({
      config: '{ front: { limits: { firstByteTimeout: 0.1 } }, mqtt: { limits: { connectTimeout: 0.1 } } }',
    })
    expect(await (await open(mqttPort(started))).answer).toBe('')
    const { socket, answer } = await open(mqttPort(started))
    socket.write('\x10')
    expect(await answer).toBe('')
  })

  it('has its own limits of connections', async () => {
    const started = await startHub({ config: '{ mqtt: { limits: { connections: 2 } } }' })
    await overTcp(mqttPort(started))
    await overTcp(mqttPort(started))
    await (await overTcp(mqttPort(started))).over()
    expect(started.log.texts('warn')).toEqual(['mqtt: a connection was refused: there are 2 connections in all'])
    const { services } = (await (await fetch(`http://127.0.0.1:${started.hub.ports.front}/health`)).json()) as {
      services: { mqtt: object }
    }
    expect(services.mqtt).toMatchObject({ refused: 1 })
  })
})

describe('WebSocket', () => {
  const url = ({ hub }: TestHub, path = '/mqtt'): string => `ws://127.0.0.1:${hub.ports.front}${path}`

  it.each([
    [['mqtt'], 'mqtt'],
    [['mqttv3.1'], 'mqttv3.1'],
    [['mqttv3'], 'mqttv3'],
    [['of.somebody', 'mqttv3.1', 'mqtt'], 'mqtt'],
    [[], ''],
  ])('sub-protocols %j: %j is spoken', async (protocols, spoken) => {
    const started = await startHub()
    const client = await overWebSocket(url(started), { protocols })
    expect(client.socket.protocol).toBe(spoken)
    expect(await client.connect(sampleOf(started))).toBe(0)
  })

  it.each(['/', '/mqtt', '/ws?x=1', '/apiary', '/consoles/x'])('at %s', async (path) => {
    const started = await startHub()
    expect(await (await overWebSocket(url(started, path))).connect(sampleOf(started))).toBe(0)
  })

  it.each(['/api/messages', '/console/', '/socket.io/'])('not at %s', async (path) => {
    const started = await startHub()
    await expect(overWebSocket(url(started, path))).rejects.toThrow('Unexpected server response: 404')
  })

  it('packets may be split over messages and frames, and several may be in one', async () => {
    const started = await startHub()
    const client = await overWebSocket(url(started))
    const subscription = { filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    const bytes = client.bytesOf(
      client.connectPacket(sampleOf(started)),
      { type: 'subscribe', packetId: 7, subscriptions: [subscription] },
      client.publishPacket('a', 'one'),
      client.publishPacket('a', 'x'.repeat(70_000)),
    )
    client.socket.send(bytes.subarray(0, 1))
    // One message in three frames.
    client.socket.send(bytes.subarray(1, 5), { fin: false })
    client.socket.send(bytes.subarray(5, 5), { fin: false })
    client.socket.send(bytes.subarray(5, bytes.length - 1))
    client.socket.send(bytes.subarray(bytes.length - 1))
    expect((await client.next())?.type).toBe('connack')
    expect((await client.next())?.type).toBe('suback')
    expect(await client.message()).toBe('a one')
    expect((await client.message())?.length).toBe(70_002)
  })

  it('a text frame ends it, with 1003, and nothing behind it counts [MQTT-6.0.0-1]', async () => {
    const started = await startHub()
    const client = await overWebSocket(url(started))
    await client.connect(sampleOf(started))
    const watcher = await overTcp(mqttPort(started))
    await watcher.connect(sampleOf(started))
    await watcher.subscribe('#')
    const closed = new Promise((resolve) => client.socket.on('close', resolve))
    client.socket.send('text')
    client.send(client.publishPacket('late', 'x'))
    expect(await closed).toBe(1003)
    watcher.send(watcher.publishPacket('mark', ''))
    expect(await watcher.message()).toBe('mark ')
  })

  it('a message larger than the largest packet ends it, with 1009', async () => {
    const started = await startHub({ config: '{ mqtt: { limits: { packetBytes: 1024 } } }' })
    const client = await overWebSocket(url(started))
    const closed = new Promise((resolve) => client.socket.on('close', resolve))
    client.socket.send(Buffer.alloc(1024 + 65_536 + 1))
    expect(await closed).toBe(1009)
    await until('the hub has forgotten it', async () => (await connections(started)) === 0)
  })

  it('counts against the limits of the front door', async () => {
    const started = await startHub({ config: '{ front: { limits: { connections: 2 } } }' })
    const first = await overWebSocket(url(started))
    await overWebSocket(url(started))
    await (await overTcp(started.hub.ports.front)).over()
    first.socket.terminate()
    await until('there is room again', async () => {
      const socket = new WebSocket(url(started))
      return new Promise<boolean>((resolve) => {
        socket.on('error', () => resolve(false))
        socket.on('open', () => resolve(true))
      }).finally(() => socket.terminate())
    })
  })

  it('who has said nothing in time is cut', async () => {
    const started = await startHub({ config: '{ mqtt: { limits: { connectTimeout: 0.1 } } }' })
    const client = await overWebSocket(url(started))
    await client.over()
    await until('the hub has forgotten it', async () => (await connections(started)) === 0)
  })

  it('who vanishes is gone when his keep-alive is over, and his will is published', async () => {
    const started = await startHub()
    const watcher = await overTcp(mqttPort(started))
    await watcher.connect(sampleOf(started))
    await watcher.subscribe('will')
    const client = await overWebSocket(url(started))
    const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false } as const
    await client.connect({ ...sampleOf(started), keepAlive: 1, will })
    // It reads nothing more and answers nothing: not even the close.
    client.socket.pause()
    expect(await watcher.message()).toBe('will gone')
    await until('the hub has let it go', async () => (await connections(started)) === 1)
  })

  it('a slow reader gets everything that its limits allow, in order', async () => {
    const started = await startHub({ config: '{ mqtt: { limits: { outputBytes: 131072 } } }' })
    const client = await overWebSocket(url(started))
    await client.connect(sampleOf(started))
    await client.subscribe('bulk')
    client.socket.pause()
    const publisher = await overTcp(mqttPort(started))
    await publisher.connect(sampleOf(started))
    const count = 400
    for (let index = 0; index < count; index++) {
      const payload = Buffer.alloc(50_000, 0x78)
      payload.writeUInt32BE(index)
      publisher.send({
        type: 'publish',
        topic: 'bulk',
        payload,
        qos: 1,
        packetId: index + 1,
        retain: false,
        dup: false,
      })
    }
    for (let index = 0; index < count; index++) expect((await publisher.next())?.type).toBe('puback')
    client.socket.resume()
    for (let index = 0; index < count; index++) {
      const packet = await client.next()
      if (packet?.type !== 'publish') throw new Error(`a message was expected, not ${String(packet?.type)}`)
      expect(Buffer.from(packet.payload).readUInt32BE()).toBe(index)
      client.send({ type: 'puback', packetId: packet.packetId ?? 0, reasonCode: 0 })
    }
  })

  it('closing the hub closes it with 1000', async () => {
    const started = await startHub()
    const client = await overWebSocket(url(started))
    await client.connect(sampleOf(started))
    const closed = new Promise((resolve) => client.socket.on('close', resolve))
    await started.hub.close()
    expect(await closed).toBe(1000)
  })
})

describe('the end', () => {
  it('clients of 5.0 are told that the hub goes, and who sends on and on is cut', async () => {
    const started = await startHub()
    const polite = await overTcp(mqttPort(started), 5)
    expect(await polite.connect(sampleOf(started))).toBe(0)
    const { socket, answer } = await open(mqttPort(started), { allowHalfOpen: true })
    const rude = new MqttClient({
      write: (bytes) => void socket.write(bytes),
      destroy: () => void socket.destroy(),
      onBytes: (listener) => void socket.on('data', listener),
      onClose: (listener) => void socket.on('close', listener),
    })
    await rude.connect(sampleOf(started))
    const ping = rude.bytesOf({ type: 'pingreq' })
    const talk = setInterval(() => socket.write(ping), 20)
    await started.hub.close()
    expect(await polite.next()).toMatchObject({ type: 'disconnect', reasonCode: 0x8b })
    await answer
    clearInterval(talk)
    expect(started.log.texts('warn')).toEqual([])
  })
})

describe('client certificates', () => {
  it('of the authority, with the name of an account, need no password', async () => {
    const started = await startHub({ config: `{ ${TLS_WITH_CA} }` })
    const come = (): Promise<MqttClient> => overTls(mqttPort(started), clientCertificate('sample'))
    expect(await (await come()).connect()).toBe(0)
    expect(await (await come()).connect({ username: 'sample' })).toBe(0)
    // Another account needs its own password.
    expect(await (await come()).connect({ username: 'other' })).toBe(4)
  })

  it('are asked for on the MQTT port alone: a browser at the front door would ask its user', async () => {
    const started = await startHub({ config: `{ ${TLS_WITH_CA} }` })
    const { front } = started.hub.ports
    const asks = async (port: number): Promise<boolean> => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      // A client has these of the server's request for its certificate, and of nothing else.
      const isAsked = socket.getSharedSigalgs().length > 0
      await once(socket.resume().end(), 'close')
      return isAsked
    }
    expect([await asks(mqttPort(started)), await asks(front)]).toEqual([true, false])
    const ours = clientCertificate('sample')
    for (const way of [() => overTls(front, ours), () => overWebSocket(`wss://127.0.0.1:${front}/`, ours)]) {
      // Nobody's certificate is looked at: it speaks Emitter.
      expect(await (await way()).connect()).toBe(0)
      expect(await (await way()).connect({ username: 'sample' })).toBe(4)
      expect(await (await way()).connect(sampleOf(started))).toBe(0)
    }
  })

  it('of another authority, of a name without account, or none: the password decides', async () => {
    const started = await startHub({ config: `{ ${TLS_WITH_CA} }` })
    const strange = clientCertificate('strange-sample')
    const port = mqttPort(started)
    expect(await (await overTls(port, strange)).connect()).toBe(5)
    expect(await (await overTls(port, strange)).connect({ username: 'sample' })).toBe(4)
    expect(await (await overTls(port, strange)).connect(sampleOf(started))).toBe(0)
    const nobody = clientCertificate('nobody')
    expect(await (await overTls(port, nobody)).connect()).toBe(5)
    expect(await (await overTls(port, nobody)).connect(sampleOf(started))).toBe(0)
    expect(await (await overTls(port)).connect(sampleOf(started))).toBe(0)
    expect(await (await overTcp(port)).connect({ username: 'sample' })).toBe(4)
  })
})
