import { describe, expect, it } from 'vitest'
import { overTcp, overWebSocket } from '../mqtt-support.ts'
import { RawClient, publishPacket } from '../mqtt/raw-client.ts'
import type { ConnectWish } from '../mqtt/raw-client.ts'
import { temporaryDirectory } from '../support.ts'
import {
  ALL_KEY,
  MASTER,
  TEST_KEY,
  UNAUTHORIZED,
  startEmitterHub,
  startHubInTime,
  startRecordedHub,
} from './support.ts'
import type { EmitterHub } from './support.ts'

const unauthorized = { status: 401, message: UNAUTHORIZED }
const lasting: ConnectWish = {
  clientId: 'lasting',
  cleanStart: false,
  username: 'u',
  password: Buffer.from('a secret'),
}

async function raw(hub: EmitterHub, wish: ConnectWish = {}): Promise<RawClient> {
  return (await RawClient.open(hub.hub.ports.front)).connect(wish)
}

describe('quality of service', () => {
  it('1 and 2 end to end for whoever asks, 0 for the original SDKs', async () => {
    const hub = await startRecordedHub()
    const writer = await hub.client()
    const readers = await Promise.all([0, 1, 2].map(() => raw(hub)))
    for (const [qos, reader] of readers.entries()) {
      expect(await reader.subscribe(`${ALL_KEY}/q/`, { qos: qos as 0 | 1 | 2 })).toBe(qos)
    }
    await writer.publish(`${ALL_KEY}/q/`, '1')
    expect(await writer.raw.publish(`${ALL_KEY}/q/`, '2', { qos: 2 })).toBe(0)
    const [zero, one, two] = readers
    await zero?.message('q/', '1', { qos: 0 })
    await zero?.message('q/', '2', { qos: 0 })
    await one?.message('q/', '1', { qos: 1 })
    await one?.message('q/', '2', { qos: 1 })
    await two?.message('q/', '1', { qos: 1 })
    const { packetId = 0 } = (await two?.message('q/', '2', { qos: 2 })) ?? {}
    two?.acknowledge('pubrec', { packetId })
    await two?.expect('pubrel', { packetId })
  })
})

describe('sessions that last', () => {
  it('are whose password they were made with', async () => {
    const hub = await startRecordedHub()
    const [reader, writer] = [await raw(hub, lasting), await hub.client()]
    expect(await reader.subscribe(`${ALL_KEY}/q/`, { qos: 1 })).toBe(1)
    reader.drop()
    const thief = await raw(hub, { ...lasting, password: Buffer.from('another secret') })
    expect(thief.connack.sessionPresent).toBe(false)
    await writer.publish(`${ALL_KEY}/q/`, 'kept')
    await thief.quiet()
    const again = await raw(hub, lasting)
    expect(again.connack.sessionPresent).toBe(true)
    await again.message('q/', 'kept', { qos: 1 })
    // The other is still there: it is another session.
    await thief.quiet()
  })

  it('without a secret end with the connection, and nobody takes anybody over', async () => {
    const hub = await startRecordedHub()
    const wish = { clientId: 'same', cleanStart: false }
    const [one, other] = [await raw(hub, wish), await raw(hub, wish)]
    await one.subscribe(`${ALL_KEY}/q/`, { qos: 1 })
    await other.quiet()
    await one.quiet()
    one.drop()
    expect((await raw(hub, wish)).connack.sessionPresent).toBe(false)
  })

  it('outlive the process with what they are owed, and lose what their keys have lost', async () => {
    const data = await temporaryDirectory()
    const first = await startEmitterHub({ data })
    const writer = await first.client()
    const [good, bad] = [
      await writer.keygen(first.master, 'good/', 'rw'),
      await writer.keygen(first.master, 'bad/', 'rw'),
    ]
    const reader = await raw(first, lasting)
    for (const filter of [`${good}/good/`, `${bad}/bad/`]) await reader.subscribe(filter, { qos: 1 })
    reader.leave()
    await writer.publish(`${good}/good/`, 'one')
    await writer.ask('keyban', { secret: first.master, target: bad, banned: true })
    await writer.ask('keyban', { secret: first.master, target: bad, banned: false })
    // The ban has ended the subscription, though nobody was there.
    await writer.publish(`${bad}/bad/`, 'not for it')
    await first.hub.close()
    const second = await startEmitterHub({ data })
    const again = await second.client()
    await again.publish(`${good}/good/`, 'two')
    const back = await raw(second, lasting)
    expect(back.connack.sessionPresent).toBe(true)
    for (const text of ['one', 'two']) {
      const { packetId = 0 } = await back.message('good/', text)
      back.acknowledge('puback', { packetId })
    }
    await back.quiet()
    await second.hub.close()
    const third = await startEmitterHub({ data, emitterLicense: 'zT83oDV0DWY5_JysbSTPTDr8KB0AAAAAAAAAAAAAAAI' })
    expect((await raw(third, lasting)).connack.sessionPresent).toBe(false)
  })
})

describe('wills', () => {
  const will = (key: string, topic = 'will/'): ConnectWish => ({
    will: { topic: `${key}/${topic}`, payload: Buffer.from('gone'), qos: 0, retain: false },
  })

  it('V76: only after an abnormal end', async () => {
    const hub = await startRecordedHub()
    const watcher = await hub.client()
    await watcher.subscribe(`${ALL_KEY}/will/`)
    const [polite, dropped] = [await raw(hub, will(ALL_KEY)), await raw(hub, will(ALL_KEY))]
    polite.leave()
    await polite.closed()
    await watcher.quiet()
    dropped.drop()
    expect(await watcher.message()).toBe('will/ gone')
  })

  it('go by their key, and by what it is when they are due', async () => {
    const hub = await startRecordedHub()
    const watcher = await hub.client()
    await watcher.subscribe(`${ALL_KEY}/#/`)
    const key = await watcher.keygen(MASTER, 'will/', 'w')
    const wishes = [will(key), will(TEST_KEY), will('nope'), will(key, 'will/+/'), will('emitter', 'me/')]
    const clients: RawClient[] = []
    for (const wish of wishes) {
      const client = await RawClient.open(hub.hub.ports.front)
      // One with a wildcard is refused at once.
      if (
        await client.connect(wish).then(
          () => true,
          () => false,
        )
      )
        clients.push(client)
    }
    expect(clients).toHaveLength(4)
    await watcher.ask('keyban', { secret: MASTER, target: key, banned: true })
    for (const client of clients) client.drop()
    const last = await raw(hub, will(ALL_KEY, 'last/?ttl=60'))
    last.drop()
    expect(await watcher.message()).toBe('last/ gone')
  })
})

describe('what ends', () => {
  it('a key: its subscriptions with a 401, its messages, its links, what it watches', async () => {
    const { hub, pass } = await startHubInTime()
    const [client, writer] = [await hub.client(), await hub.client()]
    const key = await client.keygen(MASTER, 'a/', 'rwp', 10)
    expect(await client.subscribe(`${key}/a/`)).toBe(0)
    await client.ask('presence', { key, channel: 'a/', status: false, changes: true })
    await client.publish(`${key}/a/?me=0`)
    await pass(9)
    await writer.publish(`${key}/a/`, 'in time')
    expect(await client.message()).toBe('a/ in time')
    await pass(3)
    for (const _ of ['the watch', 'the subscription']) expect((await client.said()).json).toEqual(unauthorized)
    await writer.publish(`${ALL_KEY}/a/`, 'too late')
    expect(await client.refused(`${key}/a/?me=0`)).toBe(`401 ${UNAUTHORIZED}`)
    expect(await client.subscribe(`${key}/a/`)).toBe(0x80)
    expect(await writer.subscribe(`${ALL_KEY}/a/`)).toBe(0)
    await client.quiet()
  })

  it('V75: a connection without a keep-alive that is silent for 120 seconds', async () => {
    const { hub, pass } = await startHubInTime()
    const [silent, other] = [await raw(hub), await raw(hub, { keepAlive: 300 })]
    await pass(119)
    await silent.quiet()
    await pass(110)
    await silent.quiet()
    await pass(122)
    await silent.closed()
    await other.quiet()
  })
})

describe('MQTT itself', () => {
  it('V74: a body of 65,536 bytes passes, one more closes the connection', async () => {
    const hub = await startRecordedHub()
    const [client, other] = [await hub.client(), await raw(hub)]
    const topic = `${ALL_KEY}/big/?me=0`
    const room = 65_536 - 2 - topic.length - 2
    await client.publish(topic, 'x'.repeat(room))
    other.send(publishPacket(topic, 'x'.repeat(room + 1), { qos: 1, packetId: 1 }))
    await other.closed()
  })

  it('3.1, 3.1.1 and 5.0, and CONNACK 1 for what nobody knows', async () => {
    const hub = await startRecordedHub()
    for (const version of [3, 4, 5] as const) {
      const client = await hub.client({ version })
      expect(await client.subscribe(`${ALL_KEY}/v/`)).toBe(0)
      await client.raw.publish(`${ALL_KEY}/v/?me=0`, 'x')
    }
    const stranger = await RawClient.open(hub.hub.ports.front)
    stranger.sendBytes('100d00044d5154546302001e000161')
    await stranger.expect('connack', { reasonCode: 1 })
    await stranger.closed()
  })

  it('5.0 is told why, in codes', async () => {
    const hub = await startRecordedHub()
    const client = await hub.client({ version: 5 })
    expect(await client.subscribe('nope/test/')).toBe(0x87)
    expect(await client.subscribe(`${ALL_KEY}/a//@/`)).toBe(0x8f)
    for (const [topic, reasonCode] of [
      ['nope/test/', 0x87],
      ['bad', 0x90],
    ] as const) {
      for (const qos of [1, 2] as const) {
        const packetId = client.raw.nextId
        client.raw.send(publishPacket(topic, 'x', { qos, packetId }))
        expect((await client.said()).topic).toBe('emitter/error/')
        await client.raw.expect(qos === 1 ? 'puback' : 'pubrec', { packetId, reasonCode })
      }
    }
  })

  it('at the front door, over TCP and WebSocket; on the MQTT port are accounts alone', async () => {
    const hub = await startRecordedHub()
    const { front, mqtt = 0 } = hub.hub.ports
    for (const client of [
      await overTcp(front),
      await overWebSocket(`ws://127.0.0.1:${front}/`, { protocols: ['mqttv3.1'] }),
    ]) {
      expect(await client.connect({ username: 'bob' })).toBe(0)
      expect(await client.subscribe(`${ALL_KEY}/a/`)).toBe(1)
    }
    expect(await (await overTcp(front)).connect({ username: 'sample' })).toBe(4)
    expect(await (await overTcp(mqtt)).connect()).toBe(5)
    expect(await (await overTcp(mqtt)).connect({ username: 'bob', password: Buffer.from('x') })).toBe(4)
  })

  it('a client that asks and does not read costs no memory: what has no room is dropped', async () => {
    const hub = await startRecordedHub()
    const members = await Promise.all(Array.from({ length: 20 }, () => hub.client({ username: 'n'.repeat(5000) })))
    for (const member of members) await member.subscribe(`${ALL_KEY}/p/`)
    const watcher = await hub.client()
    const key = await watcher.keygen(MASTER, 'p/', 'p')
    const request = JSON.stringify({ key, channel: 'p/', changes: false })
    watcher.raw.socket.pause()
    for (let number = 0; number < 2000; number++) watcher.raw.send(publishPacket('emitter/presence/', request))
    watcher.raw.send({ type: 'pingreq' })
    await (await hub.client()).publish(`${ALL_KEY}/elsewhere/`)
    watcher.raw.socket.resume()
    let answers = 0
    while ((await watcher.raw.next()).type === 'publish') answers++
    expect(answers).toBeGreaterThan(0)
    expect(answers).toBeLessThan(2000)
  })
})
