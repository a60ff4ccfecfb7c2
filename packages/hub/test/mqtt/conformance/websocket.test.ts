import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encodeToBytes } from '@halyard/wire/mqtt'
import type { Packet } from '@halyard/wire/mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { WebSocketDoor } from '../../../src/listen/websocket-door.ts'
import type { Transport } from '../../../src/domain/transport.ts'
import { until } from '../../support.ts'
import { inVersions, startBroker } from '../broker.ts'
import { connectPacket, publishPacket, subscribePacket } from '../raw-client.ts'

/** Chapter 6: MQTT over WebSocket. */

async function startDoor(): Promise<{ readonly url: string; readonly connections: () => number }> {
  const broker = await startBroker()
  const door = new WebSocketDoor({
    frameBytes: 1_000_000,
    peerOf: () => ({ address: '127.0.0.1', host: '127.0.0.1' }),
    // Without an account one comes in on the MQTT port alone; here it is the frames that matter.
    onConnection: (transport) => broker.server.accept(atMqttPort(transport)),
  })
  const http = createServer()
  http.on('upgrade', (request, socket, head) => door.accept(request, socket, head))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  onTestFinished(() => void http.close())
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/mqtt`,
    connections: () => broker.server.connections,
  }
}

function atMqttPort(transport: Transport): Transport {
  return new Proxy(transport, {
    get: (target, name) => {
      if (name === 'door') return 'mqtt'
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

async function open(url: string, protocols: string[] = ['mqtt']): Promise<WebSocket> {
  const socket = new WebSocket(url, protocols)
  socket.on('error', () => {})
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

/** Everything that comes, as one row of bytes, until it has so many. */
async function bytes(socket: WebSocket, count: number): Promise<string> {
  let all = Buffer.alloc(0)
  const isBinary: boolean[] = []
  while (all.length < count) {
    const [data, binary] = (await once(socket, 'message')) as [Buffer, boolean]
    isBinary.push(binary)
    all = Buffer.concat([all, data])
  }
  expect(isBinary).not.toContain(false)
  return all.toString('hex')
}

for (const protocol of ['mqtt', 'mqttv3.1', 'mqttv3']) {
  it(`the sub-protocol ${protocol} is taken and given back [MQTT-6.0.0-4] [3.1.1 MQTT-6.0.0-4]`, async () => {
    const { url } = await startDoor()
    const socket = await open(url, ['of.somebody', protocol])
    expect(socket.protocol).toBe(protocol)
  })
}

inVersions(
  [4, 5],
  'packets and frames need not agree [MQTT-6.0.0-2] [3.1.1 MQTT-6.0.0-2] [MQTT-6.0.0-1] [3.1.1 MQTT-6.0.0-1]',
  async (version) => {
    const { url } = await startDoor()
    const packets: Packet[] = [
      connectPacket({ version }),
      subscribePacket(1, [{ filter: 'a' }]),
      publishPacket('a', 'there and back'),
      { type: 'pingreq' },
    ]
    const sent = Buffer.concat(packets.map((packet) => encodeToBytes(packet, version)))
    const answers: string[] = []
    for (const size of [1, 7, sent.length]) {
      const socket = await open(url)
      const published = encodeToBytes(publishPacket('a', 'there and back'), version)
      const end = Buffer.concat([published, Buffer.from('d000', 'hex')]).toString('hex')
      const connack = version === 5 ? 2 + 3 + 11 : 4
      const answer = bytes(socket, connack + (version === 5 ? 6 : 5) + end.length / 2)
      for (let at = 0; at < sent.length; at += size) socket.send(sent.subarray(at, at + size))
      answers.push(await answer)
      expect(answers.at(-1)).toMatch(new RegExp(`${end}$`))
    }
    expect(new Set(answers).size).toBe(1)
  },
)

it('a frame of text ends the connection [MQTT-6.0.0-1] [3.1.1 MQTT-6.0.0-1]', async () => {
  const { url, connections } = await startDoor()
  const socket = await open(url)
  const closed = once(socket, 'close')
  socket.send(encodeToBytes(connectPacket(), 4), { binary: false })
  const [code] = (await closed) as [number]
  expect(code).toBe(1003)
  await until('the server sees it', () => connections() === 0)
})

it('a frame that is too large ends the connection', async () => {
  const { url } = await startDoor()
  const socket = await open(url)
  const closed = once(socket, 'close')
  socket.send(Buffer.alloc(1_000_001, 0x10))
  const [code] = (await closed) as [number]
  expect(code).toBe(1009)
})
