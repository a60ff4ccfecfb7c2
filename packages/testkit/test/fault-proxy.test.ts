import { describe, expect, it } from 'vitest'
import { FaultProxy } from '@halyard/testkit'
import { ProxyStage } from './proxy-stage.ts'

const stage = new ProxyStage()
const { client, open, pair } = stage

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
    const port = stage.targetPort
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
