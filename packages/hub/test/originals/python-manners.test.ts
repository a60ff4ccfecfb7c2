/** The hub against the manners of the original SDKs: what they wait for, what they leave out, what they repeat. */
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { open, send, until } from '../support.ts'
import type { TestHub } from '../support.ts'
import { exchange, withPauses } from './python-socket.ts'
import { recordedHub } from './recorded-hub.ts'

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1')
/** As 0.1.1 and 0.3.0 write it. */
const message = (data: string, topics?: string): Uint8Array =>
  ascii(
    topics === undefined
      ? `{"s": "1234", "c": "5678", "d": "${data}"}\r\r`
      : `{"d": "${data}", "s": "1234", "c": "5678", "t": ${topics}}\r\r`,
  )

const limits = (text: string): string => `{ hologram: { limits: { ${text} } } }`

async function connections({ hub }: TestHub): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${hub.ports.front}/health`)
  const { services } = (await response.json()) as { services: { hologram: { connections: number } } }
  return services.hologram.connections
}

describe('a client that reads until the end of the stream', () => {
  it.each([
    ['0.1.1 and 0.3.0: however much comes', Infinity],
    ['0.9.1: at most 1024 bytes', 1024],
  ])('does not wait for its timeout, because the hub closes: %s', async (_version, maxAnswer) => {
    const { port } = await recordedHub('1234', '5678')
    expect(await exchange(port, message('hi'), { maxAnswer })).toMatchObject({ answer: '[0,0]', end: 'closed' })
  })

  it('is answered behind its last byte, however long the network took for the others', async () => {
    const hub = await recordedHub('1234', '5678')
    const result = await exchange(hub.port, message('slow'), { delivery: withPauses(400) })
    expect(result).toMatchObject({ answer: '[0,0]', end: 'closed' })
    expect(result.seconds).toBeGreaterThan(0.79)
    expect(await hub.history()).toEqual(['1234 : slow'])
  })
})

describe('a client that waits in silence', () => {
  it('for an answer to half a message goes after its timeout; nothing is kept, and the next one is served', async () => {
    const hub = await recordedHub('1234', '5678')
    const half = await exchange(hub.port, message('hi').subarray(0, 20), { timeout: 1 })
    expect(half).toMatchObject({ answer: '', end: 'silence' })
    expect(half.seconds).toBeGreaterThanOrEqual(0.99)
    expect((await exchange(hub.port, message('next'))).answer).toBe('[0,0]')
    await until('the hub forgot the first one', async () => (await connections(hub)) === 0)
    expect(await hub.history()).toEqual(['1234 : next'])
  })

  it('longer than the hub does is closed without an answer: its timeout is an empty answer too', async () => {
    const hub = await recordedHub('1234', '5678', limits('idleTimeout: 0.2'))
    const half = await exchange(hub.port, message('hi').subarray(0, 20), { timeout: 5 })
    expect(half).toMatchObject({ answer: '' })
    expect(half.end).not.toBe('silence')
    expect(await hub.history()).toEqual([])
  })
})

describe('a client that does not close', () => {
  it('or never reads keeps its message in the hub, and the hub lets go of it', async () => {
    const hub = await recordedHub('1234', '5678', limits('lingerTimeout: 0.2'))
    const { socket } = await open(hub.port, { allowHalfOpen: true })
    socket.pause()
    socket.write(message('unread'))
    await until('it is kept', () => hub.seen.length === 1)
    await until('the hub let go', async () => (await connections(hub)) === 0)
    expect(await hub.history()).toEqual(['1234 : unread'])
  })

  it('and has its answer goes on reading: it gets the end of the stream behind it', async () => {
    const hub = await recordedHub('1234', '5678')
    const { socket, received } = await open(hub.port, { allowHalfOpen: true })
    socket.write(message('open'))
    await once(socket, 'end')
    expect(received()).toBe('[0,0]')
  })
})

describe('what one send() call of the original leaves behind', () => {
  it('of a long message is a part, which is not taken for the message', async () => {
    const hub = await recordedHub('1234', '5678')
    const part = message('x'.repeat(900_000)).subarray(0, 400_000)
    expect(await exchange(hub.port, part, { timeout: 0.5 })).toMatchObject({ answer: '', end: 'silence' })
    expect(await hub.history()).toEqual([])
  })

  it('of a million bytes is all of it (as watched with 0.3.0)', async () => {
    const hub = await recordedHub('1234', '5678')
    const payload = 'x'.repeat(1_000_000)
    expect((await exchange(hub.port, message(payload))).answer).toBe('[0,0]')
    expect(await hub.history()).toEqual([`1234 : ${payload}`])
  })

  it('of twenty million is refused as soon as it is too long, while it is still being sent', async () => {
    const hub = await recordedHub('1234', '5678')
    const { answer } = await exchange(hub.port, message('x'.repeat(20_000_000)))
    expect(answer).toBe('[2,0]')
    expect(await hub.history()).toEqual([])
  })
})

describe('what the original repeats is kept as it was sent: nothing on the wire says that it was not meant', () => {
  it('topics that leak from one message into the next (TV 10)', async () => {
    const hub = await recordedHub('1234', '5678')
    for (const [data, topics] of [['a', '["T1"]'] as const, ['b', '["T1"]'] as const, ['c', '["T2"]'] as const]) {
      expect((await exchange(hub.port, message(data, topics))).answer).toBe('[0,0]')
    }
    expect(await hub.history()).toEqual(['1234 T1: a', '1234 T1: b', '1234 T2: c'])
  })

  it('what was buffered: without topics, and all of it again at the next connect (TV 23, 24)', async () => {
    const hub = await recordedHub('1234', '5678')
    const buffered = ['one!', 'two!', 'three!']
    for (const data of [...buffered, ...buffered]) await exchange(hub.port, message(data))
    expect(await hub.history()).toEqual([...buffered, ...buffered].map((data) => `1234 : ${data}`))
  })

  it('an SMS that was buffered: it comes as a message with the frame of the SMS inside', async () => {
    const hub = await recordedHub('1234', '5678')
    await exchange(hub.port, message('S12345678+1 hi\\r\\r'))
    expect(await hub.history()).toEqual(['1234 : S12345678+1 hi\r\r'])
  })
})

describe('one-time passwords are refused in the form that their senders read', () => {
  it('a nonce is not given out: the SDK gets 50 and the end, and its token behind it is not read', async () => {
    const hub = await recordedHub('1234', '5678')
    const { socket, answer } = await open(hub.port, { allowHalfOpen: true })
    // 0.5.21 and later leave the connection open and send the message on it.
    socket.write('N')
    await once(socket, 'end')
    socket.end(ascii('H89445020000123456789 1795167811 token TT1\0Bhello\0\0'))
    expect(await answer).toBe('50')
    expect(await hub.history()).toEqual([])
  })

  it('TOTP with metadata, as python-sdk-auth frames it', async () => {
    const hub = await recordedHub('1234', '5678')
    const totp = ascii('C89445020000123456789 1795167811 639659 M\x01nova_u201-0.9.1\0TT1\0Bhello\0\0')
    expect(await exchange(hub.port, totp)).toMatchObject({ answer: '50', end: 'closed' })
    expect(await hub.history()).toEqual([])
  })
})

/** What each version makes of the answer to a message. */
const READERS: Readonly<Record<string, (answer: string) => number>> = {
  '0.1.0, the second character': (answer) => Number(answer.charAt(1)),
  '0.1.1 and later, the first element': (answer) => Number((JSON.parse(answer) as number[])[0]),
}

describe('what the hub answers is what the original can read', () => {
  const codes: readonly (readonly [code: number, request: string])[] = [
    [0, '{"s": "1234", "c": "5678", "d": "x"}\r\r'],
    [2, '{"s": "1234", \r\r'],
    [3, '{"s": "1234", "c": "0000", "d": "x"}\r\r'],
    [4, '{"s": "1234", "c": "5678", "d": null}\r\r'],
    [5, 'hello'],
    [7, '{"k": "12345678", "m": "agnostic", "d": "x"}\r\r'],
    [8, '{"k": "12345678", "t": [""], "d": "x"}\r\r'],
  ]

  it.each(codes)('code %i of a message', async (code, request) => {
    const { port } = await recordedHub('1234', '5678')
    const answer = await send(port, request)
    for (const [version, read] of Object.entries(READERS)) expect([version, read(answer)]).toEqual([version, code])
  })

  it.each([
    [0, 'S12345678+11234567890 x\r\r'],
    [2, 'S12345678 x\r\r'],
    [3, 'S12340000+11234567890 x\r\r'],
  ])('code %i of an SMS: every character is a digit, of which the first counts', async (code, request) => {
    const { port } = await recordedHub('1234', '5678')
    const answer = await send(port, request)
    expect(answer).toMatch(/^\d\d$/)
    expect(Number(answer.charAt(0))).toBe(code)
  })
})
