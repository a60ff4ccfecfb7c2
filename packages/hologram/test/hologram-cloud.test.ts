import { once } from 'node:events'
import { HologramCloud } from '@halyard/hologram'
import type { SendResult } from '@halyard/hologram'
import { describe, expect, it, vi } from 'vitest'
import { answer, closedPort, CREDENTIALS, impatientOutbox, openPeer, silence } from './peer.ts'
import type { Peer, Script } from './peer.ts'

const cloudAt = (port: number, options: object = {}): HologramCloud =>
  new HologramCloud(CREDENTIALS, { sendHost: '127.0.0.1', sendPort: port, enableInbound: false, ...options })

async function withPeer<T>(script: Script, run: (cloud: HologramCloud, peer: Peer) => Promise<T>): Promise<T> {
  await using peer = await openPeer(script)
  await using cloud = cloudAt(peer.port)
  return await run(cloud, peer)
}

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

describe('a message that cannot go now is buffered and goes later', () => {
  const failures: [string, Script, RegExp][] = [
    [
      'closes without an answer',
      async ({ socket, request }) => void (await request, socket.end()),
      /closed the connection/,
    ],
    ['closes before it has read', ({ socket }) => void socket.end(), /closed|ECONNRESET|EPIPE/],
    ['resets', ({ socket }) => void socket.resetAndDestroy(), /ECONNRESET|EPIPE|closed/],
    ['answers rubbish', answer('HTTP/1.1 400 Bad Request\r\n\r\n'), /not a reply/],
    ['answers an SMS reply', answer('00'), /not a reply/],
    ['answers without end', ({ socket }) => void socket.write('x'.repeat(100_000)), /not a reply/],
    ['is silent', silence, /^no answer within 0\.1 s$/],
    [
      'stops in the middle of its reply',
      async ({ socket, request }) => void (await request, socket.write('[0,')),
      /not a reply/,
    ],
  ]

  it.each(failures)('when the peer %s', async (_name, script, reason) => {
    await using peer = await openPeer(script)
    await using outbox = await impatientOutbox()
    await using cloud = cloudAt(peer.port, { outbox })
    const sent: SendResult[] = []
    cloud.event.subscribe('message.sent', (result) => sent.push(result))

    const result = await cloud.sendMessage('hello', { topics: ['T'], timeout: 0.1 })
    expect(result).toMatchObject({ code: -2, name: 'ERR_BUFFERED', ok: false, buffered: true })
    expect(result.description).toBe('The message is buffered and will be sent when the network allows.')
    expect(outbox.why(result.id)).toMatchObject({ state: 'queued', reason: expect.stringMatching(reason) as string })
    expect(sent).toEqual([])

    peer.play(answer('[0,0]'))
    expect(await outbox.settled(result.id)).toMatchObject({ state: 'delivered' })
    expect(sent).toMatchObject([{ id: result.id, code: 0, ok: true }])
    expect(peer.received().at(-1)).toBe('{"d": "hello", "s": "1234", "c": "5678", "t": ["T"]}\r\r')
  })

  it('when nobody listens', async () => {
    await using cloud = cloudAt(await closedPort())
    const result = await cloud.sendMessage('x')
    expect(result.buffered).toBe(true)
    expect((await cloud.outbox).why(result.id)?.reason).toMatch(/ECONNREFUSED/)
  })

  it('when the name cannot be resolved', async () => {
    await using cloud = cloudAt(9999, { sendHost: 'no-such-host.invalid' })
    expect((await cloud.sendMessage('x')).buffered).toBe(true)
  })

  it('behind another one at once, and in order', async () => {
    await using peer = await openPeer(({ socket }) => void socket.resetAndDestroy())
    await using outbox = await impatientOutbox()
    await using cloud = cloudAt(peer.port, { outbox })
    cloud.network.isConnected()
    await cloud.network.disconnect()
    const results = await Promise.all(['1', '2', '3'].map((text) => cloud.sendMessage(text, { topics: [`T${text}`] })))
    expect(results.every(({ buffered }) => buffered)).toBe(true)
    expect(peer.conversations).toHaveLength(0)
    peer.play(answer('[0,0]'))
    await cloud.network.connect()
    await outbox.idle()
    expect(peer.received()).toEqual(
      ['1', '2', '3'].map((d) => `{"d": "${d}", "s": "1234", "c": "5678", "t": ["T${d}"]}\r\r`),
    )
    await cloud.network.connect()
    await outbox.idle()
    expect(peer.conversations).toHaveLength(3)
  })
})

describe('the outbox behind it', () => {
  it('is one in memory, or one that was handed in, which close() leaves open', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    await using outbox = await impatientOutbox()
    const cloud = cloudAt(peer.port, { outbox })
    expect(await cloud.outbox).toBe(outbox)
    await cloud.sendMessage('a')
    await cloud.close()
    await cloud.close()
    await using again = cloudAt(peer.port, { outbox })
    expect((await again.sendMessage('b')).ok).toBe(true)
  })

  it('keeps the call and no credential', async () => {
    await using outbox = await impatientOutbox()
    await using cloud = cloudAt(await closedPort(), { outbox })
    await cloud.network.disconnect()
    await cloud.sendMessage('text', { topics: ['T'], timeout: 7 })
    await cloud.sendMessage(new TextEncoder().encode('bytes'))
    const kept = []
    for await (const message of outbox.messages()) kept.push(message)
    expect(kept.map(({ destination, kind, options }) => ({ destination, kind, options }))).toEqual([
      { destination: 'hologram:1234', kind: 'hologram.message', options: { topics: ['T'], timeout: 7 } },
      { destination: 'hologram:1234', kind: 'hologram.message', options: { text: false } },
    ])
    expect(kept.map(({ body }) => new TextDecoder().decode(body))).toEqual(['text', 'bytes'])
    expect(JSON.stringify(kept)).not.toContain('5678')
  })

  it('is delivered by a new client of the account, wherever it points, without any call', async () => {
    await using outbox = await impatientOutbox()
    const first = cloudAt(await closedPort(), { outbox })
    const { id } = await first.sendMessage('hello', { topics: ['T'] })
    await first.close()
    expect(outbox.why(id)?.state).toBe('queued')

    await using peer = await openPeer(answer('[0,0]'))
    await using other = new HologramCloud(
      { cloud_id: '9999', cloud_key: 'abcd' },
      { sendHost: '127.0.0.1', sendPort: peer.port, outbox, enableInbound: false },
    )
    await other.sendMessage('mine')
    expect(outbox.why(id)?.state).toBe('queued')

    // The account is the id; a new key is the key of the same account.
    await using second = new HologramCloud(
      { devicekey: '1234wxyz' },
      { sendHost: '127.0.0.1', sendPort: peer.port, outbox, enableInbound: false },
    )
    expect(second.sendPort).toBe(peer.port)
    await outbox.settled(id)
    expect(peer.received().at(-1)).toContain('"k": "1234wxyz"')
    expect(peer.received().at(-1)).toContain('"t": ["T"], "d": "hello"')
  })

  it('serves one client for each account', async () => {
    await using outbox = await impatientOutbox()
    await using first = cloudAt(1, { outbox })
    await first.outbox
    await using second = cloudAt(1, { outbox })
    const heard = vi.fn()
    second.event.subscribe('error', heard)
    await expect(second.sendMessage('x')).rejects.toMatchObject({
      code: 'ERR_OUTBOX_ATTACHED',
      message: expect.stringContaining('another client delivers for hologram:1234') as string,
    })
    expect(heard).toHaveBeenCalled()
  })

  it('sends nothing for an id that is known, and gives the first result', async () => {
    await withPeer(answer('[3,0]'), async (cloud, peer) => {
      const first = await cloud.sendMessage('x', { id: 'one' })
      peer.play(answer('[0,0]'))
      const second = await cloud.sendMessage('y', { id: 'one' })
      expect(first).toMatchObject({ id: 'one', code: 3 })
      expect(second).toEqual(first)
      expect(peer.conversations).toHaveLength(1)
    })
  })

  it('gives the result of a known id also to a client that has only the ledger', async () => {
    await using peer = await openPeer(answer('[7,0]'))
    await using outbox = await impatientOutbox()
    const first = cloudAt(peer.port, { outbox })
    await first.sendMessage('x', { id: 'one' })
    await outbox.idle()
    await first.close()
    await using second = cloudAt(peer.port, { outbox })
    expect(await second.sendMessage('x', { id: 'one' })).toMatchObject({ code: 7, name: 'ERR_METADATA' })
    expect(peer.conversations).toHaveLength(1)
  })

  it('says why a message was dropped for which the service is not to blame', async () => {
    await using outbox = await impatientOutbox({ maxMessages: 1, overflow: 'drop-newest' })
    await using cloud = cloudAt(1, { outbox })
    await cloud.network.disconnect()
    await cloud.sendMessage('1')
    expect(await cloud.sendMessage('2')).toMatchObject({
      code: -1,
      ok: false,
      buffered: false,
      description: 'The message was dropped: overflow.',
    })
  })

  it('rejects what the caller must mend: full, too large, aborted', async () => {
    await using outbox = await impatientOutbox({ maxMessages: 1, maxBytes: 10 })
    await using cloud = cloudAt(1, { outbox })
    await cloud.network.disconnect()
    await expect(cloud.sendMessage('x'.repeat(11))).rejects.toMatchObject({
      message: 'a message of 11 bytes is larger than maxBytes (10); split it',
    })
    await cloud.sendMessage('1')
    await expect(cloud.sendMessage('2')).rejects.toMatchObject({ code: 'ERR_OUTBOX_FULL' })
    const signal = AbortSignal.abort('enough')
    await expect(cloud.sendMessage('3', { signal })).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' })
  })

  it('keeps a message whose waiting was aborted', async () => {
    await using peer = await openPeer(silence)
    await using outbox = await impatientOutbox()
    await using cloud = cloudAt(peer.port, { outbox })
    const controller = new AbortController()
    const sending = cloud.sendMessage('x', { id: 'one', timeout: 0.2, signal: controller.signal })
    await vi.waitFor(() => expect(peer.conversations).toHaveLength(1))
    controller.abort()
    await expect(sending).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(outbox.why('one')?.state).toBe('queued')
    peer.play(answer('[0,0]'))
    expect(await outbox.settled('one')).toMatchObject({ state: 'delivered' })
  })

  it('drops what has expired, with its reason', async () => {
    await using cloud = cloudAt(await closedPort())
    const { id } = await cloud.sendMessage('x', { expires: 0.05 })
    expect(await (await cloud.outbox).settled(id)).toMatchObject({ state: 'dropped', reason: 'expired' })
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
