import { describe, expect, it } from 'vitest'
import { ProxyStage } from './proxy-stage.ts'

const stage = new ProxyStage()
const { client, open, pair, target } = stage

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
    expect(stage.peers.map(({ text }) => text)).toEqual(['abc', 'abc', 'abc'])
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
    await stage.clock.advance(1999)
    expect(proxy.toTarget.bytes).toBe(1)
    await stage.clock.advance(1)
    await far.until(({ text }) => text === '>late')
    while (!far.ended) await stage.clock.advance(2000)
    far.socket.write('not delayed')
    await near.until(({ text }) => text === '<not delayed')
  })

  it('decides how much of a throttled stream is through', async () => {
    const proxy = await open()
    const [near, far] = await pair()
    proxy.toTarget.set({ rate: 100 })
    near.socket.write(Buffer.alloc(1000, 'x'))
    await proxy.until(() => proxy.toTarget.held + proxy.toTarget.bytes === 1001)
    await stage.clock.advance(1000)
    expect(Math.abs(proxy.toTarget.bytes - 101)).toBeLessThanOrEqual(5)
    await stage.clock.advance(4000)
    expect(Math.abs(proxy.toTarget.bytes - 501)).toBeLessThanOrEqual(5)
    await stage.clock.advance(6000)
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
    expect(stage.clock.pendingTimers).toEqual([])
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
    expect(stage.peers).toHaveLength(1)
    await proxy.link.up()
    await far.until(({ text }) => text === '>one')
    await (await target(1)).until(({ text }) => text === 'two')
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
      const known = stage.peers.length
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
