import { once } from 'node:events'
import { HologramCloud } from '@halyard/hologram'
import type { SendResult } from '@halyard/hologram'
import { describe, expect, it, vi } from 'vitest'
import { cloudAt, withPeer } from './cloud.ts'
import { answer, closedPort, CREDENTIALS, impatientOutbox, openPeer } from './peer.ts'
import type { Peer, Script } from './peer.ts'

describe('a message that the cloud takes', () => {
  it('is written byte for byte as the original does, and gives its sentence', async () => {
    await withPeer(answer('[0,0]'), async (cloud, peer) => {
      const result = await cloud.sendMessage('hi there!', { topics: ['TOPIC 1', 'TOPIC 2'], timeout: 7 })
      expect(result).toMatchObject({ code: 0, name: 'ERR_OK', ok: true, buffered: false })
      expect(String(result)).toBe('The message has been sent successfully.')
      expect(result.toString()).toBe(result.description)
      expect(peer.received()).toEqual(['{"d": "hi there!", "s": "1234", "c": "5678", "t": ["TOPIC 1", "TOPIC 2"]}\r\r'])
    })
  })

  it('has no topics left over from the one before', async () => {
    await withPeer(answer('[0,0]'), async (cloud, peer) => {
      await cloud.sendMessage('a', { topics: ['T1'] })
      await cloud.sendMessage('b')
      await cloud.sendMessage('c', { topics: [] })
      expect(peer.received().slice(1)).toEqual([
        '{"s": "1234", "c": "5678", "d": "b"}\r\r',
        '{"d": "c", "s": "1234", "c": "5678", "t": []}\r\r',
      ])
    })
  })

  it('has metadata when it goes with a device key', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    await using cloud = new HologramCloud(
      { devicekey: '12345678' },
      { sendHost: 'localhost', sendPort: `${peer.port}`, enableInbound: false },
    )
    await cloud.sendMessage('hi', { topics: ['A'] })
    const version = cloud.getSDKVersion()
    expect(peer.received()).toEqual([`{"k": "12345678", "m": "\\u0001agnostic-${version}", "t": ["A"], "d": "hi"}\r\r`])
  })

  it('may be empty, bytes that are UTF-8, or long', async () => {
    await withPeer(answer('[0,0]'), async (cloud, peer) => {
      const long = 'x'.repeat(900_000)
      expect((await cloud.sendMessage('')).ok).toBe(true)
      expect((await cloud.sendMessage(new TextEncoder().encode('grüß'))).ok).toBe(true)
      expect((await cloud.sendMessage(long)).ok).toBe(true)
      expect(peer.received()).toEqual(
        ['', 'gr\\u00fc\\u00df', long].map((d) => `{"s": "1234", "c": "5678", "d": "${d}"}\r\r`),
      )
    })
  })

  it('fires message.sent once, before the promise resolves', async () => {
    await withPeer(answer('[0,0]'), async (cloud) => {
      const seen: SendResult[] = []
      cloud.event.subscribe('message.sent', (result) => seen.push(result))
      const result = await cloud.sendMessage('hi')
      expect(seen).toEqual([result])
      expect(seen[0]?.id).toBe(result.id)
    })
  })
})

describe('the reply', () => {
  const variants: [string, Script][] = [
    [
      'byte by byte',
      async ({ socket, request }) => {
        await request
        socket.setNoDelay(true)
        for (const byte of '[0,0]') {
          socket.write(byte)
          await new Promise(setImmediate)
        }
      },
    ],
    ['and the connection stays open', async ({ socket, request }) => void (await request, socket.write('[0,0]'))],
    ['with CR LF', answer('[0,0]\r\n')],
    ['twice', answer('[0,0][0,0]')],
    ['with a digit in quotes', answer('["0",0]')],
    [
      'and then more',
      async ({ socket, request }) => void (await request, socket.write('[0,0]', () => socket.write('x'))),
    ],
    [
      'and then a reset',
      async ({ socket, request }) =>
        void (await request, socket.write('[0,0]', () => setImmediate(() => socket.resetAndDestroy()))),
    ],
  ]
  it.each(variants)('comes %s', async (_name, script) => {
    const begun = performance.now()
    expect(await withPeer(script, async (cloud) => (await cloud.sendMessage('x')).code)).toBe(0)
    // Far below the five seconds for which the original would wait.
    expect(performance.now() - begun).toBeLessThan(3_000)
  })

  it('may be late, within the timeout', async () => {
    const late: Script = async ({ socket, request }) => {
      await request
      setTimeout(() => socket.end('[0,0]'), 60)
    }
    expect(await withPeer(late, async (cloud) => (await cloud.sendMessage('x', { timeout: 5 })).code)).toBe(0)
  })

  it('is waited for without closing our side first', async () => {
    let ended = false
    const watch: Script = async ({ socket, request }) => {
      socket.once('end', () => (ended = true))
      await request
      setTimeout(() => socket.write(`[${ended ? 1 : 0},0]`), 30)
    }
    expect(await withPeer(watch, async (cloud) => (await cloud.sendMessage('x')).code)).toBe(0)
  })
})

describe('a refusal', () => {
  const names = [
    [1, 'ERR_CONNCLOSED', "Connection was closed so we couldn't read the whole message."],
    [2, 'ERR_MSGINVALID', 'Failed to parse the message.'],
    [3, 'ERR_AUTHINVALID', 'Auth section of the message was invalid.'],
    [4, 'ERR_PAYLOADINVALID', 'Payload type was invalid.'],
    [5, 'ERR_PROTINVALID', 'Protocol type was invalid.'],
    [6, 'ERR_INTERNAL', 'Internal error in Hologram Cloud.'],
    [7, 'ERR_METADATA', 'Metadata was formatted incorrectly.'],
    [8, 'ERR_TOPICINVALID', 'Topic was formatted incorrectly.'],
  ] as const

  it.each(names)('%i is a result, fires nothing, and is not tried again', async (code, name, description) => {
    await withPeer(answer(`[${code},0]`), async (cloud, peer) => {
      const sent = vi.fn()
      cloud.event.subscribe('message.sent', sent)
      const result = await cloud.sendMessage('x')
      expect(result).toMatchObject({ code, name, description, ok: false, buffered: false })
      const outbox = await cloud.outbox
      await outbox.idle()
      expect(outbox.why(result.id)).toMatchObject({ state: 'dropped', reason: name })
      expect(sent).not.toHaveBeenCalled()
      expect(peer.conversations).toHaveLength(1)
    })
  })

  it('of a code that no table knows is ERR_UNKNOWN, and is not tried again', async () => {
    await withPeer(answer('[9,0]'), async (cloud, peer) => {
      const result = await cloud.sendMessage('x')
      expect(result).toMatchObject({ code: -1, name: 'ERR_UNKNOWN', description: 'Unknown error.', ok: false })
      await (await cloud.outbox).idle()
      expect(peer.conversations).toHaveLength(1)
    })
  })

  it('may come before the whole message was read', async () => {
    const impatient: Script = ({ socket }) => {
      socket.once('data', () => socket.write('[2,0]'))
      socket.pause()
      socket.once('readable', () => socket.read())
    }
    const result = await withPeer(impatient, (cloud) => cloud.sendMessage('x'.repeat(900_000)))
    expect(result.code).toBe(2)
  })
})

describe('live properties', () => {
  it('count at the next delivery', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    await using outbox = await impatientOutbox()
    await using cloud = cloudAt(await closedPort(), { outbox })
    const { id } = await cloud.sendMessage('x')
    cloud.sendHost = 'localhost'
    Object.assign(cloud, { sendPort: String(peer.port) })
    expect(cloud.sendPort).toBe(peer.port)
    cloud.credentials = { cloud_id: '1234', cloud_key: 'new!' }
    await outbox.settled(id)
    expect(peer.received().at(-1)).toContain('"c": "new!"')
  })

  it('of another account leave the queue of the first where it is', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    await using outbox = await impatientOutbox()
    await using cloud = cloudAt(peer.port, { outbox })
    await cloud.network.disconnect()
    const { id } = await cloud.sendMessage('of 1234')
    cloud.credentials = { cloud_id: 'abcd', cloud_key: 'efgh' }
    await cloud.network.connect()
    expect((await cloud.sendMessage('of abcd')).ok).toBe(true)
    expect(outbox.why(id)?.state).toBe('queued')
    cloud.credentials = CREDENTIALS
    expect(await outbox.settled(id)).toMatchObject({ state: 'delivered' })
    expect(peer.received()).toEqual([
      '{"s": "abcd", "c": "efgh", "d": "of abcd"}\r\r',
      '{"s": "1234", "c": "5678", "d": "of 1234"}\r\r',
    ])
  })
})

describe('close', () => {
  it('waits for what is on the wire, then refuses in words', async () => {
    await using peer = await openPeer(async ({ socket, request }) => {
      await request
      setTimeout(() => socket.end('[0,0]'), 50)
    })
    const cloud = cloudAt(peer.port)
    const sending = cloud.sendMessage('x')
    await once(peerConnected(peer), 'connected')
    await Promise.all([cloud.close(), cloud.close()])
    expect((await sending).ok).toBe(true)
    await expect(cloud.sendMessage('y')).rejects.toMatchObject({
      code: 'ERR_HOLOGRAM_CLOSED',
      message: 'this HologramCloud is closed; make a new one',
    })
  })

  it('at once after the constructor is quiet', async () => {
    await cloudAt(1).close()
  })

  it('waits for the wire of an outbox that is not ours', async () => {
    await using peer = await openPeer(async ({ socket, request }) => {
      await request
      setTimeout(() => socket.end('[0,0]'), 50)
    })
    await using outbox = await impatientOutbox()
    const cloud = cloudAt(peer.port, { outbox })
    const sent = vi.fn()
    cloud.event.subscribe('message.sent', sent)
    void cloud.sendMessage('x')
    await once(peerConnected(peer), 'connected')
    await cloud.close()
    expect(sent).toHaveBeenCalledTimes(1)
  })
})

function peerConnected(peer: Peer): EventTarget {
  const target = new EventTarget()
  void vi
    .waitFor(() => expect(peer.conversations).toHaveLength(1))
    .then(() => target.dispatchEvent(new Event('connected')))
  return target
}
