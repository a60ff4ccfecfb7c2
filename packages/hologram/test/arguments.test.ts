import { inspect } from 'node:util'
import { HalyardError } from '@halyard/core'
import { Credentials, CustomCloud, HologramCloud } from '@halyard/hologram'
import type { Authentication } from '@halyard/hologram'
import { describe, expect, it, vi } from 'vitest'
import { answerRaw, CREDENTIALS, openPeer, silence } from './peer.ts'

const HOW = 'pass { cloud_id, cloud_key } of 4 characters each, or { devicekey } of 8'

const errorOf = (run: () => unknown): HalyardError => {
  try {
    run()
  } catch (error) {
    if (error instanceof HalyardError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
const rejectionOf = async (promise: Promise<unknown>): Promise<HalyardError> =>
  await promise.then(
    () => {
      throw new Error('nothing was thrown')
    },
    (error: unknown) => error as HalyardError,
  )
/** As a program in JavaScript would call it. */
const hologram = (credentials: unknown, options: object = {}): HologramCloud =>
  new HologramCloud(credentials as never, { enableInbound: false, ...options })
const custom = (options: object): CustomCloud => new CustomCloud(null, options)

describe('credentials that cannot be', () => {
  it.each([
    [null, `HologramCloud needs credentials: ${HOW}`],
    [undefined, `HologramCloud needs credentials: ${HOW}`],
    ['1234', `HologramCloud needs credentials: ${HOW}`],
    [{}, `cloud_id is missing; ${HOW}`],
    [new Credentials(), `cloud_id is missing; ${HOW}`],
    [{ cloud_id: '1234' }, `cloud_key is missing; ${HOW}`],
    [{ cloudId: '1234', cloudKey: '' }, `cloud_key is missing; ${HOW}`],
    [{ cloud_id: '123', cloud_key: 's3cr' }, `cloud_id must be 4 characters long; ${HOW}`],
    [{ cloud_id: '1234', cloud_key: 's3cret' }, `cloud_key must be 4 characters long; ${HOW}`],
    [{ cloud_id: 1234, cloud_key: 's3cr' }, `cloud_id must be 4 characters long; ${HOW}`],
    [{ cloud_id: '12 4', cloud_key: 's3cr' }, `cloud_id must be 4 characters long; ${HOW}`],
    [{ devicekey: '1234s3c' }, `devicekey must be 8 characters long; ${HOW}`],
    [
      { device_id: 'DEV1', private_key: 's3cret' },
      `device_id and private_key are for TOTP, which needs an authentication of your own; ${HOW}`,
    ],
  ])('%o', (credentials, message) => {
    const error = errorOf(() => hologram(credentials))
    expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_HOLOGRAM_CREDENTIALS', message })
    expect(error.message).not.toContain('s3c')
  })

  it('are refused on assignment as well, and the old ones stay', () => {
    const cloud = hologram(CREDENTIALS)
    expect(errorOf(() => Object.assign(cloud, { credentials: null })).code).toBe('ERR_HOLOGRAM_CREDENTIALS')
    expect(cloud.credentials).toBe(CREDENTIALS)
  })

  it('are noticed when they were emptied after the constructor', async () => {
    const credentials = new Credentials('1234', '5678')
    await using cloud = new HologramCloud(credentials, { enableInbound: false })
    credentials.cloudKey = ''
    expect((await rejectionOf(cloud.sendMessage('x'))).message).toBe(`cloud_key is missing; ${HOW}`)
  })

  it('do not matter to a CustomCloud', () => {
    expect(new CustomCloud(null).credentials).toBeNull()
    expect(new CustomCloud({ cloud_id: 'x', cloud_key: '' }).credentials).toEqual({ cloud_id: 'x', cloud_key: '' })
  })
})

describe('Credentials', () => {
  it('are set one by one, and checked each time', () => {
    const credentials = new Credentials('xxxx', 'xxxx')
    credentials.cloudId = 'yyyy'
    expect([credentials.cloudId, credentials.cloudKey]).toEqual(['yyyy', 'xxxx'])
    expect(errorOf(() => (credentials.cloudId = 'long one')).message).toBe('cloudId must be 4 characters long')
    expect(errorOf(() => new Credentials('1234', '12')).message).toBe('cloudKey must be 4 characters long')
    expect(credentials.cloudId).toBe('yyyy')
  })

  it('do not show their key', () => {
    const credentials = new Credentials('1234', 's3cr')
    expect(inspect(credentials)).not.toContain('s3cr')
    expect(JSON.stringify(credentials)).toBe('{"cloudId":"1234"}')
    expect(
      inspect(new HologramCloud(credentials, { enableInbound: false }), { depth: 9, showHidden: true }),
    ).not.toContain('s3cr')
  })
})

describe('an endpoint that cannot be', () => {
  it.each([
    [{ sendPort: 65_536 }, 'sendPort must be a port from 0 to 65535, not 65536'],
    [{ sendPort: -1 }, 'sendPort must be a port from 0 to 65535, not -1'],
    [{ sendPort: 99.5 }, 'sendPort must be a port from 0 to 65535, not 99.5'],
    [{ sendPort: 'abc' }, 'sendPort must be a port from 0 to 65535, not abc'],
    [{ sendPort: '0x10' }, 'sendPort must be a port from 0 to 65535, not 0x10'],
    [{ sendPort: NaN }, 'sendPort must be a port from 0 to 65535, not NaN'],
    [{ sendPort: true }, 'sendPort must be a port from 0 to 65535, not boolean'],
    [{ receivePort: 70_000 }, 'receivePort must be a port from 0 to 65535, not 70000'],
    [{ sendHost: 7 }, 'sendHost must be a host name or an address, not number'],
    [{ sendHost: 'http://u:p@host/' }, 'sendHost must be a bare host name or address, without scheme or spaces'],
    [{ sendHost: '127.0.0.1:9999' }, 'sendHost must be a bare host name or address; give the port by itself'],
    [{ receiveHost: 'a b' }, 'receiveHost must be a bare host name or address, without scheme or spaces'],
  ])('%o', (options, message) => {
    expect(errorOf(() => custom(options))).toMatchObject({ code: 'ERR_HOLOGRAM_ENDPOINT', message })
  })

  it('is refused on assignment too', () => {
    const cloud = custom({ sendHost: 'a', sendPort: '9999' })
    expect(errorOf(() => (cloud.sendPort = 65_536)).code).toBe('ERR_HOLOGRAM_ENDPOINT')
    expect(errorOf(() => (cloud.sendHost = 'a/b')).code).toBe('ERR_HOLOGRAM_ENDPOINT')
    expect(errorOf(() => (cloud.receivePort = -1)).code).toBe('ERR_HOLOGRAM_ENDPOINT')
    expect([cloud.sendHost, cloud.sendPort]).toEqual(['a', 9999])
  })

  it('is a usage error at the first message when it was never set', async () => {
    await using cloud = custom({ sendHost: 'a' })
    expect(await rejectionOf(cloud.sendMessage('x'))).toMatchObject({
      code: 'ERR_HOLOGRAM_ENDPOINT',
      message: 'sendHost and sendPort must be set before a message can be sent',
    })
    const outbox = await cloud.outbox
    expect(outbox.depth).toBe(0)
  })

  it('has the defaults of the document in HologramCloud', () => {
    const { sendHost, sendPort, receiveHost, receivePort } = hologram(CREDENTIALS, { sendHost: undefined })
    expect([sendHost, sendPort, receiveHost, receivePort]).toEqual(['cloudsocket.hologram.io', 9999, '0.0.0.0', 4010])
  })
})

describe('what needs something else is said', () => {
  it('networks by name', () => {
    expect(errorOf(() => hologram(CREDENTIALS, { network: 'cellular-iota' }))).toMatchObject({
      code: 'ERR_HOLOGRAM_NETWORK',
      message:
        "network 'cellular-iota' needs @halyard/network, which does not exist yet in this version; leave network out",
    })
    expect(errorOf(() => hologram(CREDENTIALS, { network: ['', 'wifi'] })).message).toContain("network 'wifi' needs")
    expect(errorOf(() => custom({ network: 'pigeon' })).message).toBe(
      'Invalid network type: "pigeon"; known are cellular-e303, wifi, cellular-iota, ble, ethernet, cellular-ms2131, ' +
        "and '' for none",
    )
    expect(errorOf(() => custom({ network: {} })).code).toBe('ERR_HOLOGRAM_NETWORK')
  })

  it('totp', () => {
    expect(errorOf(() => hologram(CREDENTIALS, { authentication: 'totp' }))).toMatchObject({
      code: 'ERR_HOLOGRAM_AUTHENTICATION',
      message:
        "authentication 'totp' needs a plug-in: pass an object with the methods of Authentication: { type, message, sms }",
    })
    expect(errorOf(() => hologram(CREDENTIALS, { authentication: 'x' })).message).toContain('type: x; use')
    expect(errorOf(() => hologram(CREDENTIALS, { authentication: { message() {} } })).message).toContain(
      'no method sms',
    )
  })
})

describe('a message that cannot be', () => {
  const broken: [unknown, string][] = [
    [undefined, 'a message is a string or a Uint8Array, not undefined; JSON.stringify what has a structure'],
    [null, 'a message is a string or a Uint8Array, not null; JSON.stringify what has a structure'],
    [['a'], 'a message is a string or a Uint8Array, not an array; JSON.stringify what has a structure'],
    [{ a: 1 }, 'a message is a string or a Uint8Array, not object; JSON.stringify what has a structure'],
    ['a\ud800', 'the message holds half of a surrogate pair and is no text; send it as bytes'],
    [Uint8Array.of(0xff), 'HologramCloud sends text: the bytes are not UTF-8; encode them, as base64 for instance'],
  ]
  it.each(broken)('%o', async (message, text) => {
    await using cloud = hologram(CREDENTIALS)
    const error = await rejectionOf(cloud.sendMessage(message as never))
    expect(error).toMatchObject({ code: 'ERR_HOLOGRAM_MESSAGE', message: text })
    expect((await cloud.outbox).depth).toBe(0)
  })

  it.each([[{ topics: 'T' }], [{ topics: ['T', 1] }], [{ topics: null }]])('with %o', async (options) => {
    await using cloud = hologram(CREDENTIALS)
    expect(await rejectionOf(cloud.sendMessage('x', options as never))).toMatchObject({
      code: 'ERR_HOLOGRAM_TOPICS',
      message: "topics are an array of strings: { topics: ['TOPIC 1', 'TOPIC 2'] }",
    })
  })

  it('is one with topics for a CustomCloud', async () => {
    await using cloud = custom({ sendHost: '127.0.0.1', sendPort: 1 })
    expect(await rejectionOf(cloud.sendMessage('x', { topics: [] }))).toMatchObject({
      code: 'ERR_HOLOGRAM_TOPICS',
      message: 'CustomCloud sends bytes as they are and has no topics; leave them out',
    })
  })

  it.each([
    [{ timeout: 86_401 }, 'timeout is in seconds, from 0 to 86400, not 86401'],
    [{ timeout: -1 }, 'timeout is in seconds, from 0 to 86400, not -1'],
    [{ timeout: '5' }, 'timeout is in seconds, from 0 to 86400, not 5'],
    [{ expires: 86_401 }, 'expires is in seconds, from 0 to 86400, not 86401'],
  ])('with %o', async (options, message) => {
    await using cloud = hologram(CREDENTIALS)
    expect(await rejectionOf(cloud.sendMessage('x', options as never))).toMatchObject({
      code: 'ERR_USAGE_SECONDS',
      message,
    })
    expect(await rejectionOf(cloud.network.connect({ timeout: 86_401 }))).toMatchObject({ code: 'ERR_USAGE_SECONDS' })
  })
})

describe('the constructor', () => {
  it('opens nothing in its own turn, nor without a message', async () => {
    await using peer = await openPeer(silence)
    const cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
    await cloud.outbox
    await cloud.close()
    expect(peer.conversations).toHaveLength(0)
  })

  it('tells that its outbox cannot be opened by event, log and every call, and leaves nothing unhandled', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const lines: string[] = []
    const log = (_object: object, message: string): void => void lines.push(message)
    const cloud = hologram(CREDENTIALS, {
      outbox: { path: '/dev/null/outbox' },
      logger: { debug: log, info: log, warn: log, error: log },
    })
    const heard: HalyardError[] = []
    cloud.event.subscribe('error', (error) => heard.push(error))
    const rejected = await rejectionOf(cloud.sendMessage('x'))
    expect(rejected.code).toMatch(/^ERR_STORE_/)
    expect(rejected.message).toContain('/dev/null/outbox')
    expect(heard).toEqual([rejected])
    expect(lines).toContain(rejected.message)
    expect(await rejectionOf(cloud.outbox)).toBe(rejected)
    await cloud.close()
    await new Promise(setImmediate)
    expect(unhandled).not.toHaveBeenCalled()
    process.off('unhandledRejection', unhandled)
  })

  it('wants a function in subscribe', () => {
    const { event } = hologram(CREDENTIALS)
    expect(errorOf(() => event.subscribe('message.sent', 'x' as never)).message).toBe(
      "subscribe('message.sent', …) needs a function, not string",
    )
  })
})

describe('an authentication of your own', () => {
  it('makes the bytes, and its reply is read in digits unless it speaks JSON', async () => {
    await using peer = await openPeer(answerRaw('00'))
    const authentication: Authentication = {
      type: 'mine',
      message: async (data, topics = []) => new TextEncoder().encode(`CDEV1 T${topics.join()}\0B${String(data)}\0\0`),
      sms: () => new Uint8Array(),
    }
    const credentials = { device_id: 'DEV1', private_key: 'secretkey' }
    await using cloud = hologram(credentials, { sendHost: '127.0.0.1', sendPort: peer.port, authentication })
    const result = await cloud.sendMessage('hello', { topics: ['A'] })
    expect(result).toMatchObject({ code: 0, ok: true })
    expect(peer.received()).toEqual(['CDEV1 TA\0Bhello\0\0'])
    expect((await cloud.outbox).why(result.id)?.destination).toBe('hologram:DEV1')
  })

  it('that fails keeps the message', async () => {
    const authentication: Authentication = {
      type: 'mine',
      message: () => Promise.reject(new Error('no SIM')),
      sms: () => new Uint8Array(),
    }
    await using cloud = hologram(CREDENTIALS, { authentication })
    const { id, buffered } = await cloud.sendMessage('x')
    expect(buffered).toBe(true)
    expect((await cloud.outbox).why(id)?.reason).toBe('no SIM')
  })
})
