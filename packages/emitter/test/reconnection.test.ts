/** A connection that ends, and what the client does on the next one before `connect` fires. */
import { RecordedServer } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import {
  HELLO,
  KEY,
  MASTER,
  UNAUTHORISED,
  answers,
  asks,
  client,
  connected,
  granted,
  once,
  sends,
  subscribes,
  take,
} from './support.ts'

describe('after a reconnection', () => {
  it('asks for what was stored meanwhile, hands on nothing twice, and only then fires connect', async () => {
    await using server = await RecordedServer.open([
      [
        ...HELLO,
        subscribes(`${KEY}/st/?last=2`),
        ...[sends('st/', 'one'), sends('st/', 'two'), granted()],
        sends('st/', 'three'),
        { client: `32 [ ('${KEY}/st/') <cut:2> 'cut' ]` },
        { end: 'reset' },
      ],
      [
        ...HELLO,
        { client: `82 [ <id:2> ('${KEY}/st/?last=1000&from=' <from:10>) 00 ]` },
        ...['two', 'three', 'four'].map((text) => sends('st/', text)),
        granted(),
        { client: `32 [ ('${KEY}/st/') <id:2> 'cut' ]` },
        { server: '40 02 <id>' },
        asks('me', '', 'me'),
        ...answers('me', '{"status":200,"id":"A"}', 'me'),
        sends('st/', 'three'),
      ],
    ])
    await using emitter = await connected(server.port)
    const told: string[] = []
    emitter.on('message', (message) => told.push(message.asString()))
    emitter.on('connect', () => {
      told.push('connect')
      void emitter.me()
    })
    const stored = await emitter.subscribe({ key: KEY, channel: 'st/', last: 2 })
    expect(await take(stored, 3)).toEqual(['one', 'two', 'three'])
    // On the wire when the connection ends: it goes out again.
    const receipt = await emitter.publish({ key: KEY, channel: 'st/', message: 'cut' })
    expect(receipt.state).toBe('queued')
    expect(await (await emitter.outbox).settled(receipt.id)).toMatchObject({ state: 'delivered' })
    expect(await take(stored, 2)).toEqual(['four', 'three'])
    expect(told).toEqual(['one', 'two', 'three', 'four', 'connect', 'three'])
    await server.played()
  })

  it('asks for the newest stored message alone if `last` was left to the broker, and for none if it was 0', async () => {
    await using server = await RecordedServer.open([
      [
        ...HELLO,
        ...[subscribes(`${KEY}/a/`), granted(), subscribes(`${KEY}/$share/g/b/?last=0`), granted()],
        { end: 'fin' },
      ],
      [
        ...HELLO,
        { client: `82 [ <id:2> ('${KEY}/a/?last=1&from=' <from:10>) 00 ]` },
        subscribes(`${KEY}/$share/g/b/?last=0`, 'second'),
        ...[granted(), granted('second')],
        sends('b/', 'shared'),
      ],
    ])
    await using emitter = await connected(server.port)
    await emitter.subscribe({ key: KEY, channel: 'a' })
    const shared = await emitter.subscribe({ key: KEY, channel: 'b/', group: 'g', last: 0 })
    expect(await take(shared, 1)).toEqual(['shared'])
    await server.played()
  })

  it('ends a subscription that is refused now: its loop throws, and `error` has it', async () => {
    await using server = await RecordedServer.open([
      [...HELLO, subscribes(`${KEY}/a/?last=0`), granted(), { end: 'reset' }],
      [
        ...HELLO,
        subscribes(`${KEY}/a/?last=0`),
        { server: `30 [ ('emitter/error/') '{"req":' <id#> ',${UNAUTHORISED}' ]` },
        { server: '90 03 <id> 80' },
      ],
    ])
    await using emitter = await connected(server.port)
    const errors: string[] = []
    emitter.on('error', ({ code, message }) => errors.push(`${code}: ${message}`))
    const again = once(emitter, 'connect')
    const subscription = await emitter.subscribe({ key: KEY, channel: 'a', last: 0 })
    await expect(take(subscription, 1)).rejects.toMatchObject({ code: 'ERR_EMITTER_UNAUTHORIZED', status: 401 })
    await again
    const refused = errors.filter((text) => text.startsWith('ERR_EMITTER_'))
    expect(refused).toEqual([
      expect.stringMatching(/subscribe to a\/ \(401\): .*; check that the key has the permission r \(read\)/u),
    ])
    expect(errors.join()).not.toContain(KEY)
  })

  it('watches presence again and tells a new status, makes links again, and publishes by their names', async () => {
    const status = (id: string): string =>
      `{"status":200,"time":1577833210,"event":"status","channel":"p/","who":[{"id":"${id}"}]}`
    const watch = asks('presence', `{"key":"${KEY}","channel":"p/","status":true,"changes":true}`)
    const link = `{"key":"${KEY}","channel":"l/?ttl=5","name":"a0","subscribe":false}`
    const linked = '{"status":200,"name":"a0","channel":"l/?ttl=5"}'
    await using server = await RecordedServer.open([
      [
        ...HELLO,
        ...[watch, ...answers('presence', status('A'))],
        ...[asks('link', link), ...answers('link', linked)],
        { client: "32 [ ('a0') <id:2> 'short' ]" },
        ...[{ server: '40 02 <id>' }, { end: 'reset' } as const],
      ],
      [
        ...HELLO,
        asks('link', link),
        asks('presence', `{"key":"${KEY}","channel":"p/","status":true,"changes":true}`, 'second'),
        // Published before the link is there again: by its whole topic.
        { client: `32 [ ('${KEY}/l/?ttl=5') <early:2> 'early' ]` },
        ...answers('link', linked),
        ...answers('presence', status('B'), 'second'),
        { server: '40 02 <early>' },
        { client: "32 [ ('a0') <id:2> 'late' ]" },
        { server: '40 02 <id>' },
        sends(
          'emitter/presence/',
          '{"time":1577833220,"event":"subscribe","channel":"p/","who":{"id":"C","username":"User1"}}',
        ),
      ],
    ])
    await using emitter = await connected(server.port)
    const seen: string[] = []
    const changed = new Promise<void>((resolve) => {
      emitter.on('presence', (event) => {
        seen.push(
          event.event === 'status' ? event.who.map(({ id }) => id).join() : `${event.event} ${event.who.username}`,
        )
        if (event.event === 'subscribe') resolve()
      })
    })
    await emitter.presence({ key: KEY, channel: 'p' })
    await emitter.link({ key: KEY, channel: 'l', name: 'a0', ttl: 5 })
    const again = once(emitter, 'connect')
    const gone = once(emitter, 'disconnect')
    expect((await emitter.publish({ link: 'a0', message: 'short' })).state).toBe('delivered')
    await gone
    expect((await emitter.publish({ link: 'a0', message: 'early' })).state).toBe('queued')
    await again
    expect((await emitter.publish({ link: 'a0', message: 'late' })).state).toBe('delivered')
    await changed
    expect(seen).toEqual(['A', 'B', 'subscribe User1'])
    await server.played()
  })

  it('says nothing of what a second cut interrupted, and forgets what is refused now', async () => {
    const link = asks('link', `{"key":"${KEY}","channel":"l/","name":"a0","subscribe":false}`)
    await using server = await RecordedServer.open([
      [...HELLO, link, ...answers('link', '{"status":200,"name":"a0","channel":"l/"}'), { end: 'fin' }],
      [...HELLO, link, { end: 'fin' }],
      [...HELLO, link, ...answers('link', `{${UNAUTHORISED}`), { end: 'fin' }],
      [...HELLO, asks('me', ''), ...answers('me', '{"status":200,"id":"A"}')],
    ])
    await using emitter = client(server.port)
    const errors: string[] = []
    emitter.on('error', ({ code }) => errors.push(code))
    await emitter.link({ key: KEY, channel: 'l', name: 'a0' })
    for (let connection = 1; connection < 4; connection++) await once(emitter, 'disconnect')
    await emitter.me()
    expect(errors.filter((code) => code.startsWith('ERR_EMITTER'))).toEqual(['ERR_EMITTER_UNAUTHORIZED'])
  })

  it('asks once more what the end of the connection cut off', async () => {
    const ask = asks('keygen', `{"key":"${MASTER}","channel":"a/","type":"rw","ttl":0}`)
    await using server = await RecordedServer.open([
      [...HELLO, ask, { end: 'reset' }],
      [...HELLO, ask, ...answers('keygen', `{"status":200,"key":"${KEY}","channel":"a/"}`)],
    ])
    await using emitter = client(server.port)
    // Asked before there is a connection: it waits for one.
    expect(await emitter.keygen({ key: MASTER, channel: 'a' })).toEqual({ status: 200, key: KEY, channel: 'a/' })
    await server.played()
  })

  it('gives up the second time', async () => {
    await using server = await RecordedServer.open([
      [...HELLO, asks('me', ''), { end: 'reset' }],
      [...HELLO, asks('me', ''), { end: 'fin' }],
    ])
    await using emitter = client(server.port)
    await expect(emitter.me()).rejects.toMatchObject({
      code: 'ERR_EMITTER_INTERRUPTED',
      message: 'the connection was lost before the broker answered the request to tell who we are; ask again',
    })
  })
})
