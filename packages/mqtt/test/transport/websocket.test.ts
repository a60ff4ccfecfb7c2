import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import { describe, expect, it, onTestFinished } from 'vitest'
import { browserDial } from '../../src/browser/dial.ts'
import { dial as nodeDial } from '../../src/node/dial.ts'
import type { DialOptions } from '../../src/transport.ts'
import { Caller, PLAIN, at, listening, pattern, withResolvers } from './support.ts'

type OnSocket = (socket: WebSocket, request: IncomingMessage) => void

async function door(onSocket: OnSocket): Promise<number> {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) =>
    onSocket(
      socket.on('error', () => {}),
      request,
    ),
  )
  onTestFinished(() => sockets.close())
  return listening(server)
}

const pageDial = browserDial(WebSocket)

describe.each([
  ['under Node.js', nodeDial],
  ['in a page', pageDial],
])('a WebSocket %s', (_, dial) => {
  const called = async (onSocket: OnSocket, options: DialOptions = PLAIN, path = '/mqtt'): Promise<Caller> => {
    const port = await door(onSocket)
    return new Caller({ ...at('ws', port), path }, options, dial)
  }

  it('asks for its path and query, and for the sub-protocols in their order', async () => {
    const { promise, resolve } = withResolvers<IncomingMessage>()
    const options = { tls: undefined, protocols: ['mqtt', 'mqttv3.1'] }
    const caller = await called((_socket, request) => resolve(request), options, '/a%20b/?x=1&token=s')
    const { url, headers } = await promise
    await caller.opened()
    expect(url).toBe('/a%20b/?x=1&token=s')
    expect(headers['sec-websocket-protocol']).toBe('mqtt,mqttv3.1')
    // Compression is the page's own affair.
    if (dial === nodeDial) expect(headers['sec-websocket-extensions']).toBeUndefined()
  })

  it('sends each write as one binary message', async () => {
    const lengths: number[] = []
    const caller = await called((socket) =>
      socket.on('message', (data, isBinary) => {
        lengths.push(isBinary ? (data as Buffer).length : -1)
        if (lengths.length === 3) socket.close()
      }),
    )
    await caller.opened()
    for (const length of [1, 70_000, 3]) caller.transport.write(pattern(length))
    expect(await caller.end()).toBe('closed')
    expect(lengths).toEqual([1, 70_000, 3])
  })

  it('does not change what it was given to send', async () => {
    const { promise, resolve } = withResolvers<Buffer>()
    const caller = await called((socket) => socket.on('message', (data) => resolve(data as Buffer)))
    await caller.opened()
    const given = pattern(1000)
    caller.transport.write(given)
    expect((await promise).equals(pattern(1000))).toBe(true)
    expect(given.equals(pattern(1000))).toBe(true)
  })

  it('ends at a text message', async () => {
    const caller = await called((socket) => socket.send('hello'))
    expect(await caller.end()).toMatch(
      /^ERR_MQTT_WEBSOCKET: ws:\/\/127\.0\.0\.1:\d+\/mqtt sent a text message, and MQTT goes in binary ones: the path may belong to another service$/u,
    )
  })

  it.each([
    [1000, '', 'closed'],
    [1001, 'bye', 'closed'],
    [1008, 'no "guests"', 'closed the WebSocket with code 1008, its policy: "no \\"guests\\""; see the server\'s log'],
    [4001, '', "closed the WebSocket with code 4001; see the server's log"],
  ])('closed with %i', async (code, reason, said) => {
    const caller = await called((socket) => socket.close(code, reason))
    expect(await caller.end()).toContain(said)
  })

  it('cut without a close is lost', async () => {
    const caller = await called((socket) => socket.terminate())
    expect(await caller.end()).toMatch(/^ERR_MQTT_CONNECTION_LOST: .*it ended without a WebSocket close$/u)
  })

  it('opens with no sub-protocol where none is asked for, and shows no query in what it says', async () => {
    const caller = await called((socket) => socket.terminate(), { tls: undefined, protocols: [] }, '/?token=secret')
    expect(await caller.end()).toMatch(
      /^ERR_MQTT_CONNECTION_LOST: the connection to ws:\/\/127\.0\.0\.1:\d+\/\?… was lost/u,
    )
    expect(caller.told).toEqual(['opened', 'closed'])
  })

  it('refuses sub-protocols that are none, later', async () => {
    // What is told inside dial() fails the caller.
    const caller = await called(() => {}, { tls: undefined, protocols: ['mqtt', 'mqtt'] })
    expect(await caller.end()).toMatch(/^ERR_MQTT_(?:WEBSOCKET|TRANSPORT): .*sub-protocol/u)
  })
})

describe('a WebSocket under Node.js', () => {
  it('takes no message above 16 MiB', async () => {
    const port = await door((socket) => socket.send(Buffer.alloc(16 * 2 ** 20 + 1)))
    expect(await new Caller(at('ws', port)).end()).toMatch(
      /^ERR_MQTT_WEBSOCKET: \S+ the server broke the WebSocket protocol \(Max payload size exceeded\)/u,
    )
  })

  it('ends at a frame that the protocol forbids', async () => {
    const port = await door((_socket, { socket }) => void socket.write(Uint8Array.of(0xf3, 0x01, 0x00)))
    const caller = new Caller(at('ws', port))
    expect(await caller.end()).toMatch(/^ERR_MQTT_WEBSOCKET: \S+ the server broke the WebSocket protocol \(Invalid/u)
    expect(caller.error?.cause).toBeInstanceOf(Error)
  })
})
