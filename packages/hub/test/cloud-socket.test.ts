import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HubMessage } from '../src/domain/message.ts'
import { open, send, startHub } from './support.ts'

const text = (message: HubMessage | undefined): string => new TextDecoder().decode(message?.payload)

describe('every form of a message is answered in its own form', () => {
  it.each([
    ['v0.1 without topics', (s: string, c: string) => `{"s": "${s}", "c": "${c}", "d": "hi"}\r\r`, '', 'hi'],
    [
      'v0.3 with topics',
      (s: string, c: string) => `{"d": "hi", "s": "${s}", "c": "${c}", "t": ["TOPIC 1", "T2"]}\r\r`,
      'TOPIC 1,T2',
      'hi',
    ],
    ['one topic as a text', (s: string, c: string) => `{"d": "x", "s": "${s}", "c": "${c}", "t": "T1"}\r\r`, 'T1', 'x'],
    ['an empty list of topics', (s: string, c: string) => `{"d": "x", "s": "${s}", "c": "${c}", "t": []}\r\r`, '', 'x'],
    [
      'the device key with metadata',
      (s: string, c: string) => `{"k": "${s}${c}", "m": "\\u0001agnostic-0.9.1", "t": ["A"], "d": "ü"}\r\r`,
      'A',
      'ü',
    ],
    [
      'the long names',
      (s: string, c: string) => `{"devicekey":"${s}${c}","data":"long","tags":["A","B"]}\n\n`,
      'A,B',
      'long',
    ],
    ['CR LF CR LF', (s: string, c: string) => `{"s":"${s}","c":"${c}","d":"crlf"}\r\n\r\n`, '', 'crlf'],
    ['an empty text', (s: string, c: string) => `{"s": "${s}", "c": "${c}", "d": ""}\r\r`, '', ''],
    [
      'escapes',
      (s: string, c: string) => `{"s": "${s}", "c": "${c}", "d": "h\\u00e9 \\ud83d\\ude00\\r\\r"}\r\r`,
      '',
      'hé 😀\r\r',
    ],
    [
      'a list',
      (s: string, c: string) => `{"s": "${s}", "c": "${c}", "d": ["m1", {"a": 1}]}\r\r`,
      '',
      '["m1", {"a": 1}]',
    ],
    ['a number', (s: string, c: string) => `{"s": "${s}", "c": "${c}", "d": 21.5}\r\r`, '', '21.5'],
    [
      'a number with more digits than JavaScript has',
      (s: string, c: string) => `{"s": "${s}", "c": "${c}", "d": [12345678901234567890, 1.10]}\r\r`,
      '',
      '[12345678901234567890, 1.10]',
    ],
  ])('%s', async (_name, request, channel, payload) => {
    const { hub, port, id, key } = await startHub()
    const live = hub.messages()
    expect(await send(port, request(id, key))).toBe('[0,0]')
    const { value } = await live.next()
    expect(value).toMatchObject({ service: 'hologram', account: id, channel, direction: 'in' })
    expect(text(value)).toBe(payload)
    expect(Object.keys(value ?? {}).sort()).toEqual([
      'account',
      'channel',
      'direction',
      'id',
      'payload',
      'receivedAt',
      'service',
    ])
  })

  it('an SMS, which is kept', async () => {
    const { hub, port, id, key } = await startHub()
    const live = hub.messages({ channel: 'sms:+11234567890' })
    expect(await send(port, `S${id}${key}+11234567890 Hello, Python!\r\r`)).toBe('00')
    const { value } = await live.next()
    expect(value).toMatchObject({ account: id, channel: 'sms:+11234567890' })
    expect(text(value)).toBe('Hello, Python!')
  })
})

describe('what is wrong gets its code', () => {
  it.each([
    ['no JSON', () => 'garbage\r\r', '[5,0]'],
    ['half an object', () => '{"s": \r\r', '[2,0]'],
    ['an object without keys', () => '{}\r\r', '[3,0]'],
    ['an unknown account', () => '{"s": "zzzz", "c": "5678", "d": "x"}\r\r', '[3,0]'],
    ['a wrong key', (s: string) => `{"s": "${s}", "c": "!!!!", "d": "x"}\r\r`, '[3,0]'],
    ['a short key', (s: string) => `{"s": "${s}", "c": "56", "d": "x"}\r\r`, '[3,0]'],
    [
      'both forms of keys',
      (s: string, c: string) => `{"s": "${s}", "c": "${c}", "k": "${s}${c}", "d": "x"}\r\r`,
      '[3,0]',
    ],
    ['short and long names', (s: string, c: string) => `{"k": "${s}${c}", "data": "x"}\r\r`, '[2,0]'],
    ['no data', (s: string, c: string) => `{"s": "${s}", "c": "${c}"}\r\r`, '[4,0]'],
    ['bad metadata', (s: string, c: string) => `{"k": "${s}${c}", "m": "x", "d": "x"}\r\r`, '[7,0]'],
    [
      'a topic that is no text',
      (s: string, c: string) => `{"s": "${s}", "c": "${c}", "t": [1], "d": "x"}\r\r`,
      '[8,0]',
    ],
    [
      'a topic that is too long',
      (s: string, c: string) => `{"s": "${s}", "c": "${c}", "t": ["${'t'.repeat(32)}"], "d": "x"}\r\r`,
      '[8,0]',
    ],
    ['an SMS with a wrong key', (s: string) => `S${s}!!!!+1 x\r\r`, '30'],
    ['an SMS without a number', (s: string, c: string) => `S${s}${c}\r\r`, '20'],
    ['HOTP and TOTP', () => 'CDEV1 1485000000 788925 TA\0Bhello\0\0', '50'],
    ['the SIM', () => 'H8944 1485000000 token Bhello\0\0', '50'],
    ['a nonce', () => 'N', '50'],
    ['HTTP', () => 'GET / HTTP/1.1\r\n\r\n', '[5,0]'],
  ])('%s', async (_name, request, answer) => {
    const { hub, port, id, key } = await startHub()
    const live = hub.messages()
    expect(await send(port, request(id, key))).toBe(answer)
    await hub.close()
    expect((await live.next()).done).toBe(true)
  })

  it('a request that ends in the middle gets code 1, in its form', async () => {
    const { port } = await startHub()
    const message = await open(port, { allowHalfOpen: true })
    message.socket.end('{"s": "12')
    expect(await message.answer).toBe('[1,0]')
    const sms = await open(port, { allowHalfOpen: true })
    sms.socket.end('S1234')
    expect(await sms.answer).toBe('10')
  })

  it('shows no key in a log, whatever was sent', async () => {
    const { hub, port, log, id, key } = await startHub()
    for (const wrong of [
      `{"s": "${id}", "c": "SeCr", "d": "x"}\r\r`,
      `{"s": "${id}", "c": "SeCr", "d": \r\r`,
      `S${id}SeCrx\r\r`,
    ]) {
      await send(port, wrong)
    }
    await send(port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`)
    await hub.close()
    const everything = log.lines.map((line) => `${line.message} ${JSON.stringify(line.object)}`).join('\n')
    expect(everything).not.toContain('SeCr')
    expect(everything).not.toContain(`${id}${key}`)
    expect(everything).not.toContain(`"${key}"`)
  })
})

describe('the bytes may come as they like', () => {
  it('one by one', async () => {
    const { port, id, key } = await startHub()
    const { socket, answer } = await open(port, { noDelay: true })
    for (const byte of Buffer.from(`{"s": "${id}", "c": "${key}", "d": "slow", "t": ["A"]}\r\r`)) {
      await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve))
    }
    expect(await answer).toBe('[0,0]')
  })

  it('with the FIN right behind them: the answer still comes', async () => {
    const { port, id, key } = await startHub()
    const { socket, answer } = await open(port, { allowHalfOpen: true })
    socket.end(`{"s": "${id}", "c": "${key}", "d": "half"}\r\r`)
    expect(await answer).toBe('[0,0]')
  })

  it('two requests in one connection: the first is answered, the connection ends', async () => {
    const { hub, port, id, key } = await startHub()
    const live = hub.messages()
    const one = `{"s": "${id}", "c": "${key}", "d": "one"}\r\r`
    expect(await send(port, one + one.replace('one', 'two'))).toBe('[0,0]')
    await hub.close()
    expect(text((await live.next()).value)).toBe('one')
    expect((await live.next()).done).toBe(true)
  })

  it('even nonsense, whole or cut: there is an answer or an end, and the hub goes on', async () => {
    const { port, id, key } = await startHub({ config: '{ hologram: { limits: { authFailuresPerAddress: 100000 } } }' })
    const valid = `{"s": "${id}", "c": "${key}", "d": {"a": [1, "\\u00fc"]}, "t": ["A"]}\r\r`
    const mangled = fc
      .tuple(fc.nat({ max: valid.length }), fc.uint8Array({ maxLength: 8 }), fc.nat({ max: valid.length }))
      .map(([at, bytes, to]) => Buffer.concat([Buffer.from(valid.slice(0, at)), bytes, Buffer.from(valid.slice(to))]))
    const stranger = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(fc.oneof(mangled, stranger), async (bytes) => {
        const { socket, answer } = await open(port, { allowHalfOpen: true })
        socket.end(bytes)
        expect(await answer).toMatch(/^(\[[0-8],0\]|[0-8]0|)$/)
      }),
      { numRuns: 300 },
    )
    expect(await send(port, valid)).toBe('[0,0]')
  })

  it('half a megabyte', async () => {
    const { hub, port, id, key } = await startHub()
    const live = hub.messages()
    const payload = 'x'.repeat(512 * 1024)
    expect(await send(port, `{"s": "${id}", "c": "${key}", "d": "${payload}"}\r\r`)).toBe('[0,0]')
    expect(text((await live.next()).value)).toBe(payload)
  })
})
