import { afterEach, expect, it, vi } from 'vitest'
import type { Scheme } from '../../src/address.ts'
import { certificates } from './certificates.ts'
import { Caller, at, pattern, serve, withResolvers } from './support.ts'
import type { Peer } from './support.ts'

const schemes = ['mqtt', 'mqtts', 'ws', 'wss'] as const

afterEach(() => vi.useRealTimers())

async function connected(scheme: Scheme): Promise<readonly [Caller, Peer]> {
  const { promise, resolve } = withResolvers<Peer>()
  const port = await serve(scheme, certificates().server, resolve)
  const options = { tls: { rejectUnauthorized: false }, protocols: ['mqtt'] }
  return [await new Caller(at(scheme, port), options).opened(), await promise]
}

it.each(schemes)(
  '%s:// to a peer that takes no more is over 5 s after its end, and says what was lost',
  async (scheme) => {
    const [caller, peer] = await connected(scheme)
    peer.socket.pause()
    for (let count = 0; count < 256; count++) caller.transport.write(pattern(2 ** 16))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    caller.transport.end()
    vi.advanceTimersByTime(4999)
    expect(caller.told).toEqual(['opened'])
    vi.advanceTimersByTime(1)
    expect(caller.told).toEqual(['opened', 'closed'])
    expect(await caller.end()).toMatch(
      /^ERR_MQTT_CONNECTION_LOST: the connection ended before the peer took the last \d+ bytes$/u,
    )
  },
)

it('a peer that keeps its side open is left after 5 s, without an error', async () => {
  const { promise, resolve } = withResolvers<Peer>()
  const port = await serve('mqtt', {}, (peer) => {
    peer.socket.allowHalfOpen = true
    resolve(peer)
  })
  const caller = await new Caller(at('mqtt', port)).opened()
  const peer = await promise
  let arrived = ''
  const ended = new Promise<void>((done) => void peer.socket.once('end', done))
  peer.onBytes((bytes) => (arrived += Buffer.from(bytes).toString()))
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  caller.transport.write(Buffer.from('goodbye'))
  caller.transport.end()
  await ended
  expect(arrived).toBe('goodbye')
  expect(caller.told).toEqual(['opened'])
  vi.advanceTimersByTime(5000)
  expect(await caller.end()).toBe('closed')
})

it('a peer that half-closes is gone, whatever still waits for it', async () => {
  const [caller, peer] = await connected('mqtt')
  peer.socket.pause()
  for (let count = 0; count < 256; count++) caller.transport.write(pattern(2 ** 16))
  peer.end()
  expect(await caller.end()).toBe('closed')
})
