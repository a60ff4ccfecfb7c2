import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { CustomCloud } from '@halyard/hologram'
import { loadVectors } from '@halyard/testkit'
import { describe, expect, it, vi } from 'vitest'
import { answerRaw, closedPort, impatientOutbox, openPeer, silence } from './peer.ts'
import type { Peer, Script } from './peer.ts'

async function withPeer<T>(script: Script, run: (cloud: CustomCloud, peer: Peer) => Promise<T>): Promise<T> {
  await using peer = await openPeer(script)
  await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
  return await run(cloud, peer)
}

describe('a raw message', () => {
  const vectors = loadVectors<string>(new URL('../../../vectors/hologram/raw.json', import.meta.url)).vectors
  it.each(vectors.filter(({ message }) => message !== ''))('$name', async ({ message, hex }) => {
    await withPeer(answerRaw('pong'), async (cloud, peer) => {
      expect(String(await cloud.sendMessage(message ?? ''))).toBe('pong')
      expect(peer.conversations[0]?.bytes().toString('hex')).toBe(hex)
    })
  })

  it('may be nothing at all', async () => {
    await withPeer(
      ({ socket }) => void socket.end('hello'),
      async (cloud) => {
        expect(await cloud.sendMessage('')).toMatchObject({ code: 0, ok: true, description: 'hello' })
      },
    )
  })

  it('may be any bytes, which survive the outbox', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await withPeer(answerRaw('ok'), async (cloud, peer) => {
      await cloud.network.disconnect()
      const { id } = await cloud.sendMessage(bytes)
      bytes.fill(0)
      await cloud.network.connect()
      await (await cloud.outbox).settled(id)
      expect([...(peer.conversations[0]?.bytes() ?? [])]).toEqual(Array.from({ length: 256 }, (_, index) => index))
    })
  })

  it('of twenty megabytes is written whole', async () => {
    const size = 20_000_000
    const count: Script = ({ socket, bytes }) => {
      let length = 0
      socket.removeAllListeners('data')
      socket.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length === size) socket.end(`got ${length} ${bytes().length}`)
      })
    }
    const result = await withPeer(count, (cloud) => cloud.sendMessage(new Uint8Array(size)))
    expect(result.description).toBe(`got ${size} 0`)
  })
})

describe('the answer', () => {
  it('is what came until the peer closed', async () => {
    const answer = 'x'.repeat(5000)
    expect(String(await withPeer(answerRaw(answer), (cloud) => cloud.sendMessage('hello')))).toBe(answer)
  })

  it('is what came until it fell silent', async () => {
    const hold: Script = ({ socket }) => void socket.once('data', () => socket.write('[0,0]'))
    const result = await withPeer(hold, (cloud) => cloud.sendMessage('hello', { timeout: 0.05 }))
    expect(result).toMatchObject({ code: 0, ok: true, buffered: false, description: '[0,0]' })
  })

  it('of a silent peer is empty, and the message is delivered', async () => {
    const sent = vi.fn()
    const result = await withPeer(silence, async (cloud) => {
      cloud.event.subscribe('message.sent', sent)
      return await cloud.sendMessage('hello', { timeout: 0.05 })
    })
    expect(result).toMatchObject({ code: 0, ok: true, buffered: false, description: '' })
    expect(String(result)).toBe('')
    expect(sent).toHaveBeenCalledTimes(1)
  })

  it('ends at 64 KiB', async () => {
    const endless: Script = ({ socket }) => void socket.write(Buffer.alloc(1_000_000, 'x'))
    const result = await withPeer(endless, (cloud) => cloud.sendMessage('hello', { timeout: 1 }))
    expect(result.description).toBe('x'.repeat(65_536))
  })

  it('is shown as text, whatever it is', async () => {
    const result = await withPeer(answerRaw(Uint8Array.of(0xff, 0x41)), (cloud) => cloud.sendMessage('hello'))
    expect(result.description).toBe('\ufffdA')
  })

  it('byte by byte is one answer, however many there are', async () => {
    const drip: Script = async ({ socket }) => {
      await once(socket, 'data')
      socket.setNoDelay(true)
      for (let count = 0; count < 200; count++) {
        socket.write('y')
        await new Promise(setImmediate)
      }
      socket.end()
    }
    expect(String(await withPeer(drip, (cloud) => cloud.sendMessage('hello')))).toBe('y'.repeat(200))
  })

  it('of a peer that resets after the message is what came before', async () => {
    const reset: Script = ({ socket }) => void socket.once('data', () => socket.resetAndDestroy())
    expect(await withPeer(reset, (cloud) => cloud.sendMessage('hello'))).toMatchObject({ code: 0, description: '' })
  })

  it('of a message of which only the ledger knows is empty', async () => {
    await using peer = await openPeer(answerRaw('pong'))
    await using outbox = await impatientOutbox()
    const options = { sendHost: '127.0.0.1', sendPort: peer.port, outbox }
    const first = new CustomCloud(null, options)
    expect(String(await first.sendMessage('x', { id: 'one' }))).toBe('pong')
    expect(String(await first.sendMessage('x', { id: 'one' }))).toBe('pong')
    await outbox.idle()
    await first.close()
    await using second = new CustomCloud(null, options)
    expect(await second.sendMessage('x', { id: 'one' })).toMatchObject({ code: 0, ok: true, description: '' })
    expect(peer.conversations).toHaveLength(1)
  })
})

describe('a raw message that cannot go', () => {
  it('is buffered under host and port', async () => {
    await using outbox = await impatientOutbox()
    const port = await closedPort()
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: port, outbox })
    const { id, code } = await cloud.sendMessage('x')
    expect(code).toBe(-2)
    expect(outbox.why(id)).toMatchObject({ destination: `custom:127.0.0.1:${port}`, state: 'queued' })
  })

  it('is buffered when it was cut before all was written', async () => {
    const cut: Script = ({ socket }) => {
      socket.pause()
      setTimeout(() => socket.resetAndDestroy(), 30)
    }
    const result = await withPeer(cut, (cloud) => cloud.sendMessage(new Uint8Array(20_000_000)))
    expect(result).toMatchObject({ code: -2, buffered: true })
  })

  it('is buffered when the peer takes no more of it for so long', async () => {
    const result = await withPeer(
      ({ socket }) => void socket.pause(),
      (cloud) => cloud.sendMessage(new Uint8Array(20_000_000), { timeout: 0.1 }),
    )
    expect(result.buffered).toBe(true)
  })

  it('goes over IPv6 as well', async () => {
    await using peer = await openPeer(answerRaw('six'), '::1')
    await using cloud = new CustomCloud(null, { sendHost: '::1', sendPort: peer.port })
    expect(String(await cloud.sendMessage('x'))).toBe('six')
  })
})

describe('many messages', () => {
  it('go in order, one connection each', async () => {
    await withPeer(answerRaw('ok'), async (cloud, peer) => {
      const texts = Array.from({ length: 200 }, (_, index) => `message ${index}`)
      const results = await Promise.all(texts.map((text) => cloud.sendMessage(text)))
      expect(results.every(({ ok }) => ok)).toBe(true)
      expect(peer.received()).toEqual(texts)
    })
  })
})

it('has the version of its package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(new CustomCloud(null).getSDKVersion()).toBe(version)
})
