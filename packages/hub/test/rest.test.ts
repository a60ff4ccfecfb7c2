import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { ApiTokens, MAX_API_TOKENS } from '../src/domain/api-tokens.ts'
import { TOKEN_MINT } from '../src/secrets.ts'
import { MemoryRegistry } from '../src/store/memory-registry.ts'
import { ROUTES } from '../src/rest/console.ts'
import { caller, startRestHub } from './rest-support.ts'
import { send, startHub, temporaryDirectory } from './support.ts'

const NO_TOKEN = {
  error: 'ERR_HUB_API_TOKEN',
  message: expect.stringContaining('send Authorization: Bearer TOKEN, where accounts.json of the hub has the first'),
}
const front = (text: string): { config: string } => ({ config: `{ front: { limits: { ${text} } } }` })

describe('who may use the API', () => {
  it('nobody without a token, wherever he knocks: also where nothing is', async () => {
    const { front: port } = await startRestHub()
    const call = caller(port, undefined)
    for (const path of ['/api', '/api/', '/api/tokens', '/api/nothing', '/api/tokens/x/y', '/%61pi/tokens']) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const { status, headers, body } = await call(method, path)
        expect([method, path, status]).toEqual([method, path, 401])
        expect(headers.get('www-authenticate')).toBe('Bearer')
        expect(body).toMatchObject(NO_TOKEN)
      }
    }
    const { status } = await call('GET', `/api/tokens/${'x'.repeat(5000)}`)
    expect(status).toBe(401)
  })

  it('a body is not read before', async () => {
    const { front: port } = await startRestHub()
    expect((await caller(port, 'wrong')('POST', '/api/tokens', '{')).status).toBe(401)
  })

  it.each(['Basic abc', 'Bearer', 'Bearer ', 'Bearer a b', `Bearer ${'x'.repeat(1000)}`, 'Bearer ü', 'abc'])(
    'not with %s',
    async (authorization) => {
      const { front: port } = await startRestHub()
      const answer = await send(
        port,
        `GET /api/tokens HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${authorization}\r\n\r\n`,
      )
      expect(answer).toMatch(/^HTTP\/1.1 401 /)
    },
  )

  it('whoever has a token, in any spelling of Bearer', async () => {
    const { front: port, token } = await startRestHub()
    for (const word of ['Bearer', 'bearer', 'BEARER ']) {
      expect(
        (await caller(port, undefined)('GET', '/api/tokens', undefined, { authorization: `${word} ${token}` })).status,
      ).toBe(200)
    }
  })

  it('answers are not kept by anyone on the way, and pages of other origins get nothing', async () => {
    const { call } = await startRestHub()
    const { headers } = await call('GET', '/api/tokens', undefined, { origin: 'http://evil.example' })
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    const preflight = { origin: 'http://evil.example', 'access-control-request-method': 'POST' }
    expect((await call('OPTIONS', '/api/tokens', undefined, preflight)).status).toBe(404)
  })

  it('wrong tokens are counted per address; known ones still pass, and others after the window', async () => {
    const clock = new VirtualClock()
    const config = front('authFailuresPerAddress: 3, authWindowPerAddress: 60')
    const { front: port, call, log } = await startRestHub(config, { clock })
    const fresh = ((await call('POST', '/api/tokens', { name: 'x' })).body as { token: string }).token
    for (let count = 0; count < 3; count++)
      expect((await caller(port, `wrong${count}`)('GET', '/api/tokens')).status).toBe(401)
    const refused = await caller(port, fresh)('GET', '/api/tokens')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('60')
    expect(refused.body).toEqual({
      error: 'ERR_HUB_API_THROTTLED',
      message: 'too many wrong tokens came from this address; mend the token and ask again in 60 s',
    })
    expect((await call('GET', '/api/tokens')).status).toBe(200)
    expect((await caller(port, undefined)('GET', '/api/tokens')).status).toBe(401)
    expect(log.texts('warn')).toEqual([
      'api: too many wrong tokens; unknown ones of this address are not looked at for a while',
    ])
    await clock.advance(60_000)
    expect((await caller(port, fresh)('GET', '/api/tokens')).status).toBe(200)
  })

  it('guesses that come together are counted one by one', async () => {
    const { front: port } = await startRestHub(front('authFailuresPerAddress: 5'))
    const statuses = await Promise.all(
      Array.from(
        { length: 20 },
        async (_, index) => (await caller(port, `wrong${index}`)('GET', '/api/tokens')).status,
      ),
    )
    expect(statuses.filter((status) => status === 401).length).toBe(5)
    expect(statuses.filter((status) => status === 429).length).toBe(15)
  })
})

describe('what the API objects to', () => {
  it('an address or a method that it does not have', async () => {
    const { call } = await startRestHub()
    for (const [method, path] of [
      ['GET', '/api'],
      ['GET', '/api/nothing'],
      ['GET', '/api/tokens/'],
      ['PUT', '/api/tokens'],
      ['PATCH', '/api/hologram/accounts/abcd'],
      ['POST', '/api/messages'],
      ['HEAD', '/api/messages'],
    ] as const) {
      const { status, body } = await call(method, path)
      expect([method, path, status]).toEqual([method, path, 404])
      if (method === 'HEAD') continue
      expect(body).toEqual({
        error: 'ERR_HUB_API_ROUTE',
        message: `there is nothing for ${method} at this address; /console/ lists what there is`,
      })
    }
  })

  it.each([
    ['{"name": "x"', 400, 'ERR_USAGE', 'body: it is not JSON; check quotes, commas and the encoding (UTF-8)'],
    ['[]', 400, 'ERR_USAGE', 'body: it must be an object'],
    ['[{"name": "x"}]', 400, 'ERR_USAGE', 'body: it must be an object'],
    ['null', 400, 'ERR_USAGE', 'body: it must be an object'],
    ['', 400, 'ERR_USAGE', 'body: it must be an object'],
    ['{}', 400, 'ERR_USAGE', 'body: name is missing'],
    ['{"name": 1}', 400, 'ERR_USAGE', 'body: name must be a text of 1 to 100 characters without control characters'],
    [
      '{"name": "a\\nb"}',
      400,
      'ERR_USAGE',
      'body: name must be a text of 1 to 100 characters without control characters',
    ],
    ['{"name": "x", "scope": "all"}', 400, 'ERR_USAGE', 'body: there is no scope'],
    ['{"name": "x", "__proto__": {}}', 400, 'ERR_USAGE', 'body: there is no __proto__'],
    ['{"name": "x", "constructor": {}}', 400, 'ERR_USAGE', 'body: there is no constructor'],
    [
      `{"name": "${'x'.repeat(5000)}"}`,
      413,
      'ERR_HUB_API_BODY',
      'the body is too large; front.limits.bodyBytes says how large it may be',
    ],
  ])('the body %.40s', async (text, status, error, message) => {
    const { call } = await startRestHub(front('bodyBytes: 4096'))
    const answer = await call('POST', '/api/tokens', text)
    expect(answer.status).toBe(status)
    expect(answer.body).toEqual({ error, message })
  })

  it('a body that is no JSON by its own word', async () => {
    const { call } = await startRestHub()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense']) {
      const { status, body } = await call('POST', '/api/tokens', 'name=x', { 'content-type': type })
      expect([type, status]).toEqual([type, 415])
      expect(body).toEqual({
        error: 'ERR_HUB_API_TYPE',
        message: 'a body must be JSON; send it with Content-Type: application/json',
      })
    }
  })

  it('query keys that a route does not have', async () => {
    const { call, id } = await startRestHub()
    for (const path of [
      '/api/tokens?x=1',
      '/api/hologram/accounts?page=2',
      `/api/hologram/devices/${id}?last=1`,
      '/api/messages?lst=1',
    ]) {
      const { status, body } = await call('GET', path)
      expect([path, status, body]).toEqual([
        ...[path, 400],
        { error: 'ERR_USAGE', message: expect.stringMatching(/^query: there is no (x|page|last|lst)$/) },
      ])
    }
  })

  it('an address that cannot be decoded', async () => {
    const { front: port } = await startRestHub()
    const answer = await send(port, 'GET /api/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain('{"error":"bad request","message":"the address is no valid URL"}')
  })
})

describe('tokens', () => {
  it('are made, listed without themselves, and removed', async () => {
    const { call, front: port, token } = await startRestHub()
    const made = await call('POST', '/api/tokens', { name: 'laptop of Ada' })
    expect(made.status).toBe(201)
    const { id, token: fresh } = made.body as { id: string; token: string }
    expect(made.body).toEqual({
      id,
      name: 'laptop of Ada',
      created_at: expect.stringMatching(/^2\d{3}-.*Z$/),
      token: fresh,
    })
    const list = await call('GET', '/api/tokens')
    expect(JSON.stringify(list.body)).not.toContain(fresh)
    expect(JSON.stringify(list.body)).not.toContain(token)
    expect((list.body as { tokens: { name: string }[] }).tokens.map(({ name }) => name).toSorted()).toEqual([
      'laptop of Ada',
      'sample',
    ])

    expect((await caller(port, fresh)('GET', '/api/tokens')).status).toBe(200)
    expect((await call('DELETE', `/api/tokens/${id}`)).status).toBe(204)
    expect((await caller(port, fresh)('GET', '/api/tokens')).status).toBe(401)
    expect(await call('DELETE', `/api/tokens/${id}`)).toMatchObject({
      status: 404,
      body: { error: 'ERR_HUB_TOKEN_UNKNOWN', message: 'there is no token with this id; GET /api/tokens lists them' },
    })
    for (const other of ['0', 'zzzzzzzzzzzz', `${id}0`, '%00', '..%2f']) {
      expect((await call('DELETE', `/api/tokens/${other}`)).status).toBe(404)
    }
  })

  it('last in a hub on disk, and a removed one stays removed', async () => {
    const data = await temporaryDirectory()
    const first = await startRestHub({ data })
    const kept = (await first.call('POST', '/api/tokens', { name: 'kept' })).body as { token: string }
    const gone = (await first.call('POST', '/api/tokens', { name: 'gone' })).body as { token: string; id: string }
    await first.call('DELETE', `/api/tokens/${gone.id}`)
    await first.hub.close()
    const { hub } = await startHub({ data })
    expect((await caller(hub.ports.front, kept.token)('GET', '/api/tokens')).status).toBe(200)
    expect((await caller(hub.ports.front, gone.token)('GET', '/api/tokens')).status).toBe(401)
  })

  it('are a thousand at most, also when many are made at once', async () => {
    const tokens = new ApiTokens(new MemoryRegistry(), TOKEN_MINT)
    const made = await Promise.all(Array.from({ length: MAX_API_TOKENS + 10 }, () => tokens.create('x', new Date())))
    expect(made.filter((token) => token === undefined).length).toBe(10)
    expect((await tokens.list()).length).toBe(MAX_API_TOKENS)
    const { id = '', token = '' } = made[500] ?? {}
    expect(await tokens.remove(id)).toBe(true)
    expect(await tokens.isValid(token)).toBe(false)
    expect(await tokens.create('again', new Date())).toBeDefined()
  })
})

describe('accounts and devices', () => {
  it('an account is made, sends, is listed, and removed', async () => {
    const { call, port } = await startRestHub()
    const { status, body } = await call('POST', '/api/hologram/accounts', { cloud_id: 'a/%b', cloud_key: `"'<;` })
    expect([status, body]).toEqual([201, { cloud_id: 'a/%b', cloud_key: `"'<;` }])
    expect(await send(port, `${JSON.stringify({ s: 'a/%b', c: `"'<;`, d: 'x' })}\r\r`)).toBe('[0,0]')
    expect(await call('POST', '/api/hologram/accounts', { cloud_id: 'a/%b' })).toMatchObject({
      status: 409,
      body: {
        error: 'ERR_HUB_ACCOUNT_EXISTS',
        message: 'there is an account with this cloud id; choose another, or leave it out',
      },
    })
    const path = `/api/hologram/devices/${encodeURIComponent('a/%b')}`
    expect(await call('GET', path)).toMatchObject({
      status: 200,
      body: { cloud_id: 'a/%b', host: '127.0.0.1', last_seen_at: expect.any(String), queued: 0 },
    })
    const account = `/api/hologram/accounts/${encodeURIComponent('a/%b')}`
    expect((await call('DELETE', account)).status).toBe(204)
    expect(await send(port, `${JSON.stringify({ s: 'a/%b', c: `"'<;`, d: 'x' })}\r\r`)).toBe('[3,0]')
    for (const [method, gone] of [
      ['DELETE', account],
      ['GET', path],
    ] as const) {
      expect(await call(method, gone)).toMatchObject({
        status: 404,
        body: {
          error: 'ERR_HUB_DEVICE_UNKNOWN',
          message: 'the hub has no device with this cloud id; GET /api/hologram/accounts lists those it has',
        },
      })
    }
  })

  it('what is left out is made; no body is as good as an empty one', async () => {
    const { call, port } = await startRestHub()
    for (const body of [undefined, {}, { cloud_id: 'ABCD' }, { cloud_key: 'WXYZ' }]) {
      const answer = await call('POST', '/api/hologram/accounts', body)
      expect(answer.status).toBe(201)
      const made = answer.body as { cloud_id: string; cloud_key: string }
      expect(made).toMatchObject({
        cloud_id: expect.stringMatching(/^[!-~]{4}$/),
        cloud_key: expect.stringMatching(/^[!-~]{4}$/),
        ...body,
      })
      expect(await send(port, `${JSON.stringify({ s: made.cloud_id, c: made.cloud_key, d: 'x' })}\r\r`)).toBe('[0,0]')
    }
  })

  it.each(['abc', 'abcde', 'ab c', 'abcü', '', 'ab\u0000d', '😀😀'])('%j is no cloud id', async (id) => {
    const { call } = await startRestHub()
    const problem = {
      error: 'ERR_USAGE',
      message: expect.stringContaining('cloud_id must be 4 printable ASCII characters'),
    }
    expect(await call('POST', '/api/hologram/accounts', { cloud_id: id })).toMatchObject({ status: 400, body: problem })
    if (id === '') return
    expect(await call('GET', `/api/hologram/devices/${encodeURIComponent(id)}`)).toMatchObject({
      status: 400,
      body: problem,
    })
    expect(await call('DELETE', `/api/hologram/accounts/${encodeURIComponent(id)}`)).toMatchObject({ status: 400 })
  })

  it('percent-encoding makes one name of many spellings, and is undone once', async () => {
    const { call } = await startRestHub()
    await call('POST', '/api/hologram/accounts', { cloud_id: 'ab%4' })
    await call('POST', '/api/hologram/accounts', { cloud_id: 'a..b' })
    for (const path of ['ab%254', '%61b%254', '%61%62%25%34', 'a..b', 'a%2E%2eb']) {
      expect([path, (await call('GET', `/api/hologram/devices/${path}`)).status]).toEqual([path, 200])
    }
    for (const path of ['ab%25254', 'a%2f%2fb', '%2e%2e%2ftokens']) {
      expect([path, (await call('GET', `/api/hologram/devices/${path}`)).status]).not.toEqual([path, 200])
    }
  })

  it('are listed page by page, to the edges', async () => {
    const { call, id } = await startRestHub()
    for (let count = 0; count < 6; count++) await call('POST', '/api/hologram/accounts', { cloud_id: `AAA${count}` })
    const expected = ['AAA0', 'AAA1', 'AAA2', 'AAA3', 'AAA4', 'AAA5', id].toSorted()
    for (const resource of ['accounts', 'devices']) {
      for (const limit of [1, 2, 3, 6, 7, 8, 999, 1000]) {
        const seen: string[] = []
        let pages = 0
        for (let after: string | undefined = ''; after !== undefined; pages++) {
          const query: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`
          const { body } = await call('GET', `/api/hologram/${resource}?limit=${limit}${query}`)
          const page = body as { [key: string]: { cloud_id: string }[] } & { next?: string }
          seen.push(...(page[resource] ?? []).map(({ cloud_id }) => cloud_id))
          after = page.next
        }
        expect([limit, seen, pages]).toEqual([limit, expected, Math.ceil(7 / limit)])
      }
      for (const query of ['limit=0', 'limit=1001', 'limit=-1', 'limit=1e3', 'limit=', 'limit=1&limit=2']) {
        expect(await call('GET', `/api/hologram/${resource}?${query}`)).toMatchObject({
          status: 400,
          body: { error: 'ERR_USAGE', message: 'query: limit must be a whole number from 1 to 1000' },
        })
      }
    }
  })

  it('a thousand and one fill the largest page and one more', async () => {
    const { call } = await startRestHub()
    const words = Array.from({ length: 1000 }, (_, index) => `Z${String(index).padStart(3, '0')}`)
    for (let start = 0; start < 1000; start += 100) {
      const some = words.slice(start, start + 100)
      await Promise.all(some.map((cloud_id) => call('POST', '/api/hologram/accounts', { cloud_id })))
    }
    const first = (await call('GET', '/api/hologram/devices?limit=1000')).body as { devices: object[]; next: string }
    expect(first.devices.length).toBe(1000)
    const second = await call('GET', `/api/hologram/devices?limit=1000&after=${first.next}`)
    expect((second.body as { devices: object[] }).devices.length).toBe(1)
    expect(second.body).not.toHaveProperty('next')
  }, 30_000)
})

describe('the console', () => {
  it('tells every route with a curl line, runs nothing, knows no secret', async () => {
    const { front: port, token, call } = await startRestHub()
    const page = await caller(port, undefined)('GET', '/console/')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'/,
    )
    expect(page.body).not.toContain(token)
    expect(page.body).not.toMatch(/<script|javascript:| on\w+=/)
    for (const { method, path } of ROUTES) {
      expect(page.body).toContain(`<code>${method} ${path}</code>`)
      const { body } = await call(
        method,
        path.replaceAll('{cloud_id}', 'zzzz').replaceAll('{id}', 'x'),
        method === 'POST' ? {} : undefined,
      )
      expect([method, path, (body as { error?: string }).error]).not.toEqual([method, path, 'ERR_HUB_API_ROUTE'])
    }
    expect((await caller(port, undefined)('GET', '/console')).headers.get('location')).toBe('/console/')
    expect((await caller(port, undefined)('POST', '/console/')).status).toBe(404)
  })
})
