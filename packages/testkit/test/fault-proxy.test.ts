import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultProxy, VirtualClock } from '@halyard/testkit'
import type { FaultProxyOptions } from '@halyard/testkit'

/** A socket with all that happened to it, and a way to wait for more without sleeping. */
class Peer {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  length = 0
  ended = false
  closed = false
  error: string | undefined
  readonly #waiting = new Set<() => void>()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes)
      this.length += bytes.length
      this.#tell()
    })
    socket.on('end', () => ((this.ended = true), this.#tell()))
    socket.on('close', () => ((this.closed = true), this.#tell()))
    socket.on('error', (error: NodeJS.ErrnoException) => ((this.error = error.code), this.#tell()))
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.received.toString()
  }

  async until(condition: (peer: Peer) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  #tell(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

let server: Server
let peers: Peer[]
let proxy: FaultProxy | undefined
let clients: Peer[]
let clock: VirtualClock

beforeEach(async () => {
  peers = []
  clients = []
  clock = new VirtualClock()
  server = createServer({ allowHalfOpen: true }, (socket) => peers.push(new Peer(socket)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  await proxy?.close()
  for (const { socket } of [...clients, ...peers]) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

async function open(options: Partial<FaultProxyOptions> = {}): Promise<FaultProxy> {
  proxy = await FaultProxy.open({ target: { port: (server.address() as AddressInfo).port }, clock, ...options })
  return proxy
}

async function client(): Promise<Peer> {
  const peer = new Peer(connect({ port: proxy!.port, host: '127.0.0.1', allowHalfOpen: true }))
  clients.push(peer)
  await once(peer.socket, 'connect')
  return peer
}

/** The target's end of the connection with this number. */
async function target(index: number): Promise<Peer> {
  while (peers.length <= index) await once(server, 'connection')
  return peers[index]!
}

/** Both ends of a connection through the proxy, after one byte each way. */
async function pair(): Promise<[client: Peer, target: Peer]> {
  const known = peers.length
  const near = await client()
  near.socket.write('>')
  const far = await target(known)
  far.socket.write('<')
  await near.until(({ text }) => text === '<')
  await far.until(({ text }) => text === '>')
  return [near, far]
}

describe('a proxy without faults', () => {
  it('carries bytes both ways and counts them', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    near.socket.write('question')
    await far.until(({ text }) => text === '>question')
    far.socket.write('answer')
    await near.until(({ text }) => text === '<answer')
    expect([proxy.toTarget.bytes, proxy.toClient.bytes, proxy.accepted]).toEqual([9, 7, 1])
    expect(proxy.connections).toMatchObject([{ bytesToTarget: 9, bytesToClient: 7 }])
  })

  it('shows what goes through to a watcher, who may end the connection at that', async () => {
    const seen: string[] = []
    await open({
      onPassed({ connection, to, bytes }) {
        seen.push(`${to} ${connection.bytesToTarget} ${Buffer.from(bytes).toString()}`)
        if (to === 'target' && connection.bytesToTarget === 7) connection.reset()
      },
    })
    const [near] = await pair()
    near.socket.write('cut me')
    await near.until(({ closed }) => closed)
    expect(near.error).toBe('ECONNRESET')
    expect(seen).toEqual(['target 1 >', 'client 1 <', 'target 7 cut me'])
  })

  it('keeps a half-closed connection open for the other direction', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    near.socket.end('last words')
    await far.until(({ ended }) => ended)
    expect(far.text).toBe('>last words')
    far.socket.end('heard')
    await near.until(({ closed }) => closed)
    expect([near.text, near.error]).toEqual(['<heard', undefined])
    await proxy.until(() => proxy.connections.length === 0)
  })

  it('passes a reset on', async () => {
    await open()
    const [near, far] = await pair()
    near.socket.resetAndDestroy()
    await far.until(({ closed }) => closed)
    expect(far.error).toBe('ECONNRESET')
  })

  it('slows a sender whose receiver does not read, and holds little', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    far.socket.pause()
    const total = 64 * 1024 * 1024
    let most = 0
    let done = false
    const watched = proxy.until(() => {
      most = Math.max(most, proxy.toTarget.held)
      return done
    })
    for (let queued = 0; queued < total; queued += 1024 * 1024) near.socket.write(Buffer.alloc(1024 * 1024, 'x'))
    // The buffers of the kernel fill, then the proxy's, then it stops reading and the sender keeps the rest.
    await proxy.until(() => proxy.toTarget.held >= 1_048_576)
    expect(near.socket.writableLength).toBeGreaterThan(total / 2)
    far.socket.resume()
    await far.until(({ length }) => length === total + 1)
    done = true
    near.socket.end('.')
    await watched
    expect(most).toBeLessThan(1_200_000)
  })

  it('resets the client if the target cannot be reached', async () => {
    await open({ target: { port: 1 } })
    const near = await client()
    await near.until(({ closed }) => closed)
    expect(near.error).toBe('ECONNRESET')
  })

  it('says why it cannot listen', async () => {
    const { port } = server.address() as AddressInfo
    await expect(FaultProxy.open({ target: { port }, port })).rejects.toMatchObject({
      code: 'ERR_TESTKIT_LISTEN',
      message: `the fault proxy cannot listen on 127.0.0.1:${port}: listen EADDRINUSE: address already in use 127.0.0.1:${port}; choose another port, or 0`,
    })
  })

  it('closes listener and connections', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    const never = proxy.until(() => false)
    await Promise.all([
      expect(never).rejects.toThrow('the fault proxy was closed before the condition held'),
      proxy.close(),
    ])
    await near.until(({ ended, closed }) => ended || closed)
    await far.until(({ ended, closed }) => ended || closed)
    expect(proxy.connections).toEqual([])
    await proxy.close()
  })
})

describe('a cut', () => {
  it('after n bytes to the target lets exactly these through', async () => {
    const proxy = await open()
    proxy.toTarget.set({ cutAfter: 5 })
    const near = await client()
    near.socket.write('halyard')
    await near.until(({ closed }) => closed)
    const far = await target(0)
    await far.until(({ closed }) => closed)
    expect([near.error, far.text, far.error]).toEqual(['ECONNRESET', 'halya', 'ECONNRESET'])
    expect(proxy.connections).toEqual([])
  })

  it('of the answer leaves a request that arrived and was never acknowledged', async () => {
    const proxy = await open()
    proxy.toClient.set({ cutAfter: 0 })
    const near = await client()
    near.socket.write('message')
    const far = await target(0)
    await far.until(({ text }) => text === 'message')
    far.socket.write('accepted')
    await near.until(({ closed }) => closed)
    expect([near.text, near.error]).toEqual(['', 'ECONNRESET'])
  })

  it('may be an orderly end', async () => {
    const proxy = await open()
    proxy.toClient.set({ cutAfter: 3, cut: 'fin' })
    const near = await client()
    near.socket.write('message')
    const far = await target(0)
    far.socket.write('accepted')
    await near.until(({ ended }) => ended)
    await far.until(({ ended }) => ended)
    near.socket.end()
    far.socket.end()
    await near.until(({ closed }) => closed)
    expect([near.text, near.error, far.error]).toEqual(['acc', undefined, undefined])
    await proxy.until(() => proxy.connections.length === 0)
  })

  it('counts each connection for itself, across many writes', async () => {
    const proxy = await open()
    proxy.toTarget.set({ cutAfter: 3 })
    for (let round = 0; round < 3; round++) {
      const near = await client()
      for (const letter of 'abc') near.socket.write(letter)
      await near.until(({ closed }) => closed)
    }
    for (let index = 0; index < 3; index++) await (await target(index)).until(({ closed }) => closed)
    expect(peers.map(({ text }) => text)).toEqual(['abc', 'abc', 'abc'])
  })

  it('comes to one connection, or to all at once', async () => {
    const proxy = await open()
    const [first] = await pair()
    const [second] = await pair()
    const [third] = await pair()
    proxy.connections[1]!.reset()
    await second.until(({ closed }) => closed)
    expect([first.closed, proxy.connections.length]).toEqual([false, 2])
    proxy.connections[1]!.end()
    await third.until(({ ended }) => ended)
    proxy.reset()
    await first.until(({ closed }) => closed)
    expect(first.error).toBe('ECONNRESET')
  })
})

describe('time', () => {
  it('passes before delayed bytes do, and before the end of the connection', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    proxy.toTarget.set({ delay: 2 })
    near.socket.end('late')
    await proxy.until(() => proxy.toTarget.held === 4)
    await clock.advance(1999)
    expect(proxy.toTarget.bytes).toBe(1)
    await clock.advance(1)
    await far.until(({ text }) => text === '>late')
    while (!far.ended) await clock.advance(2000)
    far.socket.write('not delayed')
    await near.until(({ text }) => text === '<not delayed')
  })

  it('decides how much of a throttled stream is through', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    proxy.toTarget.set({ rate: 100 })
    near.socket.write(Buffer.alloc(1000, 'x'))
    await proxy.until(() => proxy.toTarget.held + proxy.toTarget.bytes === 1001)
    await clock.advance(1000)
    expect(Math.abs(proxy.toTarget.bytes - 101)).toBeLessThanOrEqual(5)
    await clock.advance(4000)
    expect(Math.abs(proxy.toTarget.bytes - 501)).toBeLessThanOrEqual(5)
    await clock.advance(6000)
    await far.until(({ length }) => length === 1001)
  })

  it('no longer matters when the fault ends', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    proxy.toTarget.set({ delay: 3600 })
    near.socket.write('waiting')
    await proxy.until(() => proxy.toTarget.held === 7)
    proxy.toTarget.clear()
    await far.until(({ text }) => text === '>waiting')
    expect(clock.pendingTimers).toEqual([])
  })
})

describe('silence', () => {
  it('holds bytes and the end of the connection, and lets both go when it is over', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    proxy.toTarget.set({ silent: true })
    near.socket.end('unheard')
    far.socket.write('still heard')
    await near.until(({ text }) => text === '<still heard')
    expect([far.text, far.ended, proxy.toTarget.bytes]).toEqual(['>', false, 1])
    proxy.toTarget.clear()
    await far.until(({ ended }) => ended)
    expect(far.text).toBe('>unheard')
  })

  it('hides that a peer is gone', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    proxy.toTarget.set({ silent: true })
    near.socket.resetAndDestroy()
    far.socket.write('anybody there?')
    await proxy.until(() => proxy.toClient.bytes + proxy.toClient.held > 1)
    expect([far.closed, proxy.connections.length]).toEqual([false, 1])
    proxy.toTarget.clear()
    await far.until(({ closed }) => closed)
    expect(far.error).toBe('ECONNRESET')
  })

  it('of a link that is down meets new connections too; they go on when it is up', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    proxy.link.down()
    near.socket.write('one')
    const later = await client()
    later.socket.write('two')
    await proxy.until(() => proxy.accepted === 2)
    expect(peers).toHaveLength(1)
    await proxy.link.up()
    await far.until(({ text }) => text === '>one')
    await (await target(1)).until(({ text }) => text === 'two')
  })
})

describe('refusing', () => {
  it('leaves open connections, and ends on the same port', async () => {
    const proxy = await open()
    const { port } = proxy
    const [near, far] = await pair()
    proxy.refuse()
    await expect(client()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    near.socket.write('open')
    await far.until(({ text }) => text === '>open')
    await proxy.accept()
    await proxy.accept()
    expect(proxy.port).toBe(port)
    await pair()
  })

  it('and resetting is what a link does that goes down hard', async () => {
    const proxy = await open()
    const [near] = await pair()
    proxy.link.down('reset')
    await near.until(({ closed }) => closed)
    expect(near.error).toBe('ECONNRESET')
    await expect(client()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await proxy.link.up()
    await pair()
  })
})

describe('corruption', () => {
  it('hits the offsets it is given, of each connection, however the bytes come', async () => {
    const proxy = await open()
    proxy.toTarget.set({ corruptAt: [1, 3] })
    const near = await client()
    near.socket.write(Buffer.from([1, 2]))
    await proxy.until(() => proxy.toTarget.bytes === 2)
    near.socket.write(Buffer.from([3, 4, 5]))
    const far = await target(0)
    await far.until(({ length }) => length === 5)
    expect([...far.received]).toEqual([1, 0xfd, 3, 0xfb, 5])
  })

  it('by chance is the same for the same seed', async () => {
    const run = async (seed: number): Promise<string> => {
      const proxy = await open({ seed })
      const known = peers.length
      proxy.toTarget.set({ corruptChance: 0.1 })
      const near = await client()
      near.socket.write(Buffer.alloc(200))
      const far = await target(known)
      await far.until(({ length }) => length === 200)
      await proxy.close()
      return far.received.toString('hex')
    }
    const once = await run(7)
    expect(await run(7)).toBe(once)
    expect(await run(8)).not.toBe(once)
    expect(once).not.toBe('00'.repeat(200))
  })
})

describe('faults that cannot be', () => {
  it.each([
    [{ rate: 0 }, 'rate is 0; give bytes per second above 0'],
    [{ delay: -1 }, 'delay is in seconds, from 0 to 86400, not -1'],
    [{ cutAfter: 1.5 }, 'cutAfter is 1.5; give a number of bytes from 0'],
    [{ corruptChance: 2 }, 'corruptChance is 2; give 0 to 1'],
    [{ corruptAt: [0, -1] }, 'corruptAt is 0,-1; give offsets from 0'],
  ])('%j', async (faults, message) => {
    const proxy = await open()
    expect(() => proxy.toClient.set(faults)).toThrow(message)
    expect(proxy.toClient.faults).toEqual({})
  })
})
