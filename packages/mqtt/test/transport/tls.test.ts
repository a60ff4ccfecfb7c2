import { readFileSync } from 'node:fs'
import { createServer as createTcpServer } from 'node:net'
import type { TlsOptions as ServerTls } from 'node:tls'
import { describe, expect, it } from 'vitest'
import type { Scheme } from '../../src/address.ts'
import type { TlsOptions } from '../../src/transport.ts'
import { certificates } from './certificates.ts'
import { Caller, at, listening, serve, turns, withResolvers } from './support.ts'

interface Trial {
  readonly server?: ServerTls
  readonly tls?: TlsOptions
  readonly host?: string
  readonly scheme?: Scheme
}

/** What is said in the end to who dials; 'closed': the server took it, answered and closed. */
async function tried({
  server = certificates().server,
  tls,
  host = 'localhost',
  scheme = 'mqtts',
}: Trial): Promise<string> {
  const port = await serve(scheme, server, (peer) => {
    peer.write(Buffer.from('taken'))
    peer.end()
  })
  const text = await new Caller(at(scheme, port, host), { tls, protocols: ['mqtt'] }).end()
  return text.replaceAll(String(port), 'PORT')
}

describe('certificates of servers', () => {
  it('are taken if the authority that was given has signed them, as text or bytes, by name and by address', async () => {
    const { ca } = certificates()
    expect(await tried({ tls: { ca } })).toBe('closed')
    expect(await tried({ tls: { ca: new TextEncoder().encode(ca) }, host: '127.0.0.1' })).toBe('closed')
  })

  it.each(['mqtts', 'wss'] as const)('are not taken from an unknown authority: %s', async (scheme) => {
    expect(await tried({ scheme })).toBe(
      `ERR_MQTT_CERTIFICATE: ${scheme}://localhost:PORT${scheme === 'wss' ? '/mqtt' : ''} is not trusted: ` +
        'who signed its certificate is unknown here; ' +
        'pass the certificate of the authority that signed it as tls.ca, and check that the server sends its whole chain',
    )
  })

  it('are not taken if they are signed by themselves, unless they are the one that is expected', async () => {
    const { alone } = certificates()
    expect(await tried({ server: alone })).toBe(
      'ERR_MQTT_CERTIFICATE: mqtts://localhost:PORT is not trusted: ' +
        'it is signed by itself; if it is the one you expect, pass it as tls.ca',
    )
    // It has no name but its subject's, which is taken where there is no other.
    expect(await tried({ server: alone, tls: { ca: alone.cert } })).toBe('closed')
  })

  it('are not taken when they have expired', async () => {
    const { ca, expired } = certificates()
    expect(await tried({ server: expired, tls: { ca } })).toBe(
      'ERR_MQTT_CERTIFICATE: mqtts://localhost:PORT is not trusted: ' +
        'its certificate has expired; renew it at the server, or set the clock of this machine',
    )
  })

  it('are not taken for another name, and are for the one that was asked for', async () => {
    const { ca, elsewhere } = certificates()
    expect(await tried({ server: elsewhere, tls: { ca } })).toBe(
      'ERR_MQTT_CERTIFICATE: mqtts://localhost:PORT is not trusted: ' +
        'its certificate is not for localhost but for DNS:broker.example; ' +
        'dial a name that it has, or pass that name as tls.servername',
    )
    expect(await tried({ server: elsewhere, tls: { ca, servername: 'broker.example' } })).toBe('closed')
  })

  it('are all taken where checks are off', async () => {
    expect(await tried({ server: certificates().expired, tls: { rejectUnauthorized: false } })).toBe('closed')
  })

  it('no advice is to switch the checks off', () => {
    const source = readFileSync(new URL('../../src/node/tls-failures.ts', import.meta.url), 'utf8')
    expect(source).not.toContain('rejectUnauthorized')
  })
})

describe('certificates of clients', () => {
  const demanding = (more: ServerTls = {}): ServerTls => {
    const { ca, server } = certificates()
    return { ...server, ca, requestCert: true, rejectUnauthorized: true, ...more }
  }

  it('are shown', async () => {
    const { ca, client } = certificates()
    expect(await tried({ server: demanding(), tls: { ca, ...client } })).toBe('closed')
  })
})

describe('a handshake that fails', () => {
  it('for want of a common version', async () => {
    const server = { ...certificates().server, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
    expect(await tried({ server: { ...server, ciphers: 'DEFAULT@SECLEVEL=0' } })).toBe(
      'ERR_MQTT_TLS: no TLS with mqtts://localhost:PORT: ' +
        'the two have no version of TLS in common: the server must speak 1.2 or 1.3',
    )
  })

  it.each(['mqtts', 'wss'] as const)(
    'for options that are no PEM, with no word of what they hold: %s',
    async (scheme) => {
      const { server, client } = certificates()
      const pem = 'tls.ca, tls.cert or tls.key is not PEM, as text or bytes: "-----BEGIN …"'
      expect(await tried({ scheme, tls: { cert: 'hunter2', key: 'hunter2' } })).toContain(`ERR_MQTT_TLS: `)
      expect(await tried({ scheme, tls: { cert: 'hunter2', key: 'hunter2' } })).toContain(pem)
      expect(await tried({ scheme, tls: { ca: 7 as unknown as string } })).toContain(pem)
      // Node.js trusts nobody then, and blames the server.
      expect(await tried({ scheme, tls: { ca: 'hunter2' } })).toContain(pem)
      expect(await tried({ scheme, tls: { cert: client.cert, key: server.key } })).toContain(
        'tls.key is not the key of tls.cert',
      )
    },
  )

  it.each(['mqtts', 'ws', 'wss'] as const)('says nothing when it is destroyed in the middle: %s', async (scheme) => {
    const { promise: asked, resolve } = withResolvers<unknown>()
    const port = await listening(createTcpServer((socket) => void socket.once('data', resolve)))
    const caller = new Caller(at(scheme, port))
    await asked
    caller.transport.destroy()
    await turns(10)
    expect(caller.told).toEqual([])
  })

  it.each(['mqtts', 'ws', 'wss'] as const)('is ended in the middle: %s', async (scheme) => {
    const { promise: asked, resolve } = withResolvers<unknown>()
    const port = await listening(createTcpServer((socket) => void socket.once('data', resolve)))
    const caller = new Caller(at(scheme, port))
    await asked
    caller.transport.end()
    expect(await caller.end()).toBe('closed')
  })
})
