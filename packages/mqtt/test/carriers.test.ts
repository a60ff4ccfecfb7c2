/** What carries MQTT, seen from the client. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startHub } from './support/front-door.ts'
import { clientOf, connected, texts } from './support/clients.ts'

describe.each(['mqtt', 'ws'] as const)('%s', (scheme) => {
  it('messages both ways, in order [3.1.1 MQTT-7.1.2-1]', async () => {
    const { address, login } = await startHub()
    const client = await connected(`${scheme}://${address}`, login)
    const subscription = await client.subscribe('a')
    const sent = Array.from({ length: 200 }, (_, number) => `${number} ${'x'.repeat(number * 10)}`)
    await Promise.all(sent.map((payload) => client.publish('a', payload)))
    expect(await texts(subscription, sent.length)).toEqual(sent)
  })
})

it('WebSocket: the sub-protocol mqtt is offered [MQTT-6.0.0-3] [3.1.1 MQTT-6.0.0-3]', async () => {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const upgraded = once(server, 'upgrade')
  const { port } = server.address() as AddressInfo
  clientOf(`ws://127.0.0.1:${port}/mqtt`)
  const [request] = (await upgraded) as [{ headers: Record<string, string> }]
  expect(request.headers['sec-websocket-protocol']).toBe('mqtt')
})
