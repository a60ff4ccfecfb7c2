/** What is refused before anything is opened or sent, and that nothing secret is in the words. */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { connect } from '@halyard/emitter'
import type { ConnectOptions, Emitter, EmitterPorts } from '@halyard/emitter'
import { afterEach, describe, expect, it } from 'vitest'
import { readSettings } from '../src/settings.ts'
import { KEY } from './support.ts'

const open: Emitter[] = []
afterEach(async () => {
  for (const emitter of open.splice(0)) await emitter.close()
})

/** One that never gets a connection. */
const nowhere: EmitterPorts['dial'] = () => ({
  waiting: 0,
  write: () => true,
  pause() {},
  resume() {},
  end() {},
  destroy() {},
})
function offline(options: ConnectOptions = {}): Emitter {
  const emitter = connect(options, { dial: nowhere })
  open.push(emitter)
  return emitter
}

describe('connect()', () => {
  it('has the defaults of the document', () => {
    const { url, mqtt } = readSettings({})
    expect(url).toBe('mqtts://api.emitter.io:443')
    expect(mqtt).toMatchObject({ keepalive: 30, version: 4, clean: true, destination: 'emitter:api.emitter.io' })
    expect(readSettings({ secure: false }).url).toBe('mqtt://api.emitter.io:8080')
    expect(readSettings({ transport: 'websocket' }).url).toBe('wss://api.emitter.io:443/')
    expect(readSettings({ transport: 'websocket', secure: false }).url).toBe('ws://api.emitter.io:8080/')
  })

  it.each([
    ['tcp://broker.example', 'mqtts://broker.example:443'],
    ['wss://Broker.Example/', 'mqtts://broker.example:443'],
    ['::1', 'mqtts://[::1]:443'],
    ['[::1]', 'mqtts://[::1]:443'],
  ])('takes the host %s as %s', (host, url) => {
    expect(readSettings({ host }).url).toBe(url)
  })

  it.each<[ConnectOptions, string, RegExp]>([
    [{ host: 'broker:8080' }, 'ERR_EMITTER_HOST', /give it as port/u],
    [{ host: 'me:secret@broker' }, 'ERR_EMITTER_HOST', /as username and password/u],
    [{ host: '' }, 'ERR_EMITTER_HOST', /without a path/u],
    [{ host: 'broker/path' }, 'ERR_EMITTER_HOST', /without a path/u],
    [{ port: 0 }, 'ERR_USAGE', /port is a whole number/u],
    [{ port: '443' as never }, 'ERR_USAGE', /port is a whole number/u],
    [{ keepalive: 30_000_000 }, 'ERR_USAGE', /in seconds/u],
    [{ secure: 'yes' as never }, 'ERR_USAGE', /true or false/u],
    [{ transport: 'udp' as never }, 'ERR_USAGE', /'tcp' or 'websocket'/u],
    [{ username: 7 as never }, 'ERR_USAGE', /username is a text/u],
    [{ tls: 'ca.pem' as never }, 'ERR_USAGE', /tls is an object/u],
    [{ outbox: './outbox' as never }, 'ERR_USAGE', /outbox is an object/u],
    [{ will: { key: '', channel: 'a/', message: 'x' } }, 'ERR_EMITTER_WILL', /needs the key/u],
    [{ will: { key: 'k', channel: 'a/+/', message: 'x' } }, 'ERR_EMITTER_WILL', /without wildcards/u],
    [{ will: { key: 'k', channel: 'a/', message: 7 as never } }, 'ERR_EMITTER_WILL', /needs a message/u],
    [{ logger: {} as never }, 'ERR_USAGE', /logger has no method/u],
  ])('refuses %j', (options, code, message) => {
    expect(() => connect(options)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
    expect(() => connect(options)).not.toThrow(/secret/u)
  })

  it('opens nothing in the same turn, and says goodbye to what was never connected', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const emitter = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, secure: false })
    await emitter.close()
    await emitter.close()
    await expect(emitter.me()).rejects.toMatchObject({ code: 'ERR_EMITTER_CLOSED' })
    await expect(emitter.publish({ key: KEY, channel: 'a', message: 'x' })).rejects.toMatchObject({
      code: 'ERR_EMITTER_CLOSED',
      message: 'the client was disconnected; connect() makes another one',
    })
    await new Promise((resolve) => server.close(resolve))
  })
})

it('tells by `error`, and to whoever calls, what shows only when the client is made', async () => {
  const will = { key: 'k', channel: 'a/', message: { toJSON: () => undefined } }
  await using emitter = connect({ will })
  const told = new Promise<unknown>((resolve) => void emitter.on('error', resolve))
  expect(await told).toMatchObject({ code: 'ERR_EMITTER_MESSAGE' })
  await expect(emitter.me()).rejects.toMatchObject({ code: 'ERR_EMITTER_MESSAGE' })
  await expect(emitter.outbox).rejects.toMatchObject({ code: 'ERR_EMITTER_MESSAGE' })
})

describe('on() and off()', () => {
  it('refuse events that there are not, and what is no function', () => {
    const emitter = offline()
    expect(() => emitter.on('mesage' as never, () => {})).toThrow(
      "there is no event 'mesage'; there are connect, disconnect, offline, message, presence, keygen, link, me, error",
    )
    expect(() => emitter.off('toString' as never, () => {})).toThrow(/there is no event/u)
    expect(() => emitter.on('message', 'print' as never)).toThrow(/needs a function to call, not string/u)
  })

  it('can be chained', () => {
    const emitter = offline()
    const callback = (): void => {}
    expect(emitter.on('connect', callback).off('connect', callback)).toBe(emitter)
  })
})

describe('a publish', () => {
  it.each<[string, object, string, RegExp]>([
    ['a message that is none', { message: undefined }, 'ERR_EMITTER_MESSAGE', /not undefined/u],
    ['null', { message: null }, 'ERR_EMITTER_MESSAGE', /not null/u],
    ['what is no JSON', { message: { toJSON: () => undefined } }, 'ERR_EMITTER_MESSAGE', /it is nothing/u],
    ['numbers that JSON has not', { message: { a: 1n } }, 'ERR_EMITTER_MESSAGE', /cannot be written as JSON/u],
    ['half a surrogate pair', { message: '\uD800' }, 'ERR_EMITTER_MESSAGE', /send it as bytes/u],
    ['too much', { message: new Uint8Array(65_536) }, 'ERR_EMITTER_TOO_LARGE', /65,?5\d\d|more than the 65536/u],
    ['a wildcard', { channel: 'a/+/' }, 'ERR_EMITTER_CHANNEL', /a\/\+\/ has a wildcard/u],
    ['a channel with a space', { channel: 'a b' }, 'ERR_EMITTER_UNENCODABLE', /character that channels do not have/u],
    ['no channel', { channel: undefined }, 'ERR_EMITTER_CHANNEL', /not undefined/u],
    ['no key', { key: '' }, 'ERR_EMITTER_KEY', /key is a security key, 32 letters/u],
    ['a key that would break the topic', { key: 'my#secret' }, 'ERR_EMITTER_KEY', /the one that was given is none/u],
    ['half a second', { ttl: 0.5 }, 'ERR_EMITTER_UNENCODABLE', /ttl must be a whole number/u],
    ['QoS 2', { qos: 2 }, 'ERR_USAGE', /qos is 0 or 1/u],
    ['a link that is none', { link: 'abc' }, 'ERR_EMITTER_LINK', /one or two letters/u],
  ])('is refused with %s', async (_name, change, code, message) => {
    const emitter = offline()
    const publishing = emitter.publish({ key: KEY, channel: 'a', message: 'x', ...change })
    await expect(publishing).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    await expect(publishing).rejects.not.toThrow(/secret/u)
    expect((await emitter.outbox).depth).toBe(0)
  })

  it('takes views and buffers as bytes', async () => {
    const emitter = offline()
    for (const message of [
      new Uint16Array([0x4142]),
      new Uint16Array([0x4142]).buffer,
      new DataView(new ArrayBuffer(2)),
    ]) {
      await emitter.publish({ key: KEY, channel: 'a', message })
    }
    expect((await emitter.outbox).bytes).toBe(6)
  })
})

describe('other calls', () => {
  it.each<[string, (emitter: Emitter) => Promise<unknown>, string]>([
    ['subscribe: last', (emitter) => emitter.subscribe({ key: KEY, channel: 'a', last: -1 }), 'ERR_USAGE'],
    ['subscribe: buffer', (emitter) => emitter.subscribe({ key: KEY, channel: 'a', buffer: 0 }), 'ERR_USAGE'],
    [
      'subscribe: milliseconds',
      (emitter) => emitter.subscribe({ key: KEY, channel: 'a', from: 1.7e12 }),
      'ERR_EMITTER_UNENCODABLE',
    ],
    [
      'subscribe: no Date',
      (emitter) => emitter.subscribe({ key: KEY, channel: 'a', from: new Date('x') }),
      'ERR_USAGE',
    ],
    [
      'subscribe: # in the middle',
      (emitter) => emitter.subscribe({ key: KEY, channel: 'a/#/b' }),
      'ERR_EMITTER_UNENCODABLE',
    ],
    ['keygen: type', (emitter) => emitter.keygen({ key: KEY, channel: 'a', type: 7 as never }), 'ERR_USAGE'],
    ['keygen: ttl', (emitter) => emitter.keygen({ key: KEY, channel: 'a', ttl: 1e12 }), 'ERR_USAGE'],
    [
      'keygen: a channel that no key can open',
      (emitter) => emitter.keygen({ key: KEY, channel: 'te st' }),
      'ERR_EMITTER_UNENCODABLE',
    ],
    ['keyban: banned', (emitter) => emitter.keyban({ secret: KEY, target: KEY, banned: 1 as never }), 'ERR_USAGE'],
    ['keyban: target', (emitter) => emitter.keyban({ secret: KEY, target: '', banned: true }), 'ERR_EMITTER_KEY'],
    ['link: channel', (emitter) => emitter.link({ key: KEY, channel: '', name: 'a' }), 'ERR_EMITTER_UNENCODABLE'],
    ['unsubscribe: key', (emitter) => emitter.unsubscribe({ key: '', channel: 'a' }), 'ERR_EMITTER_KEY'],
    [
      'subscribe: group',
      (emitter) => emitter.subscribe({ key: KEY, channel: 'a', group: 7 as never }),
      'ERR_EMITTER_CHANNEL',
    ],
    // As the first SDKs are called.
    [
      'publish: by position',
      (emitter) => emitter.publish(...([KEY, 'a', 'message'] as unknown as [never])),
      'ERR_USAGE',
    ],
    ['subscribe: nothing', (emitter) => emitter.subscribe(undefined as never), 'ERR_USAGE'],
    ['me: signal', (emitter) => emitter.me({ signal: 7 as never }), 'ERR_USAGE'],
    ['me: aborted', (emitter) => emitter.me({ signal: AbortSignal.abort() }), 'ERR_ABORTED'],
    [
      'history: last',
      async (emitter) => {
        for await (const _message of emitter.history({ key: KEY, channel: 'a', last: 0.5 })) break
      },
      'ERR_USAGE',
    ],
  ])('%s', async (_name, call, code) => {
    await expect(call(offline())).rejects.toMatchObject({ code })
  })
})
