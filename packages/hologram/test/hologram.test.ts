import { inspect } from 'node:util'
import { Credentials, Hologram } from '@halyard/hologram'
import type { Authentication } from '@halyard/hologram'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { answer, answerRaw, closedPort, CREDENTIALS, impatientOutbox, openPeer, silence } from './peer.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe("message mode 'hologram_cloud'", () => {
  it('is the default, with the endpoint of the cloud', () => {
    const credentials = new Credentials('xxxx', 'xxxx')
    const hologram = new Hologram(credentials)
    expect(hologram.credentials).toBe(credentials)
    expect([hologram.messageMode, hologram.sendHost, hologram.sendPort]).toEqual([
      'hologram_cloud',
      'cloudsocket.hologram.io',
      9999,
    ])
    expect(new Hologram(credentials, { messageMode: 'hologram_cloud' }).messageMode).toBe('hologram_cloud')
    expect(hologram.getSDKVersion()).toBe('0.1.0')
  })

  it('sends messages and SMS, and fires message.sent until it is unsubscribed', async () => {
    await using peer = await openPeer(async ({ socket, request }) =>
      socket.end((await request).startsWith('S') ? '00' : '[0,0]'),
    )
    await using hologram = new Hologram(new Credentials('1234', '5678'))
    hologram.sendHost = '127.0.0.1'
    hologram.sendPort = peer.port
    const sent = vi.fn()
    hologram.event.subscribe('message.sent', sent)
    expect((await hologram.sendMessage('msg1', { topics: ['TOPIC 1', 'TOPIC 2'] })).code).toBe(0)
    expect((await hologram.sendSMS('+11234567890', 'Hello, Python!')).code).toBe(0)
    hologram.event.unsubscribe('message.sent', sent)
    await hologram.sendMessage('msg2')
    expect(sent).toHaveBeenCalledTimes(2)
    expect(peer.received()).toEqual([
      '{"d": "msg1", "s": "1234", "c": "5678", "t": ["TOPIC 1", "TOPIC 2"]}\r\r',
      'S12345678+11234567890 Hello, Python!\r\r',
      '{"s": "1234", "c": "5678", "d": "msg2"}\r\r',
    ])
  })

  it('follows the credentials object, which may be filled later', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    const credentials = new Credentials()
    await using hologram = new Hologram(credentials)
    hologram.sendHost = '127.0.0.1'
    hologram.sendPort = peer.port
    await expect(hologram.sendMessage('x')).rejects.toMatchObject({ code: 'ERR_HOLOGRAM_CREDENTIALS' })
    credentials.cloudId = 'yyyy'
    credentials.cloudKey = 'zzzz'
    await hologram.sendMessage('x')
    hologram.credentials.cloudId = 'wwww'
    await hologram.sendMessage('x')
    hologram.credentials = new Credentials('1234', '5678')
    await hologram.sendMessage('x')
    expect(peer.received().map((text) => text.slice(0, 28))).toEqual([
      '{"s": "yyyy", "c": "zzzz", "',
      '{"s": "wwww", "c": "zzzz", "',
      '{"s": "1234", "c": "5678", "',
    ])
  })

  it('takes the other forms of credentials too, and shows them as Credentials', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    await using hologram = new Hologram({ devicekey: '12345678' })
    hologram.sendHost = '127.0.0.1'
    hologram.sendPort = peer.port
    expect(hologram.credentials).toMatchObject({ cloudId: '1234', cloudKey: '5678' })
    await hologram.sendMessage('x')
    expect(peer.received()[0]).toContain('{"k": "12345678", "m": "\\u0001agnostic-')
    expect(new Hologram(CREDENTIALS).credentials).toBeInstanceOf(Credentials)
    expect(inspect(new Hologram({ devicekey: '1234s3cr' }), { depth: 9, showHidden: true })).not.toContain('s3cr')
  })

  it('shows its authentication, which makes the same bytes', () => {
    const hologram = new Hologram(new Credentials('1234', '5678'))
    const { authentication } = hologram
    expect(authentication.type).toBe('csrpsk')
    expect(decode(authentication.message('hi') as Uint8Array)).toBe('{"s": "1234", "c": "5678", "d": "hi"}\r\r')
    expect(decode(authentication.message(new TextEncoder().encode('hi'), ['T']) as Uint8Array)).toContain('"t": ["T"]')
    hologram.credentials.cloudKey = 'abcd'
    expect(decode(authentication.sms('+1123', 'x') as Uint8Array)).toBe('S1234abcd+1123 x\r\r')
  })

  it('takes an authentication of your own', async () => {
    await using peer = await openPeer(answerRaw('00'))
    const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
    const mine: Authentication = {
      type: 'mine',
      message: (data) => encode(`C${String(data)}\0\0`),
      sms: () => encode(''),
    }
    await using hologram = new Hologram({ device_id: 'DEV1', private_key: 's3cret' }, { authentication: mine })
    hologram.sendHost = '127.0.0.1'
    hologram.sendPort = peer.port
    expect(hologram.authentication).toBe(mine)
    const { id } = await hologram.sendMessage('x')
    expect((await hologram.outbox).why(id)?.destination).toBe('hologram:DEV1')
    expect(peer.received()).toEqual(['Cx\0\0'])
  })

  it('listens nowhere', async () => {
    vi.stubEnv('HALYARD_LOG', 'debug')
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    await using hologram = new Hologram(CREDENTIALS)
    await hologram.outbox
    expect(write).not.toHaveBeenCalled()
  })
})

describe("message mode 'tcp-other'", () => {
  it('sends the bytes as they are, to a port given as text; the original fails on that, ours does not', async () => {
    await using peer = await openPeer(answerRaw('[0,0]'))
    await using hologram = new Hologram(new Credentials('1234', '5678'), { messageMode: 'tcp-other' })
    hologram.sendHost = '127.0.0.1'
    hologram.sendPort = String(peer.port)
    expect(hologram.sendPort).toBe(peer.port)
    const result = await hologram.sendMessage('hello')
    expect([result.code, String(result)]).toEqual([0, '[0,0]'])
    expect(peer.received()).toEqual(['hello'])
  })

  it('needs no credentials', async () => {
    const hologram = new Hologram(null, { messageMode: 'tcp-other' })
    expect(hologram.credentials).toBeInstanceOf(Credentials)
    expect([hologram.sendHost, hologram.sendPort]).toEqual(['', 0])
    await hologram.close()
  })

  it('throws without host and port before anything is opened', async () => {
    await using hologram = new Hologram(null, { messageMode: 'tcp-other' })
    await expect(hologram.sendMessage('x')).rejects.toMatchObject({
      code: 'ERR_HOLOGRAM_ENDPOINT',
      message: 'sendHost and sendPort must be set before a message can be sent',
    })
    expect((await hologram.outbox).depth).toBe(0)
  })

  it('refuses topics, which the original takes for the timeout, and SMS', async () => {
    await using hologram = new Hologram(null, { messageMode: 'tcp-other' })
    hologram.sendHost = '127.0.0.1'
    hologram.sendPort = 1
    await expect(hologram.sendMessage('msg1', { topics: ['TOPIC 1'] })).rejects.toMatchObject({
      code: 'ERR_HOLOGRAM_TOPICS',
      message: "message mode 'tcp-other' sends bytes as they are and has no topics; leave them out",
    })
    await expect(hologram.sendSMS('+11234567890', 'x')).rejects.toMatchObject({
      code: 'ERR_HOLOGRAM_SMS',
      message: "message mode 'tcp-other' cannot send an SMS; use messageMode: 'hologram_cloud'",
    })
  })

  it('waits 5 s for an answer, or as long as it is told; the original waits for ever, ours does not', async () => {
    await using peer = await openPeer(silence)
    await using hologram = new Hologram(null, { messageMode: 'tcp-other' })
    hologram.sendHost = '127.0.0.1'
    hologram.sendPort = peer.port
    expect(await hologram.sendMessage('x', { timeout: 0.05 })).toMatchObject({ code: 0, ok: true, description: '' })
  })

  it('logs as Raw, with the line of the document when a buffered message goes', async () => {
    vi.stubEnv('HALYARD_LOG', 'info')
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    await using outbox = await impatientOutbox()
    await using hologram = new Hologram(null, { messageMode: 'tcp-other', outbox })
    await using peer = await openPeer(answerRaw('ok'))
    hologram.sendHost = '127.0.0.1'
    hologram.sendPort = peer.port
    await hologram.network.disconnect()
    const { id } = await hologram.sendMessage('x')
    await hologram.network.connect()
    await outbox.settled(id)
    expect(write.mock.calls.flat()).toEqual([
      'INFO:Raw:Connecting to 127.0.0.1',
      'INFO:Raw:A buffered message has been sent since an active connection is established',
    ])
  })

  it('queues under host and port, as CustomCloud does', async () => {
    const port = await closedPort()
    await using hologram = new Hologram(null, { messageMode: 'tcp-other' })
    hologram.sendHost = '127.0.0.1'
    hologram.sendPort = port
    const { id } = await hologram.sendMessage('x')
    expect((await hologram.outbox).why(id)?.destination).toBe(`custom:127.0.0.1:${port}`)
  })
})

describe('arguments that cannot be', () => {
  it.each([
    ['mode', CREDENTIALS, { messageMode: 'x' }, 'ERR_HOLOGRAM_MODE', 'Invalid message_mode type: x; use'],
    ['credentials', null, {}, 'ERR_HOLOGRAM_CREDENTIALS', 'needs credentials'],
    ['key', { cloud_id: '1234', cloud_key: '5' }, {}, 'ERR_HOLOGRAM_CREDENTIALS', 'cloud_key must be 4'],
    ['totp', CREDENTIALS, { authentication: 'totp' }, 'ERR_HOLOGRAM_AUTHENTICATION', 'needs a plug-in'],
    ['network', CREDENTIALS, { network: 'wifi' }, 'ERR_HOLOGRAM_NETWORK', 'needs @halyard/network'],
  ])('%s', (_name, credentials, options, code, text) => {
    const make = (): Hologram => new Hologram(credentials, options as never)
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(text) as string }) as Error)
  })
})
