import { once } from 'node:events'
import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { encodeToBytes } from '@halyard/wire/mqtt'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { until } from '../support.ts'
import { ALL, inVersions, lasting, startBroker, startBrokerInTime } from './broker.ts'
import type { TestBroker } from './broker.ts'
import { connectPacket, publishPacket, subscribePacket } from './raw-client.ts'
import type { RawClient } from './raw-client.ts'

/** Clients that mean harm, or have been written in a hurry: the server stays up, others notice nothing, memory has a bound. */

/** Two clients that talk to each other while something is done to the server; they must not notice. */
async function undisturbed(broker: TestBroker, body: () => Promise<void>): Promise<void> {
  const [speaker, listener] = [await broker.client(), await broker.client()]
  await listener.subscribe('between/us', { qos: 1 })
  await body()
  await speaker.publish('between/us', 'still here', { qos: 1 })
  await listener.message('between/us', 'still here', { qos: 1 })
  expect(broker.log.texts('error')).toEqual([])
}

// Some of them send tens of megabytes.
vi.setConfig({ testTimeout: 30_000 })

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Heap and buffers that are still there afterwards. */
async function growth(body: () => Promise<void>): Promise<number> {
  const used = async (): Promise<number> => {
    // Buffers are freed by a thread of their own, behind the collection.
    for (let round = 0; round < 3; round++) {
      collectGarbage()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = await used()
  await body()
  return (await used()) - before
}

const MIB = 1024 * 1024

describe('before CONNECT', () => {
  const first: readonly (readonly [title: string, bytes: Uint8Array | string])[] = [
    ['CONNACK', '20020000'],
    ['SUBACK', '9003000100'],
    ['UNSUBACK', 'b0020001'],
    ['PINGRESP', 'd000'],
    ['PUBLISH', encodeToBytes(publishPacket('a', ''), 4)],
    ['PUBACK', '40020001'],
    ['PUBREC', '50020001'],
    ['PUBREL', '62020001'],
    ['PUBCOMP', '70020001'],
    ['SUBSCRIBE', encodeToBytes(subscribePacket(1, [{ filter: '#' }]), 4)],
    ['UNSUBSCRIBE', 'a2050001000161'],
    ['PINGREQ', 'c000'],
    ['DISCONNECT', 'e000'],
    ['AUTH', 'f000'],
    ['packet type 0', '0000'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: hub\r\n\r\n')],
    ['TLS', '16030100c8010000c40303'],
    ['zeros', new Uint8Array(10_000)],
    ['CONNECT with flags', '1f0d00044d5154540402003c000161'],
    ['CONNECT of 256 MiB', '10ffffff7f'],
    ['CONNECT with a length of five bytes', '10ffffffff7f'],
    ['CONNECT of 64 KiB and one byte', '10feff03'],
  ]
  it('each wrong first packet ends its connection [MQTT-3.1.0-1] [3.1.1 MQTT-3.1.0-1]', async () => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      for (const [title, bytes] of first) {
        const client = await broker.open()
        client.sendBytes(bytes)
        await client.closed().catch((error: unknown) => expect.fail(`${title}: ${String(error)}`))
      }
    })
  })

  it('one that says nothing has 5 s, and so has one that never comes to an end', async () => {
    const { broker, pass } = await startBrokerInTime()
    await undisturbed(broker, async () => {
      const [silent, slow] = [await broker.open(), await broker.open()]
      const bytes = encodeToBytes(connectPacket({ clientId: 'x'.repeat(1000) }), 4)
      for (let second = 0; second < 4; second++) {
        const before = broker.server.broker.counters.bytesReceived
        slow.sendBytes(bytes.subarray(second, second + 1))
        await until('the byte is there', () => broker.server.broker.counters.bytesReceived > before)
        await pass(1)
      }
      expect(broker.server.connections).toBe(4)
      await pass(2)
      await silent.closed()
      await slow.closed()
    })
  })

  it('a slow one that is done in time is served', async () => {
    const { broker, pass } = await startBrokerInTime()
    const client = await broker.open()
    const bytes = encodeToBytes(connectPacket(), 4)
    for (const [i, byte] of bytes.entries()) {
      const before = broker.server.broker.counters.bytesReceived
      client.sendBytes(Uint8Array.of(byte))
      await until('the byte is there', () => broker.server.broker.counters.bytesReceived > before)
      if (i % 8 === 0) await pass(1)
    }
    await client.expect('connack', { reasonCode: 0 })
  })

  it('one that goes on writing when it has been refused, and never closes, is cut off', async () => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      const socket = connect({ port: broker.port, host: '127.0.0.1', allowHalfOpen: true })
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {}).resume()
      await once(socket, 'connect')
      const flood = Buffer.alloc(1024)
      socket.write(encodeToBytes(connectPacket({ version: 5 }), 5))
      const writing = setInterval(() => socket.write(flood), 10)
      await new Promise((resolve) => socket.on('close', resolve))
      clearInterval(writing)
    })
  })
})

describe('topics', () => {
  inVersions(ALL, 'of 65,535 bytes and of 10,000 levels, everywhere', async (version) => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      const long = 'x'.repeat(65_535)
      const deep = '/'.repeat(9_999)
      const client = await broker.client({ version })
      expect(await client.subscribe(long)).toBe(0)
      client.send(publishPacket(long, '', { retain: true }))
      await client.message(long)
      expect(await client.subscribe(deep)).toBe(version === 5 ? 0x8f : 0x80)
      expect(await client.subscribe(`${'+/'.repeat(9_999)}#`)).toBe(version === 5 ? 0x8f : 0x80)
      await client.unsubscribe(deep, long)
      // Nobody is told at QoS 0; before 5.0 the connection ends, since PUBACK cannot say no.
      client.send(publishPacket(deep, '', { qos: 1, packetId: 1 }))
      if (version === 5) await client.expect('puback', { reasonCode: 0x90 })
      else await client.closed()
    })
  })

  inVersions(ALL, 'of a will with 65,536 levels: no CONNECT for it', async (version) => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      const client = await broker.open()
      client.version = version
      const will = { topic: '/'.repeat(30_000), payload: Buffer.from('!'), qos: 0, retain: true } as const
      client.send(connectPacket({ version, will }))
      if (version === 5) await client.expect('connack', { reasonCode: 0x90 })
      await client.closed()
      const other = await broker.client()
      await other.subscribe('#')
      await other.quiet()
    })
  })

  it('many long ones leave nothing behind', async () => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      const client = await broker.client()
      const grown = await growth(async () => {
        for (let i = 0; i < 400; i++) client.send(publishPacket(`${i}`.padEnd(60_000, 'x'), ''))
        await client.quiet()
      })
      expect(grown).toBeLessThan(8 * MIB)
    })
  })
})

describe('subscriptions', () => {
  it('100,000 in one packet: those that fit into the session, the rest is refused', async () => {
    const broker = await startBroker({ limits: { packetBytes: 2 * MIB } })
    await undisturbed(broker, async () => {
      const client = await broker.client({ version: 5 })
      const filters = Array.from({ length: 100_000 }, (_, i) => ({ filter: `${i}/+` }))
      client.send(subscribePacket(1, filters))
      const { reasonCodes } = await client.expect('suback')
      expect(reasonCodes.filter((code) => code === 0)).toHaveLength(10_000)
      expect(reasonCodes.filter((code) => code === 0x97)).toHaveLength(90_000)
      client.send({ type: 'unsubscribe', packetId: 2, filters: filters.map(({ filter }) => filter) })
      expect((await client.expect('unsuback')).reasonCodes).toHaveLength(100_000)
      expect(broker.server.broker.space('mqtt').subscriptions).toBe(1)
    })
  })

  it('in a packet larger than the limit: the connection ends before it is read', async () => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      const client = await broker.client({ version: 5 })
      client.sendBytes('82ffffff7f')
      await client.closedFor(0x95)
    })
  })

  it('many that fit all retained messages hold no more than one of them at a time', async () => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      const publisher = await broker.client()
      for (let i = 0; i < 5000; i++) publisher.send(publishPacket(`a/b/c/d/e/f/g/h/i/j/${i}`, 'kept', { retain: true }))
      await publisher.quiet()
      const client = await broker.client({ version: 5 })
      const grown = await growth(async () => {
        client.socket.pause()
        client.send(
          subscribePacket(
            1,
            Array.from({ length: 1024 }, (_, i) => ({ filter: wild(i) })),
          ),
        )
        await until('all are there', () => broker.server.broker.space('mqtt').subscriptions === 1025)
      })
      expect(grown).toBeLessThan(16 * MIB)
    })
  })
})

/** `a/+/c/+/…/#`: ten levels, each its own letter or a wildcard. */
function wild(mask: number): string {
  return `${Array.from('abcdefghij', (letter, i) => (mask & (1 << i) ? '+' : letter)).join('/')}/#`
}

describe('clients that do not read', () => {
  it('a subscriber loses QoS 0 beyond 1 MiB, keeps the rest as positions, and is cut off after 30 s', async () => {
    const { broker, pass } = await startBrokerInTime()
    await undisturbed(broker, async () => {
      const client = await broker.client(lasting(5, 'stuck'))
      await client.subscribe('flood', { qos: 1 })
      client.socket.pause()
      const publisher = await broker.client()
      const grown = await growth(async () => {
        for (let i = 0; i < 200; i++) {
          for (let k = 0; k < 10; k++) publisher.send(publishPacket('flood', 'x'.repeat(10_000)))
          await publisher.quiet()
        }
      })
      // 20 MB were published; the kernel's buffers took what they take.
      expect(broker.server.broker.counters.dropped).toBeGreaterThan(500)
      expect(grown).toBeLessThan(4 * MIB)
      for (let i = 0; i < 10; i++) await publisher.publish('flood', 'important', { qos: 1 })
      await pass(33)
      await until('it is cut off', () => broker.server.connections === 3)
      const back = await broker.client(lasting(5, 'stuck'))
      for (let i = 0; i < 10; i++) await back.message('flood', 'important')
    })
  })

  it('who asks without reading the answers is not read any more, until he does', async () => {
    const broker = await startBroker({ limits: { outputBytes: 65_536 } })
    await undisturbed(broker, async () => {
      const { counters } = broker.server.broker
      const socket = connect({ port: broker.port, host: '127.0.0.1' })
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {}).pause()
      socket.write(encodeToBytes(connectPacket(), 4))
      const asked = Buffer.alloc(65_536, Buffer.from('c000', 'hex'))
      const grown = await growth(async () => {
        // More than the kernel takes, 33 and 4 MB each way at most; one that is slow for a moment is not taken for the server.
        for (let chunks = 0; chunks < 2000; chunks++) {
          socket.write(asked)
          await new Promise((resolve) => setImmediate(resolve))
        }
      })
      expect(socket.writableLength).toBeGreaterThanOrEqual(MIB)
      expect(grown).toBeLessThan(8 * MIB)
      const sent = counters.packetsSent
      socket.resume()
      await until('it goes on', () => counters.packetsSent > sent + 100_000)
    })
  })
})

describe('messages that are larger than they look', () => {
  it('user properties count against the queue', async () => {
    const broker = await startBroker({ limits: { queuedBytes: MIB } })
    await undisturbed(broker, async () => {
      await broker.left(await subscribed(broker, 'away'))
      const publisher = await broker.client({ version: 5 })
      const userProperties = Array.from({ length: 10 }, () => ['name', 'x'.repeat(60_000)] as const)
      for (let i = 0; i < 20; i++) await publisher.publish('q', '', { qos: 1, properties: { userProperties } })
      expect(broker.server.broker.heldMessages).toBe(1)
      expect(broker.server.broker.counters.dropped).toBe(19)
    })
  })

  it('and against the retained messages', async () => {
    const broker = await startBroker({ limits: { retainedBytes: MIB } })
    const publisher = await broker.client({ version: 5 })
    const userProperties = Array.from({ length: 10 }, () => ['name', 'x'.repeat(60_000)] as const)
    for (let i = 0; i < 5; i++)
      publisher.send(publishPacket(`${i}`, '!', { retain: true, properties: { userProperties } }))
    await publisher.quiet()
    expect(broker.server.broker.space('mqtt').retained.count).toBe(1)
  })
})

async function subscribed(broker: TestBroker, clientId: string): Promise<RawClient> {
  const client = await broker.client(lasting(5, clientId))
  await client.subscribe('q', { qos: 1 })
  return client
}

describe('many connections', () => {
  inVersions([4, 5], 'the same client id from two places in a loop', async (version) => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      let last: RawClient | undefined
      for (let i = 0; i < 200; i++) {
        const next = await broker.client(lasting(version, 'same'))
        await next.subscribe('q', { qos: 1 })
        await last?.closedFor(0x8e)
        last = next
      }
      expect(broker.server.broker.sessions.size).toBe(3)
      expect(broker.server.broker.space('mqtt').subscriptions).toBe(2)
      await (await broker.client()).publish('q', 'once', { qos: 1 })
      await last?.message('q', 'once')
    })
  })

  it('the same client id from two places at once: one of them stays', async () => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      const clients = await Promise.all(Array.from({ length: 50 }, () => broker.open()))
      for (const client of clients) client.send(connectPacket({ clientId: 'same' }))
      const { counters } = broker.server.broker
      await until('one is left', () => counters.connectionsEver === 52 && broker.server.connections === 3)
      expect(broker.server.broker.sessions.size).toBe(3)
    })
  })

  it('1,000 at once that come and go leave nothing behind', async () => {
    const broker = await startBroker()
    await undisturbed(broker, async () => {
      await comeAndGo(broker, 1000)
      expect(broker.server.connections).toBe(2)
      expect(broker.server.broker.sessions.size).toBe(2)
    })
  })
})

async function comeAndGo(broker: TestBroker, count: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: count }, () => broker.client()))
  expect(broker.server.connections).toBe(count + 2)
  await broker.left(...clients)
}
