import { connect } from 'node:net'
import { StorageError, UsageError } from '@halyard/core'
import { describe, expect, it } from 'vitest'
import { serve } from './rest-served.ts'
import { send, until } from './support.ts'

const DEVICE = '/api/hologram/devices/abcd'

describe('a message to a device', () => {
  it('that is delivered in time is 200', async () => {
    const { call, pushes, waiting } = await serve()
    const asked = call('POST', `${DEVICE}/messages`, { data: 'ahoy ⚓', host: '192.0.2.7', port: 4011, timeout: 30 })
    await until('it is waited for', () => waiting('push/1') === 1)
    pushes.settle('push/1', { state: 'delivered', attempts: 1, settledAt: new Date(1000) })
    expect(await asked).toMatchObject({
      status: 200,
      body: {
        id: 'push/1',
        cloud_id: 'abcd',
        state: 'delivered',
        attempts: 1,
        size: 8,
        queued_at: '1970-01-01T00:00:00.000Z',
        settled_at: '1970-01-01T00:00:01.000Z',
      },
    })
    const payload = new TextEncoder().encode('ahoy ⚓')
    expect(pushes.requests).toEqual([{ cloudId: 'abcd', payload, host: '192.0.2.7', port: 4011 }])
  })

  it('that is not is 202, with the reason so far; it stays queued', async () => {
    const { call, pushes, waiting } = await serve()
    const asked = call('POST', `${DEVICE}/messages`, { data: 'x', timeout: 0.2 })
    await until('it is waited for', () => waiting('push/1') === 1)
    pushes.settle('push/1', { reason: 'connection refused', attempts: 1 })
    expect(await asked).toMatchObject({
      status: 202,
      body: { state: 'queued', reason: 'connection refused', attempts: 1 },
    })
    expect(waiting('push/1')).toBe(0)
    expect(pushes.queued('abcd')).toBe(1)
    expect((await call('POST', `${DEVICE}/messages`, { data: 'x', timeout: 0 })).status).toBe(202)
    expect((await call('GET', DEVICE)).body).toEqual({ cloud_id: 'abcd', queued: 2 })
  })

  it('that is dropped meanwhile is not 200', async () => {
    const { call, pushes, waiting } = await serve()
    const asked = call('POST', `${DEVICE}/messages`, { data: 'x' })
    await until('it is waited for', () => waiting('push/1') === 1)
    pushes.settle('push/1', { state: 'dropped', reason: 'expired' })
    expect(await asked).toMatchObject({ status: 202, body: { state: 'dropped', reason: 'expired' } })
  })

  it('may be bytes, as large as a message to a device may be', async () => {
    const { call, pushes } = await serve()
    const payload = Buffer.alloc(1024 * 1024, 0xfe)
    const body = { base64data: payload.toString('base64'), timeout: 0 }
    expect((await call('POST', `${DEVICE}/messages`, body)).status).toBe(202)
    expect(Buffer.compare(Buffer.from(pushes.requests[0]?.payload ?? ''), payload)).toBe(0)
    const larger = await call('POST', `${DEVICE}/messages`, { base64data: 'AAAA'.repeat(400_000) })
    expect(larger).toMatchObject({ status: 413, body: { error: 'ERR_HUB_API_BODY' } })
  })

  it('is waited for longer than a connection may else be idle', async () => {
    const { call, pushes, waiting } = await serve({ requestTimeout: 0.2 })
    const asked = call('POST', `${DEVICE}/messages`, { data: 'x', timeout: 30 })
    await until('it is waited for', () => waiting('push/1') === 1)
    await new Promise((resolve) => setTimeout(resolve, 500))
    pushes.settle('push/1', { state: 'delivered' })
    expect((await asked).status).toBe(200)
  })

  it('stays when the caller goes; only the waiting ends', async () => {
    const { port, pushes, waiting } = await serve()
    const body = '{"data": "x", "timeout": 60}'
    const head = `POST ${DEVICE}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer local\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {}).write(head + body)
    await until('it is waited for', () => waiting('push/1') === 1)
    socket.destroy()
    await until('nobody waits', () => waiting('push/1') === 0)
    expect(pushes.queued('abcd')).toBe(1)
  })

  it('is not waited for by a hub that closes', async () => {
    const { call, rest, waiting } = await serve()
    const asked = call('POST', `${DEVICE}/messages`, { data: 'x', timeout: 60 })
    await until('it is waited for', () => waiting('push/1') === 1)
    rest.drain()
    expect(await asked).toMatchObject({ status: 202, body: { state: 'queued' } })
    expect((await call('POST', `${DEVICE}/messages`, { data: 'x', timeout: 60 })).status).toBe(202)
  })

  it.each([
    [{}, 'body: give either data (a text) or base64data (bytes)'],
    [{ data: 'x', base64data: 'eA==' }, 'body: give either data (a text) or base64data (bytes)'],
    [{ data: 1 }, 'body: data must be a text that UTF-8 can hold; use base64data for bytes'],
    [{ data: '\ud800' }, 'body: data must be a text that UTF-8 can hold; use base64data for bytes'],
    [{ base64data: 'a' }, 'body: base64data must be base64'],
    [{ base64data: 'eA==\n' }, 'body: base64data must be base64'],
    [{ data: 'x', host: 'a b' }, 'body: host must be a host name or an address'],
    [{ data: 'x', host: '' }, 'body: host must be a host name or an address'],
    [{ data: 'x', port: 0 }, 'body: port must be a whole number from 1 to 65535'],
    [{ data: 'x', port: '4010' }, 'body: port must be a whole number from 1 to 65535'],
    [{ data: 'x', timeout: -1 }, 'body: timeout must be a number from 0 to 60'],
    [{ data: 'x', timeout: 61 }, 'body: timeout must be a number from 0 to 60'],
    [{ data: 'x', topic: 'y' }, 'body: there is no topic'],
  ])('%j is refused', async (body, message) => {
    const { call, pushes } = await serve()
    expect(await call('POST', `${DEVICE}/messages`, body)).toMatchObject({
      status: 400,
      body: { error: 'ERR_USAGE', message },
    })
    expect(pushes.requests).toEqual([])
  })

  it.each([
    [new UsageError('ERR_HUB_PUSH_SIZE', 'too large'), 413, 'too large'],
    [new UsageError('ERR_HUB_PUSH_FULL', 'too many'), 429, 'too many'],
    [new UsageError('ERR_HUB_DEVICE_UNKNOWN', 'gone'), 404, 'gone'],
    [
      new StorageError('ERR_STORE_FULL', 'ENOSPC /secret/path'),
      507,
      "the hub's disk is full; free some space and ask again",
    ],
    [new StorageError('ERR_STORE_IO', 'EIO /secret/path'), 500, "the hub's disk or index failed; its log says why"],
    [new StorageError('ERR_HUB_INDEX', 'x /secret/path'), 503, "the hub's disk or index failed; its log says why"],
  ])('%s is told as it is', async (refusal, status, message) => {
    const { call, pushes } = await serve()
    pushes.refusal = refusal
    expect(await call('POST', `${DEVICE}/messages`, { data: 'x' })).toMatchObject({
      status,
      body: { error: refusal.code, message },
    })
  })

  it('of bytes that are no UTF-8 is refused, not changed', async () => {
    const { port, pushes } = await serve()
    const head = `POST ${DEVICE}/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer local\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n`
    const answer = await send(
      port,
      Buffer.concat([Buffer.from(`${head}{"data": "a`), Buffer.of(0xff), Buffer.from('"}')]),
    )
    expect(answer).toMatch(/^HTTP\/1.1 400 [^]*body: it is not JSON/)
    expect(pushes.requests).toEqual([])
  })

  it('an error that nobody foresaw keeps its words inside', async () => {
    const { call, pushes } = await serve()
    pushes.refusal = new TypeError('secret')
    expect(await call('POST', `${DEVICE}/messages`, { data: 'x' })).toMatchObject({
      status: 500,
      body: { error: 'ERR_HUB_INTERNAL', message: 'the hub could not do it; its log says why' },
    })
  })
})

describe('the outbox of a device', () => {
  it('is looked at, and a message taken back, once', async () => {
    const { call, pushes } = await serve()
    await call('POST', `${DEVICE}/messages`, { data: 'one', timeout: 0 })
    await call('POST', `${DEVICE}/messages`, { data: 'two', timeout: 0 })
    pushes.settle('push/2', { state: 'delivered' })
    const [one, two] = ['push/1', 'push/2'].map((id) => `${DEVICE}/outbox/${encodeURIComponent(id)}`)
    expect((await call('GET', `${DEVICE}/outbox`)).body).toMatchObject({
      messages: [{ id: 'push/1' }, { id: 'push/2' }],
    })
    expect(await call('GET', one ?? '')).toMatchObject({ status: 200, body: { id: 'push/1', state: 'queued' } })
    expect((await call('DELETE', one ?? '')).status).toBe(204)
    const unknown = { status: 404, body: { error: 'ERR_HUB_PUSH_UNKNOWN' } }
    expect(await call('GET', one ?? '')).toMatchObject(unknown)
    expect(await call('DELETE', one ?? '')).toMatchObject(unknown)
    expect(await call('DELETE', two ?? '')).toMatchObject({
      status: 409,
      body: { error: 'ERR_HUB_PUSH_GONE', message: 'the message has gone out or was settled; it cannot be taken back' },
    })
  })

  it('of a device that is none is 404', async () => {
    const { call } = await serve()
    const path = '/api/hologram/devices/zzzz'
    for (const [method, tail, body] of [
      ['POST', '/messages', { data: 'x' }],
      ['GET', '/outbox', undefined],
      ['GET', '/outbox/x', undefined],
      ['DELETE', '/outbox/x', undefined],
      ['GET', '/messages', undefined],
    ] as const) {
      expect(await call(method, path + tail, body)).toMatchObject({
        status: 404,
        body: { error: 'ERR_HUB_DEVICE_UNKNOWN' },
      })
    }
  })
})
