import { spawn } from 'node:child_process'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { TlsOptions } from '../../src/transport.ts'
import { certificates } from '../transport/certificates.ts'
import { Caller, at } from '../transport/support.ts'

/** OpenSSL's own server, which says by an alert why it refuses, as brokers in C do; Node's hangs up. */
async function opensslServer(args: readonly string[]): Promise<number> {
  const server = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', '-naccept', '1', ...args])
  onTestFinished(() => void server.kill('SIGKILL'))
  let text = ''
  for await (const piece of server.stdout) {
    const port = /ACCEPT 127\.0\.0\.1:(\d+)/u.exec((text += String(piece)))?.[1]
    if (port !== undefined) return Number(port)
  }
  throw new Error(`openssl does not listen: ${text}`)
}

describe('certificates of clients', () => {
  /** TLS 1.3 tells it after the handshake: the connection has opened already. */
  const refusal = async (version: '-tls1_2' | '-tls1_3', tls: TlsOptions = {}): Promise<string> => {
    const { ca, directory } = certificates()
    const port = await opensslServer([
      ...[version, '-cert', `${directory}/server.pem`, '-key', `${directory}/server.key`],
      ...['-CAfile', `${directory}/ca.pem`, '-Verify', '1', '-verify_return_error'],
    ])
    return new Caller(at('mqtts', port, 'localhost'), { tls: { ca, ...tls }, protocols: [] }).end()
  }

  it('are wanted and there is none', async () => {
    expect(await refusal('-tls1_3')).toMatch(
      /^ERR_MQTT_TLS: no TLS with mqtts:\/\/localhost:\d+: the server wants a certificate of the client: pass tls\.cert and tls\.key,/u,
    )
    expect(await refusal('-tls1_2')).toMatch(
      /^ERR_MQTT_TLS: no TLS with \S+ the two have no cipher in common, or the server wants a certificate of the client: see its log$/u,
    )
  })

  it.each(['-tls1_2', '-tls1_3'] as const)('are refused: %s', async (version) => {
    expect(await refusal(version, certificates().alone)).toMatch(
      /^ERR_MQTT_TLS: no TLS with \S+ the server does not take the certificate of the client: check that its authority/u,
    )
  })
})

it('ws:// to TLS: OpenSSL calls a GET what it is, and hangs up', async () => {
  const { directory } = certificates()
  const port = await opensslServer(['-cert', `${directory}/server.pem`, '-key', `${directory}/server.key`])
  expect(await new Caller(at('ws', port)).end()).toContain(
    `ERR_MQTT_WEBSOCKET: ws://127.0.0.1:${port}/mqtt: the server closed`,
  )
})
