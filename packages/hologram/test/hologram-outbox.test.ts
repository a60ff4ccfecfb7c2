import { HologramCloud } from '@halyard/hologram'
import type { SendResult } from '@halyard/hologram'
import { describe, expect, it, vi } from 'vitest'
import { cloudAt, withPeer } from './cloud.ts'
import { answer, closedPort, impatientOutbox, openPeer, silence } from './peer.ts'
import type { Script } from './peer.ts'

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
