import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { messageJson } from '../src/rest/message-json.ts'
import { startRestHub } from './rest-support.ts'
import type { RestHub } from './rest-support.ts'
import { send, temporaryDirectory } from './support.ts'

interface Page {
  readonly messages: readonly { readonly id: string; readonly payload?: string }[]
  readonly next?: string
}

async function fill({ port, id, key }: RestHub, count: number, topics: readonly string[] = []): Promise<void> {
  for (let number = 1; number <= count; number++) {
    expect(await send(port, `${JSON.stringify({ s: id, c: key, d: String(number), t: topics })}\r\r`)).toBe('[0,0]')
  }
}

async function payloads({ call }: RestHub, path: string): Promise<(string | undefined)[]> {
  const { status, body } = await call('GET', path)
  expect([path, status]).toEqual([path, 200])
  return (body as Page).messages.map(({ payload }) => payload)
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index))

describe('messages', () => {
  it('come whole, over all services, of one, and of a device', async () => {
    const hub = await startRestHub()
    await fill(hub, 1, ['A', 'B'])
    const message = {
      id: expect.stringMatching(/^[0-9a-z]{11}-[0-9a-z]{8}$/),
      service: 'hologram',
      account: hub.id,
      channel: 'A,B',
      direction: 'in',
      payload: '1',
      received_at: expect.stringMatching(/^2\d{3}-.*Z$/),
    }
    for (const path of ['messages', 'hologram/messages', `hologram/devices/${hub.id}/messages`]) {
      expect((await hub.call('GET', `/api/${path}`)).body).toEqual({ messages: [message] })
    }
  })

  it.each([['in memory'], ['on disk']])(
    'are found by place in the order, time, channel and direction: %s',
    async (where) => {
      const hub = await startRestHub(where === 'on disk' ? { data: await temporaryDirectory() } : {})
      await fill(hub, 4, ['A', 'B'])
      await fill(hub, 3)
      const get = (query: string): Promise<(string | undefined)[]> => payloads(hub, `/api/messages?${query}`)
      const all = [...numbers(1, 4), ...numbers(1, 3)]
      const { messages } = (await hub.call('GET', '/api/messages')).body as Page
      expect(await get('')).toEqual(all)
      expect(await get('last=2')).toEqual(['2', '3'])
      expect(await get('last=0')).toEqual([])
      expect(await get('last=1000')).toEqual(all)
      expect(await get('limit=2')).toEqual(['1', '2'])
      expect(await get('limit=1000')).toEqual(all)
      expect(await get(`after=${messages[4]?.id}`)).toEqual(['2', '3'])
      expect(await get(`after=${messages[0]?.id}&last=2`)).toEqual(['2', '3'])
      expect(await get('channel=B')).toEqual(numbers(1, 4))
      expect(await get('filter=%2B')).toEqual(all)
      expect(await get('filter=B/%23&last=2')).toEqual(['3', '4'])
      expect(await get('filter=B/%2B')).toEqual([])
      expect(await get(`filter=B/%23&last=2&before=${messages[3]?.id}`)).toEqual(['2', '3'])
      expect(await get(`before=${messages[5]?.id}&limit=1000`)).toEqual([...numbers(1, 4), '1'])
      expect(await get('channel=A%2CB&last=1')).toEqual(['4'])
      expect(await get('channel=')).toEqual(numbers(1, 3))
      expect(await get('channel=C')).toEqual([])
      expect(await get('direction=in')).toEqual(all)
      expect(await get('direction=out')).toEqual([])
      expect(await get('from=2000-01-01')).toEqual(all)
      expect(await get('from=2999-01-01T00:00:00Z')).toEqual([])
      expect(await get('until=2000-01-01T00:00:00.000Z')).toEqual([])
      expect(await get('from=2000-01-01T00:00:00+01:00&until=2999-01-01T00:00Z&last=3')).toEqual(numbers(1, 3))
      await hub.call('POST', '/api/hologram/accounts', { cloud_id: 'zzzz' })
      expect(await payloads(hub, '/api/hologram/devices/zzzz/messages')).toEqual([])
    },
  )

  it.each([
    [Uint8Array.of(0xc3, 0xa9), { payload: 'é' }],
    [Uint8Array.of(), { payload: '' }],
    [Uint8Array.of(0xef, 0xbb, 0xbf, 0x41), { payload: '\ufeffA' }],
    [Uint8Array.of(0xff, 0), { payload_base64: '/wA=' }],
    [Uint8Array.of(0xed, 0xa0, 0x80), { payload_base64: '7aCA' }],
  ])('are text if they are UTF-8, else base64: %s', (payload, shown) => {
    const message = { id: '1', service: 'mqtt', account: 'a', channel: 'c', direction: 'out' } as const
    const receivedAt = new Date(0)
    expect(messageJson({ ...message, payload, receivedAt })).toEqual({
      ...message,
      ...shown,
      received_at: '1970-01-01T00:00:00.000Z',
    })
  })

  it('come page by page, each once, also while more arrive', async () => {
    const hub = await startRestHub()
    await fill(hub, 5)
    const seen: (string | undefined)[] = []
    for (let next: string | undefined = ''; next !== undefined;) {
      const page: Page = (await hub.call('GET', `/api/hologram/messages?limit=2${next && `&after=${next}`}`))
        .body as Page
      seen.push(...page.messages.map(({ payload }) => payload))
      if (seen.length === 2) await fill(hub, 1)
      next = page.next
    }
    expect(seen).toEqual([...numbers(1, 5), '1'])
  })

  it('have their answer when the hub closes meanwhile, however large it is and slowly it is read', async () => {
    const hub = await startRestHub()
    for (let count = 0; count < 12; count++) {
      expect(await send(hub.port, JSON.stringify({ s: hub.id, c: hub.key, d: 'x'.repeat(1_000_000) }) + '\r\r')).toBe(
        '[0,0]',
      )
    }
    const headers = { authorization: `Bearer ${hub.token}` }
    const asked = request({
      port: hub.front,
      path: '/api/messages',
      headers,
      agent: new Agent({ keepAlive: true }),
    }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const closed = hub.hub.close()
    // Far longer than connections are looked through for idle ones.
    await new Promise((resolve) => setTimeout(resolve, 300))
    let length = 0
    response.on('data', (chunk: Buffer) => (length += chunk.length))
    await once(response, 'end')
    expect(response.complete).toBe(true)
    expect(length).toBeGreaterThan(12_000_000)
    await closed
  }, 30_000)

  it('of a device whose account is gone are still there', async () => {
    const hub = await startRestHub()
    await fill(hub, 1)
    await hub.call('DELETE', `/api/hologram/accounts/${hub.id}`)
    expect(await payloads(hub, `/api/hologram/devices/${hub.id}/messages`)).toEqual(['1'])
    expect((await hub.call('GET', '/api/hologram/devices/zzzz/messages')).status).toBe(404)
  })

  it.each([
    ['last=1001', 'query: last must be a whole number from 0 to 1000'],
    ['last=-1', 'query: last must be a whole number from 0 to 1000'],
    ['last=1.5', 'query: last must be a whole number from 0 to 1000'],
    ['last=', 'query: last must be a whole number from 0 to 1000'],
    ['last=1&last=2', 'query: last must be a whole number from 0 to 1000'],
    ['limit=0', 'query: limit must be a whole number from 1 to 1000'],
    ['limit=1001', 'query: limit must be a whole number from 1 to 1000'],
    ['last=1&limit=1', 'query: give either last (the newest) or limit (of a page, the oldest first)'],
    ['from=yesterday', 'query: from must be a time such as 2026-06-01T12:00:00Z'],
    ['from=2026-13-01', 'query: from must be a time such as 2026-06-01T12:00:00Z'],
    ['until=1780000000', 'query: until must be a time such as 2026-06-01T12:00:00Z'],
    ['until=2026-06-01T12:00:00', 'query: until must be a time such as 2026-06-01T12:00:00Z'],
    ['direction=up', 'query: direction must be in or out'],
    ['cursor=1', 'query: there is no cursor'],
  ])('?%s is refused', async (query, message) => {
    const { call } = await startRestHub()
    expect(await call('GET', `/api/messages?${query}`)).toMatchObject({
      status: 400,
      body: { error: 'ERR_USAGE', message },
    })
  })

  it('are not found by a filter that is none', async () => {
    const { call } = await startRestHub()
    expect(await call('GET', '/api/messages?filter=a%23')).toMatchObject({
      status: 400,
      body: {
        error: 'ERR_HUB_FILTER',
        message:
          'the filter is not an MQTT topic filter: its # is not a last level of its own; give one such as a/+/b or a/#',
      },
    })
  })

  it('behind a message of another hub are not guessed at', async () => {
    const { call } = await startRestHub()
    expect(await call('GET', '/api/messages?after=00000000001-otherhub')).toMatchObject({
      status: 400,
      body: {
        error: 'ERR_HUB_CURSOR',
        message: 'after (Last-Event-ID) is the id of a message of another hub; leave it out to begin anew',
      },
    })
    for (const after of ['1', 'x'.repeat(200), "1' OR 1", '%00']) {
      expect(await call('GET', `/api/messages?after=${encodeURIComponent(after)}`)).toMatchObject({
        status: 400,
        body: { error: 'ERR_HUB_CURSOR' },
      })
    }
  })
})
