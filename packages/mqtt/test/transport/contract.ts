import { describe, expect, it } from 'vitest'
import type { Scheme } from '../../src/address.ts'
import type { Dial, DialOptions } from '../../src/transport.ts'
import type { Certificates } from './certificates.ts'
import { Caller, at, pattern, serve, turns, withResolvers } from './support.ts'
import type { Peer } from './support.ts'

export interface Carried {
  readonly name: string
  readonly scheme: Scheme
  readonly dial: Dial
  /** A page cannot slow its sender down. */
  readonly canPause: boolean
}

/** What every transport does, whatever carries it. */
export function transportContract({ name, scheme, dial, canPause }: Carried, certificates: () => Certificates): void {
  const start = async (onPeer: (peer: Peer) => void): Promise<Caller> => {
    const { ca, server } = certificates()
    const port = await serve(scheme, server, onPeer)
    const options: DialOptions = { tls: { ca }, protocols: ['mqtt'] }
    return new Caller(at(scheme, port, 'localhost'), options, dial)
  }
  const connected = async (): Promise<readonly [Caller, Peer]> => {
    const { promise, resolve } = withResolvers<Peer>()
    const caller = await start(resolve)
    const peer = await promise
    return [await caller.opened(), peer]
  }

  describe(name, () => {
    it('carries a MiB there and back, in odd pieces, in order', async () => {
      const caller = await start((peer) => peer.onBytes((bytes) => peer.write(Buffer.from(bytes))))
      await caller.opened()
      const sent = pattern(2 ** 20)
      for (let from = 0, length = 1; from < sent.length; from += length, length = (length * 3 + 1) % 9973) {
        caller.transport.write(sent.subarray(from, Math.min(from + length, sent.length)))
      }
      await caller.until(() => caller.receivedBytes === sent.length)
      expect(caller.received.equals(sent)).toBe(true)
    })

    it('keeps what is written before it is open, and sends it first', async () => {
      const caller = await start((peer) => peer.onBytes((bytes) => peer.write(Buffer.from(bytes))))
      expect(caller.transport.write(Buffer.from('first '))).toBe(true)
      caller.transport.write(Buffer.from('second '))
      expect(caller.transport.waiting).toBe(13)
      await caller.opened()
      caller.transport.write(Buffer.from('third'))
      await caller.until(() => caller.receivedBytes === 18)
      expect(caller.received.toString()).toBe('first second third')
    })

    it('says false to who writes more than the peer takes, and drained when all has gone', async () => {
      const [caller, peer] = await connected()
      peer.socket.pause()
      const piece = pattern(2 ** 16)
      let written = 0
      while (caller.transport.write(piece) || written < 2 ** 24) written += piece.length
      written += piece.length
      await turns()
      expect(caller.transport.waiting).toBeGreaterThan(2 ** 16)
      expect(caller.told).toEqual(['opened'])
      let arrived = 0
      peer.onBytes((bytes) => (arrived += bytes.length))
      peer.socket.resume()
      await caller.until(() => caller.told.includes('drained'))
      expect(caller.transport.waiting).toBe(0)
      expect(caller.told).toEqual(['opened', 'drained'])
      caller.transport.end()
      expect(await caller.end()).toBe('closed')
      expect(arrived).toBe(written)
    })

    it('receives nothing while it is paused, and all of it in order afterwards', async () => {
      const [caller, peer] = await connected()
      const sent = pattern(2 ** 20)
      // Inside `received` too, where the next piece may be at hand already.
      caller.onReceived = () => {
        const { length } = caller.told
        caller.transport.pause()
        setImmediate(() => {
          expect(caller.told).toHaveLength(length)
          caller.transport.resume()
          expect(caller.told).toHaveLength(length)
        })
      }
      for (let from = 0; from < sent.length; from += 10_000) peer.write(sent.subarray(from, from + 10_000))
      await caller.until(() => caller.receivedBytes === sent.length)
      expect(caller.received.equals(sent)).toBe(true)
    })

    it(canPause ? 'slows the sender down while it is paused' : 'holds what comes while it is paused', async () => {
      const [caller, peer] = await connected()
      caller.transport.pause()
      if (!canPause) {
        peer.write(pattern(2 ** 20))
        await turns(10)
        expect(caller.told).toEqual(['opened'])
        caller.transport.resume()
        return caller.until(() => caller.receivedBytes === 2 ** 20)
      }
      const sent = pattern(2 ** 18)
      // Kernels of both sides take some MiB of these 24; the rest stays with the sender.
      for (let count = 0; count < 96; count++) peer.write(sent)
      let waiting = -1
      for (let still = 0; still < 50; still++) {
        await turns(1)
        if (peer.socket.writableLength !== waiting) still = 0
        waiting = peer.socket.writableLength
      }
      expect(waiting).toBeGreaterThan(0)
      expect(caller.told).toEqual(['opened'])
      caller.transport.resume()
      return caller.until(() => caller.receivedBytes === 96 * sent.length)
    })

    it('tells nothing of the close before what came in front of it is read', async () => {
      const [caller, peer] = await connected()
      caller.transport.pause()
      peer.write(Buffer.from('the last words'))
      peer.end()
      await turns(10)
      expect(caller.told).toEqual(['opened'])
      caller.transport.resume()
      expect(await caller.end()).toBe('closed')
      expect(caller.received.toString()).toBe('the last words')
      expect(caller.told.at(-1)).toBe('closed')
    })

    it('sends all it was given before it ends', async () => {
      const [caller, peer] = await connected()
      let arrived = 0
      peer.onBytes((bytes) => (arrived += bytes.length))
      caller.transport.write(pattern(3 * 2 ** 20))
      caller.transport.end()
      expect(caller.transport.write(Buffer.from('too late'))).toBe(false)
      caller.transport.end()
      expect(await caller.end()).toBe('closed')
      expect(arrived).toBe(3 * 2 ** 20)
    })

    it('sends what it was given before it was open, then ends', async () => {
      let arrived = ''
      const caller = await start((peer) => peer.onBytes((bytes) => (arrived += Buffer.from(bytes).toString())))
      caller.transport.write(Buffer.from('in and out'))
      caller.transport.end()
      expect(await caller.end()).toBe('closed')
      expect(arrived).toBe('in and out')
      expect(caller.told).toEqual(['closed'])
    })

    it('ends in good order while the peer goes on sending, paused or not', async () => {
      const [caller, peer] = await connected()
      caller.transport.pause()
      for (let count = 0; count < 64; count++) peer.write(pattern(2 ** 14))
      await turns()
      caller.transport.end()
      expect(await caller.end()).toBe('closed')
      expect(caller.told).toEqual(['opened', 'closed'])
    })

    it('is closed in good order by a peer that ends', async () => {
      const [caller, peer] = await connected()
      peer.end()
      expect(await caller.end()).toBe('closed')
    })

    it('says that the connection was lost when the peer resets it', async () => {
      const [caller, peer] = await connected()
      peer.reset()
      expect(await caller.end()).toMatch(/^ERR_MQTT_CONNECTION_LOST: the connection to \S+ was lost: /u)
      await turns()
      expect(caller.told).toEqual(['opened', 'closed'])
    })

    it('is ended before it is open: closed, later and without an error', async () => {
      const caller = await start(() => {})
      caller.transport.end()
      expect(caller.told).toEqual([])
      expect(await caller.end()).toBe('closed')
    })

    it('says nothing after destroy, in whatever phase', async () => {
      const atOnce = await start(() => {})
      atOnce.transport.destroy()
      const soon = await start(() => {})
      await turns(2)
      soon.transport.destroy()
      const toldSoon = soon.told.length
      const [open, peer] = await connected()
      open.transport.destroy()
      open.transport.destroy()
      expect(open.transport.write(Buffer.from('gone'))).toBe(false)
      open.transport.pause()
      open.transport.resume()
      open.transport.end()
      peer.write(Buffer.from('is somebody there?'))
      await turns(20)
      expect([atOnce.told, soon.told.length, open.told]).toEqual([[], toldSoon, ['opened']])
    })

    it('may be destroyed from inside what it tells', async () => {
      const [caller, peer] = await connected()
      caller.onReceived = () => caller.transport.destroy()
      peer.write(pattern(2 ** 19))
      await caller.until(() => caller.told.includes('received'))
      await turns(10)
      expect(caller.told).toEqual(['opened', 'received'])
    })
  })
}
