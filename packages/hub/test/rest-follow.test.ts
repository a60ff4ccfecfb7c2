import { request as tlsRequest } from 'node:https'
import { fileURLToPath } from 'node:url'
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { caller, readEvents, startRestHub } from './rest-support.ts'
import type { Reading, RestHub } from './rest-support.ts'
import { open, send, temporaryDirectory, until } from './support.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
const front = (text: string): { config: string } => ({ config: `{ front: { limits: { ${text} } } }` })

const say = async ({ port, id, key }: RestHub, data: string, topics: readonly string[] = []): Promise<void> => {
  expect(await send(port, `${JSON.stringify({ s: id, c: key, d: data, t: topics })}\r\r`)).toBe('[0,0]')
}

/** So many messages, several on their way at once. */
async function sayMany(hub: RestHub, texts: readonly string[], together = 20): Promise<void> {
  const rest = [...texts]
  const speak = async (): Promise<void> => {
    for (let text = rest.shift(); text !== undefined; text = rest.shift()) await say(hub, text)
  }
  await Promise.all(Array.from({ length: together }, speak))
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index + 1))

async function health({ front: port }: RestHub): Promise<{ watchers: number; dropped: number }> {
  const { body } = await caller(port, undefined)('GET', '/health')
  return (body as { messages: { watchers: number; dropped: number } }).messages
}

async function noWatcher(hub: RestHub): Promise<void> {
  await until('nobody watches', async () => (await health(hub)).watchers === 0)
}

const follow = (hub: RestHub, query = '?last=0', lastEventId?: string): Promise<Reading> =>
  readEvents(hub.front, `/api/messages${query}`, {
    token: hub.token,
    ...(lastEventId !== undefined && { lastEventId }),
  })

/** Ids in the order of the history, as the history has them. */
async function everything(hub: RestHub): Promise<string[]> {
  const ids: string[] = []
  for (let next: string | undefined = ''; next !== undefined;) {
    const answer = await hub.call('GET', `/api/messages?limit=1000${next && `&after=${next}`}`)
    const page = answer.body as { messages: { id: string }[]; next?: string }
    ids.push(...page.messages.map(({ id }) => id))
    next = page.next
  }
  return ids
}

describe('following', () => {
  it('gives what is there, then what comes', async () => {
    const hub = await startRestHub()
    await sayMany(hub, numbers(3), 1)
    const reading = await follow(hub, '?last=2')
    expect(reading.status).toBe(200)
    expect(reading.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      connection: 'close',
    })
    await say(hub, '4')
    await until('all are here', () => reading.events.length === 3)
    expect(reading.payloads()).toEqual(['2', '3', '4'])
    expect(reading.events[2]).toEqual({
      id: reading.events[2]?.data['id'],
      data: {
        id: expect.any(String),
        service: 'hologram',
        account: hub.id,
        channel: '',
        direction: 'in',
        payload: '4',
        received_at: expect.any(String),
      },
    })
  })

  it('from the head on nothing is missed, whatever was asked for', async () => {
    for (const query of ['', '?last=0', '?last=1', '?from=2000-01-01', '?channel=T', '?direction=in']) {
      const hub = await startRestHub()
      const reading = await follow(hub, query)
      await say(hub, 'x', ['T'])
      await until(`it is here: ${query}`, () => reading.payloads().includes('x'))
    }
  })

  it('gives what fits alone', async () => {
    const hub = await startRestHub()
    await hub.call('POST', '/api/hologram/accounts', { cloud_id: 'zzzz' })
    const channel = await follow(hub, '?channel=B&last=0')
    const out = await follow(hub, '?direction=out&last=0')
    const later = await follow(hub, '?from=2999-01-01')
    const other = await readEvents(hub.front, '/api/hologram/devices/zzzz/messages', { token: hub.token })
    const mine = await readEvents(hub.front, `/api/hologram/devices/${hub.id}/messages`, { token: hub.token })
    await say(hub, 'a', ['A'])
    await say(hub, 'b', ['A', 'B'])
    await until('all are here', () => mine.events.length === 2 && channel.events.length === 1)
    expect(channel.payloads()).toEqual(['b'])
    expect([out.events, other.events, later.events]).toEqual([[], [], []])
  })

  it.each([['in memory'], ['on disk']])(
    'resumed again and again under way, loses and doubles nothing: %s',
    async (where) => {
      const hub = await startRestHub(where === 'on disk' ? { data: await temporaryDirectory() } : {})
      await sayMany(hub, numbers(50))
      const seen: string[] = []
      const sent = sayMany(hub, numbers(400))
      const steady = await follow(hub, '?from=2000-01-01')
      for (let round = 0; seen.length < 450; round++) {
        const reading = await follow(hub, '?from=2000-01-01', seen.at(-1))
        const wanted = Math.min(450 - seen.length, 1 + ((round * 37) % 60))
        await until('some came', () => reading.events.length >= wanted)
        reading.close()
        await reading.ended
        seen.push(...reading.events.map(({ id }) => id))
      }
      await sent
      const expected = await everything(hub)
      expect(expected.length).toBe(450)
      expect(seen).toEqual(expected)
      await until('the steady one has all', () => steady.events.length >= 450)
      expect(steady.events.map(({ id }) => id)).toEqual(expected)
    },
    30_000,
  )

  it('slowly costs nothing that is not given later, from the history', async () => {
    const hub = await startRestHub()
    const [slow, fast] = [await follow(hub), await follow(hub)]
    slow.response.pause()
    const padding = 'x'.repeat(20_000)
    const texts = numbers(1600).map((text) => `${text} ${padding}`)
    await sayMany(hub, texts)
    await until('the fast one has all', () => fast.events.length === 1600)
    expect((await health(hub)).dropped).toBeGreaterThan(0)
    slow.response.resume()
    await until('the slow one has all', () => slow.events.length >= 1600)
    await say(hub, 'live again')
    await until('it is here', () => slow.payloads().at(-1) === 'live again')
    expect(slow.events.map(({ id }) => id)).toEqual(fast.events.map(({ id }) => id))
    expect(new Set(slow.events.map(({ id }) => id)).size).toBe(1601)
  }, 30_000)

  it('by two is two times the same', async () => {
    const hub = await startRestHub()
    const readings = [await follow(hub), await follow(hub)]
    await sayMany(hub, numbers(50))
    for (const reading of readings) await until('all are here', () => reading.events.length === 50)
    expect(readings[0]?.events).toEqual(readings[1]?.events)
  })

  it('over TLS is the same', async () => {
    const hub = await startRestHub({
      config: `{ tls: { cert: ${fixture('cert.pem')}\n key: ${fixture('key.pem')}\n } }`,
    })
    const reading = await readEvents(hub.front, '/api/messages', { token: hub.token, ask: tlsRequest })
    await say(hub, 'x')
    await until('it is here', () => reading.events.length === 1)
    const before = performance.now()
    await hub.hub.close()
    await reading.ended
    expect(performance.now() - before).toBeLessThan(5000)
  })

  it('keeps line breaks in a message apart from those of the stream', async () => {
    const hub = await startRestHub()
    const reading = await follow(hub)
    await say(hub, 'line\nbreak\r\n\r\nid: x')
    await until('it is here', () => reading.events.length === 1)
    expect(reading.payloads()).toEqual(['line\nbreak\r\n\r\nid: x'])
  })
})

describe('a stream', () => {
  it('lives longer than a request may take, and says so every 15 s', async () => {
    const clock = new VirtualClock()
    const hub = await startRestHub(front('requestTimeout: 0.3, keepAliveTimeout: 0.3'), { clock })
    const reading = await follow(hub)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await clock.advance(14_999)
    expect(reading.raw()).toBe(':\n\n')
    await clock.advance(30_001)
    await until('three more', () => reading.raw() === ':\n\n'.repeat(4))
    await say(hub, 'still here')
    await until('it is here', () => reading.events.length === 1)
  })

  it('that its reader leaves unread is cut, and comes again where it was', async () => {
    const hub = await startRestHub(front('requestTimeout: 0.5'))
    const reading = await follow(hub)
    reading.response.pause()
    await sayMany(
      hub,
      Array.from({ length: 40 }, () => 'x'.repeat(500_000)),
    )
    await noWatcher(hub)
    reading.response.resume()
    await reading.ended
    const again = await follow(hub, '?last=0', reading.events.at(-1)?.id)
    const left = 40 - reading.events.length
    expect(left).toBeGreaterThan(0)
    await until('the rest is here', () => again.events.length === left)
  }, 30_000)

  it('that is left is forgotten: in words, in silence, by half', async () => {
    const hub = await startRestHub()
    const reading = await follow(hub)
    expect((await health(hub)).watchers).toBe(1)
    reading.close()
    await noWatcher(hub)

    const { socket, received } = await open(hub.front, { allowHalfOpen: true })
    const head = `GET /api/messages HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${hub.token}\r\n\r\n`
    socket.write(head)
    await until('it follows', () => received().includes(':\n\n'))
    socket.end()
    await noWatcher(hub)
  })

  it('ends at once when the hub closes, also one that is not read', async () => {
    const hub = await startRestHub()
    const [reading, stuck] = [await follow(hub), await follow(hub)]
    stuck.response.pause()
    await sayMany(
      hub,
      Array.from({ length: 40 }, () => 'x'.repeat(500_000)),
    )
    await until('all are here', () => reading.events.length === 40)
    const before = performance.now()
    await hub.hub.close()
    expect(performance.now() - before).toBeLessThan(5000)
    await reading.ended
    expect(reading.response.complete).toBe(true)
  }, 30_000)

  it('gives what a topic filter matches, of what is there and of what comes', async () => {
    const hub = await startRestHub()
    await say(hub, '1', ['a/x'])
    await say(hub, '2', ['b/x'])
    const reading = await follow(hub, '?last=5&filter=a/%23')
    await say(hub, '3', ['b/x'])
    await say(hub, '4', ['c', 'a/y'])
    await until('both are here', () => reading.events.length === 2)
    expect(reading.events.map(({ data }) => data.payload)).toEqual(['1', '4'])
  })

  it('ends with the token it came in by, and with no other', async () => {
    const hub = await startRestHub()
    const made = (await hub.call('POST', '/api/tokens', { name: 'x' })).body as { id: string; token: string }
    const ending = await readEvents(hub.front, '/api/messages', { token: made.token })
    const staying = await follow(hub)
    await hub.call('DELETE', `/api/tokens/${made.id}`)
    await ending.ended
    expect(ending.response.complete).toBe(true)
    await say(hub, 'x')
    await until('it is here', () => staying.events.length === 1)
    expect(ending.events).toEqual([])
  })

  it('is one of so many', async () => {
    const hub = await startRestHub(front('followers: 2'))
    const first = await follow(hub)
    await follow(hub)
    expect(await hub.call('GET', '/api/messages', undefined, { accept: 'text/event-stream' })).toMatchObject({
      status: 503,
      body: {
        error: 'ERR_HUB_FOLLOWERS',
        message: '2 programs follow the messages already; end one, or raise front.limits.followers',
      },
    })
    expect((await hub.call('GET', '/api/messages')).status).toBe(200)
    first.close()
    await until('there is room', async () => (await health(hub)).watchers === 1)
    expect((await follow(hub)).status).toBe(200)
  })

  it.each([
    ['?until=2026-01-01', undefined, 'ERR_USAGE', 'query: a stream has no end; leave until, before and limit out'],
    ['?limit=5', undefined, 'ERR_USAGE', 'query: a stream has no end; leave until, before and limit out'],
    ['?before=x', undefined, 'ERR_USAGE', 'query: a stream has no end; leave until, before and limit out'],
    [
      '?filter=a/%23/b',
      undefined,
      'ERR_HUB_FILTER',
      'the filter is not an MQTT topic filter: its # is not a last level of its own; give one such as a/+/b or a/#',
    ],
    ['?lats=5', undefined, 'ERR_USAGE', 'query: there is no lats'],
    [
      '',
      '5',
      'ERR_HUB_CURSOR',
      'after (Last-Event-ID) is not the id of a message; give one as the hub gave it, or leave it out',
    ],
  ])('is not begun with %s %s', async (query, lastEventId, error, message) => {
    const { call } = await startRestHub()
    const headers = {
      accept: 'text/html;q=0.1, text/event-stream;q=1',
      ...(lastEventId && { 'last-event-id': lastEventId }),
    }
    expect(await call('GET', `/api/messages${query}`, undefined, headers)).toMatchObject({
      status: 400,
      body: { error, message },
    })
  })

  it('needs a token like everything else', async () => {
    const hub = await startRestHub()
    const { status } = await caller(hub.front, 'wrong')('GET', '/api/messages', undefined, {
      accept: 'text/event-stream',
    })
    expect(status).toBe(401)
    expect((await health(hub)).watchers).toBe(0)
  })
})

it('requests that follow each other without waiting are answered in order', async () => {
  const hub = await startRestHub()
  const head = (path: string, more = ''): string =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${hub.token}\r\n${more}\r\n`
  const answer = await send(
    hub.front,
    head('/api/tokens') + head('/api/nothing') + head('/api/messages?last=0', 'Connection: close\r\n'),
  )
  expect(answer.match(/HTTP\/1.1 \d+|"tokens"|ERR_\w+|"messages":\[\]/g)).toEqual([
    ...['HTTP/1.1 200', '"tokens"', 'HTTP/1.1 404', 'ERR_HUB_API_ROUTE', 'HTTP/1.1 200', '"messages":[]'],
  ])
})
