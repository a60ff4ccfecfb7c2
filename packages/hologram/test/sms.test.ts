import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HologramCloud } from '@halyard/hologram'
import type { Authentication, Connector, CredentialsInit, SendResult } from '@halyard/hologram'
import { loadVectors } from '@halyard/testkit'
import { describe, expect, it, vi } from 'vitest'
import { answer, closedPort, CREDENTIALS, impatientOutbox, openPeer, recordingLogger, silence } from './peer.ts'
import type { Peer, Script } from './peer.ts'

const NUMBER = '+11234567890'
const cloudAt = (port: number, options: object = {}, credentials: CredentialsInit = CREDENTIALS): HologramCloud =>
  new HologramCloud(credentials, { sendHost: '127.0.0.1', sendPort: port, enableInbound: false, ...options })

async function withPeer<T>(script: Script, run: (cloud: HologramCloud, peer: Peer) => Promise<T>): Promise<T> {
  await using peer = await openPeer(script)
  await using cloud = cloudAt(peer.port)
  return await run(cloud, peer)
}

describe('an SMS that the cloud takes', () => {
  const vectors = loadVectors<{ auth: { deviceKey: string }; destination: string; body: string }>(
    new URL('../../../vectors/hologram/sms.json', import.meta.url),
  ).vectors.filter(({ direction, name }) => direction === 'both' && name.startsWith('TV'))

  it.each(vectors)('is written byte for byte as the original does: $name', async ({ message, hex }) => {
    const { auth, destination = '', body = '' } = message ?? {}
    await using peer = await openPeer(answer('00'))
    const key = auth?.deviceKey ?? ''
    for (const credentials of [{ cloud_id: key.slice(0, 4), cloud_key: key.slice(4) }, { devicekey: key }]) {
      await using cloud = cloudAt(peer.port, {}, credentials)
      const result = await cloud.sendSMS(destination, body)
      expect(result).toMatchObject({ code: 0, name: 'ERR_OK', ok: true, buffered: false })
      expect(String(result)).toBe('The message has been sent successfully.')
      expect(peer.conversations.at(-1)?.bytes().toString('hex')).toBe(hex)
    }
  })

  it('fires message.sent, once', async () => {
    await withPeer(answer('00'), async (cloud) => {
      const sent: SendResult[] = []
      cloud.event.subscribe('message.sent', (result) => sent.push(result))
      const result = await cloud.sendSMS(NUMBER, 'hi')
      expect(sent).toEqual([result])
    })
  })

  it('may be empty, and hold single line breaks', async () => {
    await withPeer(answer('00'), async (cloud, peer) => {
      await cloud.sendSMS(NUMBER, '')
      await cloud.sendSMS(NUMBER, 'a\nb\r\nc\n')
      expect(peer.received()).toEqual([`S12345678${NUMBER} \r\r`, `S12345678${NUMBER} a\nb\r\nc\n\r\r`])
    })
  })

  it('is answered in digits as soon as there are two of them', async () => {
    const open: Script = async ({ socket, request }) => void (await request, socket.write('00'))
    expect((await withPeer(open, (cloud) => cloud.sendSMS(NUMBER, 'hi'))).code).toBe(0)
    expect((await withPeer(answer('00\r'), (cloud) => cloud.sendSMS(NUMBER, 'hi'))).code).toBe(0)
  })
})

describe('an SMS that cannot be is refused before anything is opened', () => {
  const NUMBERS = "an SMS goes to a number in E.164 form: a '+', the country and the number, as +11234567890"
  const BLANK = 'an SMS can hold no blank line and no CR at its end: it would end there; use single line breaks'
  const broken: [string, unknown, unknown, string, string?][] = [
    ['161 characters', NUMBER, 'x'.repeat(161), 'an SMS has at most 160 characters, this one has 161; split it'],
    ['161 emoji', NUMBER, '😀'.repeat(161), 'an SMS has at most 160 characters, this one has 161; split it'],
    ['CR CR inside', NUMBER, 'a\r\rb', BLANK],
    ['LF LF inside', NUMBER, 'a\n\nb', BLANK],
    ['CR LF CR LF inside', NUMBER, 'a\r\n\r\nb', BLANK],
    ['CR at the end', NUMBER, 'a\r', BLANK],
    ['no plus', '11234567890', 'x', NUMBERS],
    ['a plus alone', '+', 'x', NUMBERS],
    ['a country 0', '+0123456', 'x', NUMBERS],
    ['16 digits', '+1234567890123456', 'x', NUMBERS],
    ['spaces', '+1 123 456', 'x', NUMBERS],
    ['a line break behind', '+1123456\n', 'x', NUMBERS],
    ['no number', undefined, 'x', NUMBERS],
    ['a number', 11234567890, 'x', NUMBERS],
    [
      'no text',
      NUMBER,
      undefined,
      'a message is a string or a Uint8Array, not undefined; JSON.stringify what has a structure',
      'ERR_HOLOGRAM_MESSAGE',
    ],
    [
      'half a surrogate pair',
      NUMBER,
      'a\ud800',
      'the message holds half of a surrogate pair and is no text; send it as bytes',
      'ERR_HOLOGRAM_MESSAGE',
    ],
  ]
  it.each(broken)('%s', async (_name, number, text, message, code = 'ERR_HOLOGRAM_SMS') => {
    await withPeer(silence, async (cloud, peer) => {
      await expect(cloud.sendSMS(number as string, text as string)).rejects.toMatchObject({ code, message })
      expect((await cloud.outbox).depth).toBe(0)
      expect(peer.conversations).toHaveLength(0)
    })
  })

  it('though 160 emoji fit (the original under Python 2 counts bytes), with a warning', async () => {
    const logger = recordingLogger()
    await using peer = await openPeer(answer('00'))
    await using cloud = cloudAt(peer.port, { logger })
    expect((await cloud.sendSMS(NUMBER, '😀'.repeat(160))).ok).toBe(true)
    expect(logger.lines.join('\n')).toContain('warn:the SMS has letters beyond GSM 03.38')
    const quiet = recordingLogger()
    await using other = cloudAt(peer.port, { logger: quiet })
    await other.sendSMS(NUMBER, 'ä€[]'.repeat(40))
    expect(quiet.lines.join('\n')).not.toContain('warn')
  })
})

describe('an SMS that was written whole is never sent again', () => {
  const endings: [string, Script, RegExp][] = [
    [
      'closes',
      async ({ socket, request }) => void (await request, socket.end()),
      /: the peer closed the connection\.$/,
    ],
    ['is silent', silence, /: no answer within 0\.5 s\.$/],
    ['resets', async ({ socket, request }) => void (await request, socket.resetAndDestroy()), /ECONNRESET/],
    ['answers in JSON, on which the original fails', answer('[0,0]'), /: the answer is not a reply of the cloud\.$/],
    ['answers rubbish', answer('<html>'), /: the answer is not a reply of the cloud\.$/],
    [
      'answers digits and letters, on which the original fails',
      answer('0x'),
      /: the answer is not a reply of the cloud\.$/,
    ],
  ]
  it.each(endings)('when the peer %s: code -1', async (_name, script, reason) => {
    await using peer = await openPeer(script)
    await using outbox = await impatientOutbox()
    await using cloud = cloudAt(peer.port, { outbox })
    const sent = vi.fn()
    cloud.event.subscribe('message.sent', sent)
    const result = await cloud.sendSMS(NUMBER, 'once', { timeout: script === silence ? 0.5 : 5, id: 'one' })
    expect(result).toMatchObject({ code: -1, name: 'ERR_UNKNOWN', ok: false, buffered: false })
    expect(result.description).toMatch(/^The SMS may have been sent and is not sent again: /)
    expect(result.description).toMatch(reason)
    peer.play(answer('00'))
    await outbox.idle()
    expect(outbox.why('one')).toMatchObject({ state: 'dropped', reason: 'ERR_UNKNOWN' })
    expect(await cloud.sendSMS(NUMBER, 'once', { id: 'one' })).toEqual(result)
    expect(sent).not.toHaveBeenCalled()
    expect(peer.conversations).toHaveLength(1)
  })

  it('when the sending is ended while it waits for its answer', async () => {
    await using peer = await openPeer(silence)
    const outbox = await impatientOutbox()
    await using cloud = cloudAt(peer.port, { outbox })
    const sending = cloud.sendSMS(NUMBER, 'once', { timeout: 60, id: 'one' })
    await vi.waitFor(() => expect(peer.received()).toEqual([`S12345678${NUMBER} once\r\r`]))
    expect(await outbox.drop('one')).toBe(false)
    expect(await sending).toMatchObject({ code: -1 })
    await outbox.close()
  })

  it('when a transport was given all of it and did not say that it left', async () => {
    await using outbox = await impatientOutbox()
    let attempts = 0
    const connector: Connector = {
      connect(_endpoint, events) {
        attempts++
        queueMicrotask(() => events.opened())
        return { write() {}, destroy() {} }
      },
    }
    await using cloud = new HologramCloud(CREDENTIALS, { enableInbound: false, outbox }, { connector })
    expect(await cloud.sendSMS(NUMBER, 'once', { timeout: 0.05 })).toMatchObject({ code: -1, buffered: false })
    await outbox.idle()
    expect(attempts).toBe(1)
  })

  it('nor when a code refuses it', async () => {
    for (const [reply, code] of [
      ['30', 3],
      ['10', 1],
      ['90', -1],
    ] as const) {
      await withPeer(answer(reply), async (cloud, peer) => {
        expect(await cloud.sendSMS(NUMBER, 'x')).toMatchObject({ code, ok: false, buffered: false })
        await (await cloud.outbox).idle()
        expect(peer.conversations).toHaveLength(1)
      })
    }
  })
})

describe('an SMS that could not go waits, and goes as an SMS; the original sends it as a message, ours does not', () => {
  it('after a refused connection', async () => {
    await using outbox = await impatientOutbox()
    const first = cloudAt(await closedPort(), { outbox })
    const result = await first.sendSMS(NUMBER, 'later')
    expect(result).toMatchObject({ code: -2, buffered: true })
    await first.close()

    await using peer = await openPeer(answer('00'))
    await using second = cloudAt(peer.port, { outbox })
    expect(await outbox.settled(result.id)).toMatchObject({ state: 'delivered' })
    expect(second.sendPort).toBe(peer.port)
    expect(peer.received()).toEqual([`S12345678${NUMBER} later\r\r`])
  })

  it('in order among messages, over a restart, and kept without credentials', async () => {
    const path = await mkdtemp(join(tmpdir(), 'halyard-'))
    try {
      const before = cloudAt(1, { outbox: { path } })
      await before.network.disconnect()
      await before.sendMessage('first', { topics: ['T'] })
      await before.sendSMS(NUMBER, 'second', { timeout: 7 })
      const kept = []
      for await (const message of (await before.outbox).messages()) kept.push(message)
      expect(kept[1]).toMatchObject({ kind: 'hologram.sms', options: { destination: NUMBER, timeout: 7 } })
      expect(JSON.stringify(kept)).not.toContain('5678"')
      await before.close()

      const reply: Script = async ({ socket, request }) => socket.end((await request).startsWith('S') ? '00' : '[0,0]')
      await using peer = await openPeer(reply)
      await using after = cloudAt(peer.port, { outbox: { path } }, { devicekey: '1234abcd' })
      await (await after.outbox).idle()
      expect(peer.received().map((text) => text.slice(0, 9))).toEqual(['{"k": "12', 'S1234abcd'])
    } finally {
      await rm(path, { recursive: true })
    }
  })

  it('when the connection broke before all of it had left', async () => {
    await using outbox = await impatientOutbox()
    let attempts = 0
    const connector: Connector = {
      connect(_endpoint, events) {
        attempts++
        queueMicrotask(() => events.opened())
        return {
          write() {
            if (attempts === 1) return queueMicrotask(() => events.failed(new Error('write EPIPE')))
            queueMicrotask(() => {
              events.written()
              events.received(new TextEncoder().encode('00'))
            })
          },
          destroy() {},
        }
      },
    }
    await using cloud = new HologramCloud(CREDENTIALS, { enableInbound: false, outbox }, { connector })
    const { id, buffered } = await cloud.sendSMS(NUMBER, 'x')
    expect(buffered).toBe(true)
    expect(await outbox.settled(id)).toMatchObject({ state: 'delivered' })
    expect(attempts).toBe(2)
  })
})

it('an SMS of an authentication of your own is what that makes of it', async () => {
  await using peer = await openPeer(answer('00'))
  const authentication: Authentication = {
    type: 'mine',
    message: () => new Uint8Array(),
    sms: async (destination, text) => new TextEncoder().encode(`X ${destination} ${text}\r\r`),
  }
  await using cloud = cloudAt(peer.port, { authentication }, { device_id: 'DEV1', private_key: 's3cret' })
  expect((await cloud.sendSMS(NUMBER, 'hi')).ok).toBe(true)
  expect(peer.received()).toEqual([`X ${NUMBER} hi\r\r`])
})
