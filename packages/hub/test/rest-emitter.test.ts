import { connect } from '@halyard/emitter'
import { describe, expect, it } from 'vitest'
import { startRestHub } from './rest-support.ts'
import type { RestHub } from './rest-support.ts'

const KEY = /^[\w-]{32}$/
const ID = /^[0-9a-f]{64}$/

/** The text in the page, as a script takes it out. */
async function post(hub: RestHub, fields: object | string, headers: Record<string, string> = {}): Promise<string> {
  const body = typeof fields === 'string' ? fields : new URLSearchParams(Object.entries(fields) as [string, string][])
  const response = await fetch(`http://127.0.0.1:${hub.front}/keygen`, { method: 'POST', body, headers })
  expect(response.status).toBe(200)
  return /<pre id="keygenResponse">([^<]*)<\/pre>/.exec(await response.text())?.[1] ?? ''
}

const masterOf = ({ hub }: RestHub): string => hub.accounts.emitter?.master_key ?? ''
const keyIn = (text: string): string => /^key {4}: (.{32})$/m.exec(text)?.[1] ?? ''

describe('/keygen', () => {
  it('shows a form that runs nothing and stands in nobody’s frame', async () => {
    const { front } = await startRestHub()
    const response = await fetch(`http://127.0.0.1:${front}/keygen`)
    const text = await response.text()
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
    for (const name of ['key', 'channel', 'ttl', 'sub', 'pub', 'store', 'load', 'presence', 'extend']) {
      expect(text).toContain(`name="${name}"`)
    }
    expect(text).not.toContain('keygenResponse')
  })

  it('makes a key that opens what was asked for', async () => {
    const started = await startRestHub()
    const text = await post(started, { key: masterOf(started), channel: 'page/', ttl: '60', sub: 'on', pub: 'on' })
    expect(text).toMatch(/^channel: page\/\nkey {4}: [\w-]{32}$/)
    await using emitter = connect({ host: '127.0.0.1', port: started.front, secure: false })
    const page = await emitter.subscribe({ key: keyIn(text), channel: 'page/' })
    await emitter.publish({ key: keyIn(text), channel: 'page/', message: 'ahoy' })
    for await (const message of page) {
      expect(message.asString()).toBe('ahoy')
      break
    }
    const described = await started.call('POST', '/api/emitter/keys/describe', { key: keyIn(text) })
    expect(described.body).toMatchObject({ channel: 'page/', type: 'rw', origin: 'issued', state: 'valid' })
    expect(Date.parse((described.body as { expires: string }).expires)).toBeGreaterThan(Date.now())
  })

  it('says what is wrong in the original’s words', async () => {
    const started = await startRestHub()
    const key = masterOf(started)
    expect(await post(started, {})).toBe('Missing SecretKey')
    expect(await post(started, { key })).toBe('Missing Channel')
    expect(await post(started, { key, channel: 'a/', ttl: 'day' })).toBe('invalid arguments')
    expect(await post(started, { key, channel: 'a/', ttl: '9999999999' })).toBe('invalid arguments')
    expect(await post(started, { key, channel: 'a/', sub: 'yes' })).toBe('invalid arguments')
    expect(await post(started, { key, channel: 'a' })).toBe(
      'channel should end with `/` for strict types or `/#/` for wildcards',
    )
    // Too short for a key of any licence: a whole one may read as the master key of another contract.
    const wrong = await post(started, { key: 'x'.repeat(31), channel: 'a/' })
    expect(wrong).toBe('the security key provided is not authorized to perform this operation')
    expect(await post(started, { key, channel: 'a/', sub: 'off', pub: '' })).toMatch(/^channel: a\//)
  })

  it('repeats no text as markup, and no key at all', async () => {
    const started = await startRestHub()
    const body = new URLSearchParams({ key: masterOf(started), channel: `<script>"'&/`, sub: 'on' })
    const response = await fetch(`http://127.0.0.1:${started.front}/keygen`, { method: 'POST', body })
    const text = await response.text()
    expect(text).not.toContain('<script>')
    expect(text).toContain('channel: &lt;script&gt;&quot;&#39;&amp;/')
    expect(text).not.toContain(masterOf(started))
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('takes no other verb, no large body, and no other site’s form', async () => {
    const { front, ...started } = await startRestHub()
    const ask = (init: RequestInit): Promise<Response> => fetch(`http://127.0.0.1:${front}/keygen`, init)
    expect((await ask({ method: 'DELETE' })).status).toBe(405)
    expect((await ask({ method: 'POST', body: 'x'.repeat(20_000) })).status).toBe(413)
    const body = new URLSearchParams({ key: masterOf({ front, ...started }), channel: 'a/' })
    const foreign = await ask({ method: 'POST', body, headers: { 'sec-fetch-site': 'cross-site' } })
    expect([foreign.status, await foreign.text()]).toEqual([403, expect.not.stringContaining('key    :')])
    expect((await ask({ method: 'POST', body: '\u0000%ff&&=', headers: { 'content-type': 'x/y' } })).status).toBe(200)
  })

  it('looks at no more keys of an address that guesses; who has used one before gets in', async () => {
    const config = JSON.stringify({ emitter: { limits: { unknownKeysPerAddress: 20 } } })
    const started = await startRestHub({ config })
    const key = masterOf(started)
    expect(await post(started, { key, channel: 'a/' })).toMatch(/^channel/)
    for (let n = 0; n < 20; n++) {
      // A text may read as the master key of another contract.
      const guessed = await post(started, { key: `x${n}`.padEnd(32, 'x'), channel: 'a/' })
      expect(guessed).toMatch(/not authorized|does not exist/)
    }
    const another = await started.call('POST', '/api/emitter/keys', { master: true })
    const { key: unused } = another.body as { key: string }
    expect(await post(started, { key: unused, channel: 'a/' })).toMatch(/not authorized/)
    expect(await post(started, { key, channel: 'a/' })).toMatch(/^channel/)
  })
})

describe('/presence', () => {
  it('tells who is there to whoever may know', async () => {
    const { hub, front } = await startRestHub()
    const key = hub.accounts.emitter?.channel_key ?? ''
    await using emitter = connect({ host: '127.0.0.1', port: front, secure: false, username: 'ann' })
    await emitter.subscribe({ key, channel: 'demo/room/' })
    const { id } = await emitter.me()
    const ask = async (body: string): Promise<unknown[]> => {
      const response = await fetch(`http://127.0.0.1:${front}/presence`, { method: 'POST', body })
      return [response.status, await response.json()]
    }
    expect(await ask(JSON.stringify({ key, channel: 'demo/room' }))).toEqual([
      200,
      { status: 200, time: expect.any(Number), event: 'status', channel: 'demo/room/', who: [{ id, username: 'ann' }] },
    ])
    expect(await ask(JSON.stringify({ key, channel: 'other/' }))).toMatchObject([401, { status: 401 }])
    for (const bad of ['{oops', '', '[]', '{"key":1}']) expect(await ask(bad)).toMatchObject([400, { status: 400 }])
    expect((await fetch(`http://127.0.0.1:${front}/presence`)).status).toBe(404)
  })
})

describe('/api/emitter', () => {
  it('makes, lists, describes and revokes keys; a revoked one ends what it opened', async () => {
    const { call, hub, front } = await startRestHub()
    const made = await call('POST', '/api/emitter/keys', { channel: 'api/#', type: 'rwl', ttl: 60 })
    expect([made.status, made.body]).toMatchObject([
      201,
      {
        key: expect.stringMatching(KEY),
        id: expect.stringMatching(ID),
        channel: 'api/#/',
        type: 'rwl',
        origin: 'issued',
        state: 'valid',
        created_at: expect.any(String),
        expires: expect.any(String),
      },
    ])
    const { key, id } = made.body as { key: string; id: string }
    const { body: list } = await call('GET', '/api/emitter/keys')
    expect(JSON.stringify(list)).not.toContain(key)
    expect((list as { keys: { id: string }[] }).keys).toHaveLength(3)
    expect((await call('GET', `/api/emitter/keys/${id.slice(0, 8)}`)).body).toMatchObject({ id, channel: 'api/#/' })

    await using emitter = connect({ host: '127.0.0.1', port: front, secure: false })
    await emitter.subscribe({ key, channel: 'api/' })
    const ended = new Promise((resolve) => emitter.on('error', resolve))
    const revoked = await call('DELETE', `/api/emitter/keys/${id}`)
    expect([revoked.status, revoked.body]).toMatchObject([200, { id, state: 'revoked', sample: false }])
    expect(await ended).toMatchObject({ status: 401 })
    await expect(emitter.publish({ key, channel: 'api/', message: 'x' })).rejects.toMatchObject({ status: 401 })
    const master = hub.accounts.emitter?.master_key ?? ''
    expect((await call('POST', '/api/emitter/keys/describe', { key: master })).body).toMatchObject({ type: 'm' })
  })

  it('makes another master key, whose keys work', async () => {
    const started = await startRestHub()
    const { body } = await started.call('POST', '/api/emitter/keys', { master: true })
    expect(body).toMatchObject({ key: expect.stringMatching(KEY), type: 'm', channel: '' })
    expect(await post(started, { key: (body as { key: string }).key, channel: 'a/' })).toMatch(/^channel: a\//)
  })

  it('pages', async () => {
    const { call } = await startRestHub()
    const ids: string[] = []
    for (let after = ''; ;) {
      const path = `/api/emitter/keys?limit=1${after === '' ? '' : `&after=${after}`}`
      const { keys, next } = (await call('GET', path)).body as { keys: { id: string }[]; next?: string }
      ids.push(...keys.map((key) => key.id))
      if (next === undefined) break
      after = next
    }
    expect(ids).toHaveLength(2)
    expect(ids).toEqual(ids.toSorted())
  })

  it('shows the licence to whoever has a token', async () => {
    const { call, hub, front } = await startRestHub()
    expect((await call('GET', '/api/emitter/license')).body).toEqual({
      license: hub.accounts.emitter?.license,
      version: 3,
      contract: expect.any(Number),
      matcher: 'emitter',
      accept_foreign_keys: false,
    })
    expect((await fetch(`http://127.0.0.1:${front}/api/emitter/license`)).status).toBe(401)
  })

  it('says what is wrong with a request', async () => {
    const { call } = await startRestHub()
    const wrong = [
      ['POST', '', {}, 400, /channel/],
      ['POST', '', { channel: 'a b/' }, 400, /channel: .*character/],
      ['POST', '', { channel: 7 }, 400, /channel is a text/],
      ['POST', '', { channel: 'a/'.repeat(24) }, 400, /23 levels/],
      ['POST', '', { channel: 'a/', type: 'q' }, 400, /letters of rwslpe/],
      ['POST', '', { channel: 'a/', ttl: -1 }, 400, /ttl/],
      ['POST', '', { channel: 'a/', colour: 'red' }, 400, /must have channel/],
      ['POST', '', { key: 'short' }, 400, /no key of the hub's licence.*32 characters/],
      ['POST', '/describe', { key: 'x'.repeat(32) }, 404, /knows no such key/],
      ['GET', '/zz', undefined, 404, /knows no such key/],
      ['DELETE', `/${'a'.repeat(64)}`, undefined, 404, /knows no such key/],
    ] as const
    for (const [method, path, body, status, message] of wrong) {
      const answer = await call(method, `/api/emitter/keys${path}`, body)
      expect([path, answer.status, (answer.body as { message: string }).message]).toEqual([
        ...[path, status, expect.stringMatching(message)],
      ])
    }
  })
})
