import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRequest, encodeMessage, encodeSms, RequestReader } from '../../src/hologram/index.ts'
import type { RequestResult } from '../../src/hologram/index.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const refusalOf = (result: RequestResult | undefined): number | undefined =>
  result && 'refusal' in result ? result.refusal : undefined
const bodyOf = (text: string): unknown => {
  const result = decodeRequest(bytesOf(text))
  return result && 'request' in result ? result.request : result
}

/** Bytes that look like requests just enough to reach every branch. */
const nearRequests = fc
  .array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\r', '\n', '\r\r', ' ', '\0', '\\u'),
      },
      { weight: 3, arbitrary: fc.constantFrom('"k":"12345678"', '"s":"1234"', '"c":"5678"', '"d":"x"', '"t":["T"]') },
      { weight: 2, arbitrary: fc.constantFrom('S12345678', '+1 ', 'CDEV1 1 2 ', 'N', 'H', 'null', '"m":"\\u0001a-1"') },
      { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
    ),
    { maxLength: 24 },
  )
  .map((parts) => bytesOf(parts.join('')))

const anyBytes = fc.oneof(nearRequests, fc.uint8Array({ maxLength: 80 }))

function readInChunks(bytes: Uint8Array, sizes: readonly number[], maxBytes?: number): RequestResult | undefined {
  const reader = new RequestReader({ maxBytes })
  let result: RequestResult | undefined
  let at = 0
  for (let turn = 0; at < bytes.length && !result; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    result = reader.push(bytes.slice(at, at + size))
    at += size
  }
  return result
}

describe('whatever comes from outside', () => {
  it('never throws and gives nothing, a request or a code from 2 to 8', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const result = decodeRequest(bytes)
        if (result === undefined) return
        if ('refusal' in result) expect(result.refusal).toSatisfy((code: number) => code >= 2 && code <= 8)
        else expect(result.size).toSatisfy((size: number) => size > 0 && size <= bytes.length)
      }),
      { numRuns: 20_000 },
    )
  })

  it('gives the same in any chunks, with any limit', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(anyBytes, sizes, fc.integer({ min: 1, max: 100 }), (bytes, chunks, maxBytes) => {
        expect(readInChunks(bytes, chunks, maxBytes)).toEqual(decodeRequest(bytes, { maxBytes }))
      }),
      { numRuns: 5_000 },
    )
  })

  it('gives the request, whatever follows it', () => {
    const request = encodeMessage({ auth: { deviceKey: '12345678' }, data: 'hi' })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (rest) => {
        expect(decodeRequest(Uint8Array.from([...request, ...rest]))).toEqual(decodeRequest(request))
      }),
    )
  })
})

describe('a round trip', () => {
  const key = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '9', '!', '~', '"', '\\'), minLength: 4, maxLength: 4 })
  const topic = fc.stringMatching(/^[A-Za-z0-9 /_-]{1,31}$/)
  const data = fc.oneof(fc.string({ unit: 'binary' }), fc.string())

  it('gives back every message', () => {
    const messages = fc.record(
      { auth: fc.record({ cloudId: key, cloudKey: key }), data, topics: fc.array(topic, { maxLength: 32 }) },
      { requiredKeys: ['auth', 'data'] },
    )
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = encodeMessage(message)
        const request = { kind: 'message', ...message }
        expect(decodeRequest(bytes)).toEqual({ request, form: 'json', size: bytes.length })
      }),
    )
  })

  it('keeps half a surrogate pair, as Python does', () => {
    const bytes = encodeMessage({ auth: { deviceKey: '12345678' }, data: 'a\ud800b' })
    expect(new TextDecoder().decode(bytes)).toContain('"a\\ud800b"')
    expect(decodeRequest(bytes)).toMatchObject({ request: { data: 'a\ud800b' } })
  })

  it('gives back every SMS that can be framed', () => {
    const bodies = fc.string({ unit: 'grapheme' }).filter((text) => !/\r\r|\n\n|\r\n\r\n|\r$/.test(text))
    fc.assert(
      fc.property(bodies, (body) => {
        const bytes = encodeSms({ auth: { cloudId: '1234', cloudKey: '5678' }, destination: '+1555', body })
        const request = { kind: 'sms', auth: { deviceKey: '12345678' }, destination: '+1555', body }
        expect(decodeRequest(bytes)).toEqual({ request, form: 'compact', size: bytes.length })
      }),
    )
  })
})

describe('the end of a request', () => {
  const message = '{"k":"12345678","d":"hi"}'

  it.each(['\r\r', '\n\n', '\r\n\r\n'])('is %j', (end) => {
    expect(decodeRequest(bytesOf(message + end))).toMatchObject({ size: message.length + end.length })
    expect(decodeRequest(bytesOf(message + end.slice(0, -1)))).toBeUndefined()
  })

  it.each(['\r\n', '\n\r', '\r', '\n', '\0\0', ' \r \r'])('is not %j', (end) => {
    expect(decodeRequest(bytesOf(message + end))).toBeUndefined()
  })

  it('of one with a one-time password is NUL NUL, so that CR CR in it ends nothing', () => {
    expect(decodeRequest(bytesOf('CDEV1 1 2 Ba\r\rb\0'))).toBeUndefined()
    expect(bodyOf('CDEV1 1 2 Ba\r\rb\0\0')).toEqual({ kind: 'one-time-password', scheme: 'totp' })
  })
})

describe('limits', () => {
  const request = encodeMessage({ auth: { deviceKey: '12345678' }, data: 'x'.repeat(100) })

  it('take a request of exactly so many bytes, and none of one more', () => {
    expect(decodeRequest(request, { maxBytes: request.length })).toMatchObject({ size: request.length })
    expect(decodeRequest(request, { maxBytes: request.length - 1 })).toMatchObject({
      refusal: 2,
      form: 'json',
      reason: `the request is longer than ${request.length - 1} bytes`,
    })
  })

  it('hold no more than one byte above them, and refuse an SMS in its own form', () => {
    const reader = new RequestReader({ maxBytes: 64 })
    let result: RequestResult | undefined
    let pushes = 0
    for (result = reader.push(bytesOf('S')); !result; result = reader.push(bytesOf('x'))) {
      expect(reader.held).toBeLessThanOrEqual(64)
      pushes++
    }
    expect(pushes).toBe(64)
    expect(result).toMatchObject({ refusal: 2, form: 'compact' })
    expect(reader.held).toBe(0)
  })

  it('are 1 MiB unless said otherwise', () => {
    expect(refusalOf(decodeRequest(new Uint8Array(1024 * 1024).fill(0x20)))).toBeUndefined()
    expect(refusalOf(decodeRequest(new Uint8Array(1024 * 1024 + 1).fill(0x20)))).toBe(2)
  })

  it('end a megabyte of brackets quickly and without a stack', () => {
    const begun = performance.now()
    const depth = 500_000
    const text = `{"k":"12345678","d":${'['.repeat(depth)}${']'.repeat(depth)}}\r\r`
    expect(refusalOf(decodeRequest(bytesOf(text)))).toBe(2)
    expect(refusalOf(decodeRequest(bytesOf(`{"k":${'['.repeat(depth)}\r\r`)))).toBe(2)
    expect(performance.now() - begun).toBeLessThan(5_000)
  })

  it('a megabyte in single bytes is looked at once, not half a million times', () => {
    const reader = new RequestReader()
    const one = bytesOf('x')
    reader.push(bytesOf('{'))
    const begun = performance.now()
    let early = 0
    for (let count = 1; count < 1024 * 1024; count++) if (reader.push(one)) early++
    expect(early).toBe(0)
    expect(performance.now() - begun).toBeLessThan(4_000)
    expect(refusalOf(reader.push(one))).toBe(2)
  })
})

describe('the reader', () => {
  it('ignores what comes after its result', () => {
    const reader = new RequestReader()
    const first = reader.push(bytesOf('{"k":"12345678","d":"1"}\r\r'))
    expect(reader.push(bytesOf('{"k":"12345678","d":"2"}\r\r'))).toBe(first)
  })

  it('does not keep the memory of its caller', () => {
    const reader = new RequestReader()
    const chunk = bytesOf('{"k":"12345678","d":"hel')
    reader.push(chunk)
    chunk.fill(0)
    expect(reader.push(bytesOf('lo"}\r\r'))).toMatchObject({ request: { data: 'hello' } })
  })

  it('takes empty chunks', () => {
    const reader = new RequestReader()
    expect(reader.push(new Uint8Array(0))).toBeUndefined()
    const chunk = bytesOf('S1234')
    reader.push(chunk)
    chunk.fill(0)
    reader.push(new Uint8Array(0))
    expect(reader.push(bytesOf('5678+1 x\r\r'))).toMatchObject({ request: { body: 'x' } })
  })

  it('never puts what a peer sent into a reason', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{12}$/), (secret) => {
        for (const text of [
          `{"k":"${secret}","d":"x"}\r\r`,
          `S${secret}`,
          `{"k":"12345678","d":"x","t":["${secret}\\n"]}\r\r`,
        ]) {
          expect(JSON.stringify(decodeRequest(bytesOf(text)) ?? {})).not.toContain(secret)
        }
      }),
    )
  })
})
