/** Servers that send what no server may: the client ends the connection, tells why, and tries again. */
import { readFileSync } from 'node:fs'
import { systemClock } from '@halyard/core'
import type { Clock } from '@halyard/core'
import { seededRandom } from '@halyard/testkit'
import { encodeToBytes } from '@halyard/wire/mqtt'
import type { Packet } from '@halyard/wire/mqtt'
import { describe, expect, it } from 'vitest'
import { MqttClient } from '../src/index.ts'
import type { Dial, TransportEvents } from '../src/transport.ts'
import { clientOf, happens, texts } from './support/clients.ts'
import { ScriptedServer } from './support/scripted-server.ts'

interface Vector {
  readonly name: string
  readonly direction: string
  readonly hex: string
}

const vectors = (version: string): Vector[] => {
  const text = readFileSync(new URL(`../../../vectors/mqtt/mqtt-${version}.json`, import.meta.url), 'utf8')
  return (JSON.parse(text) as { vectors: Vector[] }).vectors
}
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

/** A network in this process: the test hands in bytes, and sees when the client had enough of them. */
class Wire {
  readonly dial: Dial
  #events: TransportEvents | undefined
  isOpen = false
  dialled = 0

  constructor() {
    this.dial = (_address, _options, events) => {
      this.#events = events
      this.dialled++
      this.isOpen = true
      queueMicrotask(() => events.opened())
      return {
        waiting: 0,
        write: () => true,
        pause: () => {},
        resume: () => {},
        end: () => {
          this.isOpen = false
          queueMicrotask(() => events.closed())
        },
        destroy: () => {
          this.isOpen = false
        },
      }
    }
  }

  receive(bytes: Uint8Array): void {
    if (this.isOpen) this.#events?.received(bytes)
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#events?.closed()
  }
}

/** Real, but what is due at once is due in the next turn, not in the next millisecond. */
function eagerClock(): Clock {
  const clock = systemClock()
  return {
    bootId: clock.bootId,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimer(milliseconds, callback) {
      if (milliseconds > 0) return clock.setTimer(milliseconds, callback)
      const immediate = setImmediate(callback)
      return { cancel: () => clearImmediate(immediate) }
    },
  }
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** A client on a wire, connected and subscribed. */
async function onWire(version: 4 | 5): Promise<{ wire: Wire; client: MqttClient; open: () => Promise<void> }> {
  const wire = new Wire()
  const options = { version, clientId: 'me', sessionExpiry: 60, reconnect: { base: 0, cap: 0 } } as const
  const client = new MqttClient('mqtt://nowhere', options, { dial: wire.dial, clock: eagerClock() })
  const connack = encodeToBytes({ type: 'connack', sessionPresent: true, reasonCode: 0 }, version)
  const open = async (): Promise<void> => {
    while (!wire.isOpen) await turn()
    await turn()
    wire.receive(connack)
    await turn()
  }
  await turn()
  await open()
  return { wire, client, open }
}

describe.each([4, 5] as const)('version %s', (version) => {
  const packets = vectors(version === 4 ? '3.1.1' : '5.0').map(({ hex }) => bytesOf(hex))

  it('every packet of the vectors, cut at every length, before CONNACK and behind it', async () => {
    const { wire, client, open } = await onWire(version)
    for (const packet of packets) {
      const step = Math.max(1, Math.floor(packet.length / 40))
      for (let end = 1; end <= packet.length; end += step) {
        if (end % 2 === 0) await open()
        wire.receive(packet.subarray(0, end))
        wire.receive(packet.subarray(end))
        wire.close()
      }
    }
    await open()
    expect(client.isConnected).toBe(true)
    await client.close()
  })

  it('ten thousand mutated packets: never a crash, never a hang, always a new connection', async () => {
    const random = seededRandom(version)
    const { wire, client, open } = await onWire(version)
    void client.subscribe('#', { qos: 2 }).catch(() => {})
    void client.publish('a', 'x', { qos: 2 })
    let reconnections = 0
    for (let round = 0; round < 10_000; round++) {
      const packet = Uint8Array.from(packets[random.integer(packets.length)]!)
      for (let flips = random.integer(4); flips >= 0 && packet.length > 0; flips--) {
        packet[random.integer(packet.length)] = random.integer(256)
      }
      wire.receive(packet)
      if (wire.isOpen && round % 50 !== 0) continue
      wire.close()
      reconnections++
      await open()
    }
    wire.close()
    await open()
    expect(client.isConnected).toBe(true)
    expect(reconnections).toBeGreaterThan(100)
    wire.close()
    await client.close()
  })
})

/** What a server may never send to a client that is connected with 5.0. */
const WRONG: readonly (readonly [what: string, packet: Packet | readonly number[], reasonCode: number])[] = [
  ['a second CONNACK', { type: 'connack', sessionPresent: false, reasonCode: 0 }, 0x82],
  ['a CONNECT', { type: 'connect', version: 5, clientId: '', cleanStart: true, keepAlive: 0 }, 0x82],
  ['a PINGREQ', { type: 'pingreq' }, 0x82],
  ['QoS 3', [0x36, 5, 0, 1, 0x61, 0, 1], 0x81],
  ['a topic with a wildcard', [0x30, 4, 0, 1, 0x23, 0], 0x81],
  ['a packet identifier 0', [0x32, 6, 0, 1, 0x61, 0, 0, 0], 0x82],
  ['a length without end', [0x30, 0xff, 0xff, 0xff, 0xff, 0x01], 0x81],
  ['text that is no UTF-8', [0x30, 4, 0, 1, 0xff, 0], 0x81],
]

it.each(WRONG)('%s ends the connection, with DISCONNECT, and the next one works', async (_, packet, reasonCode) => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts()
  await client.connected()
  const error = happens(client, 'error')
  if ('type' in packet) caller.send(packet)
  else caller.sendBytes(...packet)
  const disconnect = await caller.expect('disconnect')
  expect(disconnect.reasonCode === reasonCode || disconnect.reasonCode === 0x81).toBe(true)
  expect(await error).toMatchObject({ name: 'MqttProtocolError' })
  const next = await server.accepts()
  await client.connected()
  const asked = client.subscribe('a')
  await next.grant()
  const subscription = await asked
  next.publish('a', 'fine')
  expect(await texts(subscription, 1)).toEqual(['fine'])
})

it('answers to what was never asked are passed over', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const caller = await server.accepts()
  await client.connected()
  caller.send(
    { type: 'puback', packetId: 7, reasonCode: 0 },
    { type: 'pubcomp', packetId: 7, reasonCode: 0 },
    { type: 'suback', packetId: 7, reasonCodes: [0] },
    { type: 'unsuback', packetId: 7, reasonCodes: [0] },
    { type: 'pingresp' },
  )
  const published = client.publish('a', '')
  const { packetId = 0 } = await caller.expect('publish')
  caller.send({ type: 'puback', packetId, reasonCode: 0 })
  expect(await published).toMatchObject({ state: 'delivered' })
})

it('acknowledgements of the wrong kind end the connection, and lose nothing', async () => {
  const server = await ScriptedServer.open()
  const client = clientOf(server.url, { version: 5 })
  const first = await server.accepts()
  await client.connected()
  const { id } = await Promise.race([
    client.publish('a', 'x', { qos: 2 }),
    (async () => {
      const { packetId = 0 } = await first.expect('publish')
      first.send({ type: 'puback', packetId, reasonCode: 0 })
      await first.over()
      return new Promise<never>(() => {})
    })(),
  ])
  const second = await server.accepts()
  const { packetId = 0 } = await second.expect('publish')
  second.send({ type: 'pubrec', packetId, reasonCode: 0 })
  await second.expect('pubrel')
  second.send({ type: 'pubcomp', packetId, reasonCode: 0 })
  expect(await (await client.outbox).settled(id)).toMatchObject({ state: 'delivered' })
})
