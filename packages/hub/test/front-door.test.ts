import { existsSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { VERSION } from '../src/version.ts'
import { open, send, startHub, temporaryDirectory, until } from './support.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
const front = (text: string): { config: string } => ({ config: `{ front: { limits: { ${text} } } }` })

describe('HTTP', () => {
  it('/health tells how the hub is', async () => {
    const { hub, port, id, key } = await startHub()
    await send(port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`)
    const response = await fetch(`http://127.0.0.1:${hub.ports.front}/health`)
    expect(response.status).toBe(200)
    const health = (await response.json()) as { uptime: number }
    expect(health).toMatchObject({
      status: 'ok',
      version: VERSION,
      services: { hologram: { connections: 0, refused: 0 } },
      journal: { committed: 1, pendingBytes: 0 },
    })
    expect(health.uptime).toBeGreaterThanOrEqual(0)
  })

  it('says the version of its package', () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(VERSION).toBe(version)
  })

  it('who asks and never reads the answers is cut', async () => {
    const { hub } = await startHub(front('requestTimeout: 0.3'))
    const { socket, answer } = await open(hub.ports.front)
    socket.pause()
    // A whole number of requests in every read of the hub, so that it never waits for the rest of one.
    const requests = 'GET / HTTP/1.1\r\nHost: aaaaaa\r\n\r\n'.repeat(2048)
    const ask = (): void => {
      while (!socket.destroyed && socket.write(requests));
      socket.once('drain', ask)
    }
    ask()
    await answer
    expect(socket.destroyed).toBe(true)
  })

  it('everything else is 404, as JSON', async () => {
    const { hub } = await startHub()
    const response = await fetch(`http://127.0.0.1:${hub.ports.front}/nothing?x=1`, { method: 'POST', body: 'x' })
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({
      error: 'not found',
      message: 'there is nothing at this address; /console/ tells what there is',
    })
  })

  it.each(['/api/messages', '/console/', '/socket.io/?EIO=4', '/api?x=1'])('no WebSocket at %s', async (path) => {
    const { hub } = await startHub()
    const answer = await send(
      hub.ports.front,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdHRlc3R0ZXN0dGVzdA==\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 404 /)
  })

  it('serves one request after the other on one connection', async () => {
    const { hub } = await startHub()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = (): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const asked = request({ port: hub.ports.front, path: '/health', agent }, (response) => {
          response.resume().on('end', () => resolve(asked.reusedSocket ? response.statusCode : 0))
        })
        asked.on('error', reject).end()
      })
    expect([await ask(), await ask(), await ask()]).toEqual([0, 200, 200])
    agent.destroy()
  })

  it('lets go of idle connections at once when the hub closes', async () => {
    const { hub } = await startHub()
    const { socket, answer } = await open(hub.ports.front)
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    const before = performance.now()
    await hub.close()
    expect(await answer).toMatch(/^HTTP\/1.1 200 /)
    expect(performance.now() - before).toBeLessThan(5000)
  })

  it('a head that is too large, and one that does not end, are refused', async () => {
    const { hub } = await startHub(front('requestTimeout: 0.4, headerBytes: 2048'))
    expect(await send(hub.ports.front, `GET / HTTP/1.1\r\nX: ${'x'.repeat(4000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /)
    expect(await send(hub.ports.front, 'GET / HTTP/1.1\r\nX: ')).toMatch(/^HTTP\/1.1 408 /)
  })
})

describe('the first byte', () => {
  it('has so many seconds to come', async () => {
    const { hub } = await startHub(front('firstByteTimeout: 0.1'))
    const { answer } = await open(hub.ports.front)
    expect(await answer).toBe('')
  })

  it.each([
    [
      'TLS',
      '\x16\x03\x01\x02\0',
      'front: a connection was closed: it speaks TLS, and no certificate is configured (tls: { cert, key })',
    ],
    ['nonsense', '\0\0\0', 'front: a connection was closed: its first byte begins no protocol that the hub speaks'],
  ])('%s, which is not spoken here, is closed with one line in the log', async (_name, bytes, line) => {
    const { hub, log } = await startHub()
    for (let count = 0; count < 3; count++) expect(await send(hub.ports.front, bytes)).toBe('')
    expect(log.texts('warn')).toEqual([line])
  })

  it('a peer that comes and goes leaves nothing', async () => {
    const { hub } = await startHub()
    const { socket, answer } = await open(hub.ports.front, { allowHalfOpen: true })
    socket.end()
    expect(await answer).toBe('')
  })
})

describe('TLS', () => {
  const tls = { config: `{ tls: { cert: ${fixture('cert.pem')}\n key: ${fixture('key.pem')}\n } }` }
  const ask = (port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { port, path: '/health', agent: new TlsAgent({ rejectUnauthorized: false }) }
      tlsRequest(options, (response) => {
        response.setEncoding('utf8').on('data', (body: string) => resolve(body))
      })
        .on('error', reject)
        .end()
    })

  it('with a certificate the same port takes HTTPS and HTTP', async () => {
    const { hub } = await startHub(tls)
    expect(await ask(hub.ports.front)).toContain('"status":"ok"')
    expect((await fetch(`http://127.0.0.1:${hub.ports.front}/health`)).status).toBe(200)
    await hub.close()
  })

  it('a handshake that fails harms nobody', async () => {
    const { hub } = await startHub(tls)
    expect(await send(hub.ports.front, '\x16\x03\x01\x00\x05hello')).not.toContain('HTTP')
    expect(await ask(hub.ports.front)).toContain('"status":"ok"')
  })

  it('the end of the hub does not wait for who stands still in the middle of a handshake', async () => {
    const limits = 'front: { limits: { firstByteTimeout: 3600 } }'
    const { hub } = await startHub({ config: tls.config.replace('{', `{ ${limits}\n`) })
    const { socket, answer } = await open(hub.ports.front)
    socket.write('\x16\x03\x01')
    // Behind it: by then the hub has seen what began there.
    expect(await ask(hub.ports.front)).toContain('"status":"ok"')
    await hub.close()
    expect(await answer).toBe('')
  })

  it('a certificate that is not there, or does not fit, is told at the start', async () => {
    await expect(startHub({ config: '{ tls: { cert: /nowhere/c.pem\n key: /nowhere/k.pem\n } }' })).rejects.toThrow(
      /tls.cert, tls.key or tls.ca cannot be read: .*\/nowhere\/c.pem/,
    )
    const data = join(await temporaryDirectory(), 'data')
    await expect(startHub({ data, config: '{ tls: { cert: /nowhere/c.pem\n key: k.pem\n } }' })).rejects.toThrow(
      'tls.cert',
    )
    expect(existsSync(data), 'before the data are read, however long that takes').toBe(false)
    const twice = fixture('cert.pem')
    await expect(startHub({ config: `{ tls: { cert: ${twice}\n key: ${twice}\n } }` })).rejects.toThrow(
      'tls.cert and tls.key do not work together',
    )
  })
})

describe('limits', () => {
  it('connections of one address', async () => {
    const { hub, log } = await startHub(front('connectionsPerAddress: 2'))
    const port = hub.ports.front
    await open(port, { localAddress: '127.0.0.2' })
    await open(port, { localAddress: '127.0.0.2' })
    const third = await open(port, { localAddress: '127.0.0.2' })
    expect(await third.answer).toBe('')
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
    await until('it is logged', () => log.texts('warn').length === 1)
  })
})
