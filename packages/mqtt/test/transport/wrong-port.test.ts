import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { createMqttServer } from '@halyard/hub/mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import type { Scheme } from '../../src/address.ts'
import { explainBytes } from '../../src/wrong-port.ts'
import { Caller, at, listening } from './support.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A server of another protocol that greets, as those of mail and SSH do; or one that hangs up at the first bytes. */
const greeting = (text: string): Promise<number> => listening(createTcpServer((socket) => void socket.end(text)))
const hangsUp = (): Promise<number> =>
  listening(createTcpServer((socket) => void socket.once('data', () => socket.destroy())))
const http = (): Promise<number> => listening(createHttpServer((_, response) => void response.writeHead(404).end()))

async function said(scheme: Scheme, port: number): Promise<string> {
  const text = await new Caller(at(scheme, port)).end()
  return text.replaceAll(String(port), 'PORT')
}

describe('what a person reads who has dialled a wrong port', () => {
  it.each(['mqtt', 'mqtts', 'ws', 'wss'] as const)('%s:// where nothing listens', async (scheme) => {
    const server = createTcpServer()
    const port = await listening(server)
    server.close()
    await once(server, 'close')
    expect(await said(scheme, port)).toBe(
      'ERR_MQTT_UNREACHABLE: 127.0.0.1:PORT cannot be reached: ' +
        'nothing listens there: check host and port, and that the server runs',
    )
  })

  it('a host that there is not', async () => {
    const address = at('mqtt', 1883, 'no-such-host.invalid')
    expect(await new Caller(address).end()).toMatch(
      /^ERR_MQTT_UNREACHABLE: no-such-host\.invalid:1883 cannot be reached: (?:no such host is known|the name cannot be)/u,
    )
  })

  it('mqtts:// to plain MQTT', async () => {
    await using server = await createMqttServer({ port: 0 })
    expect(await said('mqtts', server.port)).toBe(
      'ERR_MQTT_TLS: no TLS with mqtts://127.0.0.1:PORT: the server closed during the handshake: ' +
        "if the port speaks no TLS, use mqtt://127.0.0.1:PORT; else see the server's log",
    )
  })

  it.each(['mqtts', 'wss'] as const)('%s:// to HTTP', async (scheme) => {
    const plain = scheme === 'wss' ? 'ws' : 'mqtt'
    expect(await said(scheme, await http())).toBe(
      `ERR_MQTT_TLS: no TLS with ${scheme}://127.0.0.1:PORT${scheme === 'wss' ? '/mqtt' : ''}: ` +
        `the port speaks no TLS: use ${plain}://127.0.0.1:PORT, or another port`,
    )
  })

  it('mqtts:// to a server that greets', async () => {
    expect(await said('mqtts', await greeting('220 mail.example ESMTP\r\n'))).toContain(
      'the port speaks no TLS: use mqtt://',
    )
  })

  it('ws:// to plain MQTT', async () => {
    // The hub's port takes WebSocket too where it is the front door; a broker's port 1883 hangs up.
    expect(await said('ws', await hangsUp())).toBe(
      'ERR_MQTT_WEBSOCKET: ws://127.0.0.1:PORT/mqtt: the server closed instead of answering: ' +
        'the port may speak MQTT without WebSocket: use mqtt://127.0.0.1:PORT, or another port',
    )
  })

  it.each([
    ['mqtts', 'ERR_MQTT_TLS: no TLS with mqtts://127.0.0.1:PORT: the server closed during the handshake'],
    ['ws', 'ERR_MQTT_WEBSOCKET: ws://127.0.0.1:PORT/mqtt: the server closed instead of answering'],
    ['wss', 'ERR_MQTT_TLS: no TLS with wss://127.0.0.1:PORT/mqtt: the server closed during the handshake'],
  ] as const)(
    '%s:// to what resets the connection, as mosquitto does with what it has not read',
    async (scheme, text) => {
      const resets = createTcpServer((socket) => void socket.once('data', () => socket.resetAndDestroy()))
      expect(await said(scheme, await listening(resets))).toContain(text)
    },
  )

  it('ws:// to what answers with MQTT', async () => {
    const port = await listening(createTcpServer((socket) => void socket.end(Uint8Array.of(0x20, 2, 0, 1))))
    expect(await said('ws', port)).toContain('what answered is no HTTP: the port may speak MQTT without WebSocket')
  })

  it('ws:// to SSH', async () => {
    expect(await said('ws', await greeting('SSH-2.0-OpenSSH_9.6\r\n'))).toBe(
      'ERR_MQTT_WEBSOCKET: ws://127.0.0.1:PORT/mqtt: an SSH server answered ("SSH-2.0-OpenSSH_9.6"): ' +
        'use the port of MQTT, mostly 1883 or 8883',
    )
  })

  it('ws:// to TLS', async () => {
    const alert = Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70)
    const port = await listening(createTcpServer((socket) => void socket.end(alert)))
    expect(await said('ws', port)).toBe(
      'ERR_MQTT_WEBSOCKET: ws://127.0.0.1:PORT/mqtt: ' +
        'a TLS server answered: use mqtts:// (or wss:// for a WebSocket), or another port',
    )
  })

  it.each([
    [200, 'takes no WebSocket at this path'],
    [301, 'it sends clients to another address'],
    [401, 'it wants to know who asks'],
    [403, 'it does not let this client in'],
    [404, 'it has nothing at this path: check the path'],
    [503, 'it has too much to do: try again later'],
  ])('ws:// to a server that answers with %i', async (status, why) => {
    const server = createHttpServer((_, response) => {
      response.writeHead(status, { location: 'http://elsewhere.example/?token=secret' }).end('a long page')
    })
    const text = await said('ws', await listening(server))
    expect(text).toContain(
      `ERR_MQTT_WEBSOCKET: ws://127.0.0.1:PORT/mqtt refused the WebSocket with HTTP status ${status}: `,
    )
    expect(text).toContain(why)
    expect(text).not.toContain('secret')
  })

  it('ws:// to a WebSocket of something else', async () => {
    const server = createHttpServer()
    const door = new WebSocketServer({ server, handleProtocols: () => false })
    onTestFinished(() => door.close())
    expect(await said('ws', await listening(server))).toBe(
      'ERR_MQTT_WEBSOCKET: ws://127.0.0.1:PORT/mqtt: it accepts none of the sub-protocols that were offered: ' +
        'the path may belong to another service',
    )
  })

  it('mqtt:// to TLS, HTTP and SSH: the first bytes tell', async () => {
    const connect = Uint8Array.of(0x10, 12, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 0)
    const first = async (port: number): Promise<string | undefined> => {
      const caller = new Caller(at('mqtt', port))
      caller.transport.write(connect)
      await caller.until(() => caller.receivedBytes > 0 || caller.told.includes('closed'))
      return explainBytes(caller.received)
    }
    const alert = Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70)
    expect(await first(await listening(createTcpServer((socket) => void socket.end(alert))))).toBe(
      'a TLS server answered: use mqtts:// (or wss:// for a WebSocket), or another port',
    )
    expect(await first(await http())).toBe(
      'an HTTP server answered ("HTTP/1.1 400 Bad Request"): use ws:// if it takes MQTT over WebSocket, or another port',
    )
    expect(await first(await greeting('SSH-2.0-dropbear\r\n'))).toContain('an SSH server answered ("SSH-2.0-dropbear")')
    await using server = await createMqttServer({ port: 0 })
    expect(await first(server.port)).toBeUndefined()
  })
})

describe('explainBytes', () => {
  it.each([
    ['220 mail.example ESMTP\r\n', '220 mail.example ESMTP'],
    ['* OK IMAP4rev1', '* OK IMAP4rev1'],
    ['-ERR unknown command', '-ERR unknown command'],
    [`${'x'.repeat(500)}\n`, 'x'.repeat(80)],
  ])('shows the first line of %j', (text, shown) => {
    expect(explainBytes(bytes(text))).toBe(
      `something else than an MQTT server answered ("${shown}"): use the port of MQTT, mostly 1883 or 8883`,
    )
  })

  it.each([
    ['nothing', []],
    ['a CONNACK', [0x20, 2, 0, 0]],
    ['a CONNACK with properties', [0x20, 0x22, 0, 0, 0x1f]],
    ['AUTH', [0xf0, 2, 0x18, 0]],
    ['too little to know', [0x48, 0x54]],
    ['a text with an escape in it', [0x48, 0x69, 0x1b, 0x5b, 0x33]],
    ['a record of no TLS', [0x15, 9, 9, 9]],
  ])('says nothing of %s', (_, given) => {
    expect(explainBytes(Uint8Array.from(given))).toBeUndefined()
  })
})
