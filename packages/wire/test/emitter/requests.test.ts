import { runVectors } from '@halyard/testkit'
import type { Decoded, Vector } from '@halyard/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as emitter from '../../src/emitter/index.ts'
import type { BrokerMessage, FailureName, Refusal, RequestName } from '../../src/emitter/index.ts'
import { good, hex, rows } from './load.ts'

interface RequestRow extends Vector<{ readonly to: RequestName; readonly startFromId?: string }> {
  /** Of what is refused. */
  readonly to?: RequestName
}

const DECODERS = {
  keygen: emitter.decodeKeygenRequest,
  keyban: emitter.decodeKeybanRequest,
  presence: emitter.decodePresenceRequest,
  link: emitter.decodeLinkRequest,
  history: emitter.decodeHistoryRequest,
} as const
type Asked = keyof typeof DECODERS

/** As the vectors have it: bytes as hex, nothing that is undefined. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, member: unknown) => (member instanceof Uint8Array ? hex(member) : member)))

const decode = (to: Asked, bytes: Uint8Array): Decoded<never> => {
  const result = DECODERS[to](bytes) as object | Refusal
  if ('refusal' in result) return { code: result.refusal }
  return { message: { to, ...(plain(result) as object) } as never, size: bytes.length }
}

const encode = (message: { readonly to: RequestName; readonly startFromId?: string }): Uint8Array => {
  const request = message as never
  if (message.to === 'keygen') return emitter.encodeKeygenRequest(request)
  if (message.to === 'keyban') return emitter.encodeKeybanRequest(request)
  if (message.to === 'presence') return emitter.encodePresenceRequest(request)
  if (message.to === 'link') return emitter.encodeLinkRequest(request)
  const startFromId = message.startFromId === undefined ? undefined : Buffer.from(message.startFromId, 'hex')
  return emitter.encodeHistoryRequest({ ...(request as emitter.HistoryRequest), startFromId })
}

const requests = rows('requests') as readonly RequestRow[]
for (const to of Object.keys(DECODERS) as Asked[]) {
  runVectors(
    { about: `requests on emitter/${to}/`, vectors: requests.filter((row) => (row.to ?? row.message?.to) === to) },
    // Where a payload ends, its packet says: a beginning of one is refused, not waited for.
    { encode, decode: (bytes) => decode(to, bytes), selfDelimiting: false },
    { describe, it },
  )
}

interface AnswerRow extends Vector<BrokerMessage> {
  readonly topic: string
}

const failureName = (status: number, message: string): FailureName => {
  const names = Object.keys(emitter.FAILURES) as FailureName[]
  return names.find((n) => emitter.FAILURES[n].status === status && emitter.FAILURES[n].message === message)!
}

const answer = (said: BrokerMessage): Uint8Array => {
  if (said.kind === 'failure') return emitter.encodeFailure(failureName(said.status, said.message), said.req)
  if (said.kind === 'presence-change') return emitter.encodePresenceChange(said.body)
  const { to, req, body } = said
  if (to === 'keygen') return emitter.encodeKeygenAnswer(body, req)
  if (to === 'keyban') return emitter.encodeKeybanAnswer(body, req)
  if (to === 'link') return emitter.encodeLinkAnswer(body, req)
  if (to === 'me') return emitter.encodeMeAnswer(body, req)
  if (to === 'presence') {
    return body.channel === '' ? emitter.encodePresenceDone(req) : emitter.encodePresenceStatus(body, req)
  }
  const bytes = (text: unknown): Uint8Array => Buffer.from(text as string, 'hex')
  const messages = body.messages.map((m) => ({ ...m, id: bytes(m.id), payload: bytes(m.payload) }))
  return emitter.encodeHistoryAnswer({ messages }, req)
}

const answers = rows('answers') as readonly AnswerRow[]
for (const topic of new Set(answers.map((row) => row.topic))) {
  runVectors(
    { about: `answers on ${topic}`, vectors: answers.filter((row) => row.topic === topic) },
    {
      encode: answer,
      decode: (bytes) => {
        const said = emitter.decodeBrokerMessage(topic, bytes)
        if (!said || 'problem' in said) return undefined
        return { message: plain(said) as BrokerMessage, size: bytes.length }
      },
      selfDelimiting: false,
    },
    { describe, it },
  )
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('what a broker says', () => {
  it('on a channel of somebody else is not looked at', () => {
    for (const topic of ['emitterx/', 'a/emitter/', 'emitter', 'emitter/keygen', '']) {
      expect(emitter.decodeBrokerMessage(topic, utf8('{}'))).toBeUndefined()
    }
  })
  it('may be something that nobody understands', () => {
    const told = (topic: string, text: string): unknown => emitter.decodeBrokerMessage(topic, utf8(text))
    expect(told('emitter/me/', 'hello')).toEqual({
      problem: 'the broker answered something else than a JSON object',
    })
    for (const [topic, text] of [
      ['emitter/keygen/', '{"status":200}'],
      ['emitter/keygen/', '{"status":"200","key":"K"}'],
      ['emitter/keyban/', '{"status":200}'],
      ['emitter/link/', '{"status":200,"name":1}'],
      ['emitter/link/', '{"status":200}'],
      ['emitter/me/', '{"status":200}'],
      ['emitter/me/', '{"id":"a","links":[]}'],
      ['emitter/me/', '{"id":"a","links":{"a0":5}}'],
      ['emitter/presence/', '{"status":200}'],
      ['emitter/presence/', '{"event":"status","who":{}}'],
      ['emitter/presence/', '{"event":"status","who":[{"id":5}]}'],
      ['emitter/presence/', '{"event":"status","who":["a"]}'],
      ['emitter/presence/', '{"event":"subscribe","who":[]}'],
      ['emitter/presence/', '{"event":"subscribe"}'],
      ['emitter/history/', '{"messages":[{"id":"?"}]}'],
      ['emitter/history/', '{"messages":5}'],
      ['emitter/error/', '{"status":200}'],
      ['emitter/nothing/', '{}'],
    ] as const) {
      expect(told(topic, text), text).toEqual({ problem: expect.stringContaining(topic) })
    }
  })
  it('never throws at whoever reads it', () => {
    const json = fc.json({ maxDepth: 3 })
    const members = fc.record(
      {
        req: fc.jsonValue(),
        status: fc.jsonValue(),
        who: fc.jsonValue(),
        messages: fc.jsonValue(),
        event: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    const texts = fc.oneof(
      json,
      members.map((m) => JSON.stringify(m)),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.constantFrom(...emitter.REQUEST_NAMES), texts, (name, text) => {
        const payload = utf8(text)
        emitter.decodeBrokerMessage(emitter.requestTopic(name), payload)
        if (name !== 'me') DECODERS[name](payload)
      }),
      { numRuns: 1500 },
    )
  })
  it('escapes what the original escapes', () => {
    const bytes = emitter.encodeLinkAnswer({ name: 'a', channel: '<&>\u2028\u2029"\\ü' }, 0)
    const text = new TextDecoder().decode(bytes)
    expect(text).toBe(String.raw`{"status":200,"name":"a","channel":"\u003c\u0026\u003e\u2028\u2029\"\\ü"}`)
  })
  it('leaves out what is empty', () => {
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
    expect(text(emitter.encodeMeAnswer({ id: 'I', links: {} }, 0))).toBe('{"status":200,"id":"I"}')
    const change = { event: 'subscribe', time: 1, channel: 'a/', who: { id: 'I', username: '' } } as const
    expect(text(emitter.encodePresenceChange(change))).not.toContain('username')
  })
})

describe('failures', () => {
  it('have the texts that clients know', () => {
    expect(Object.values(emitter.FAILURES).map(({ status }) => status)).toEqual([
      ...[400, 400, 400, 400, 401, 401, 402, 403, 404, 500, 501],
    ])
    for (const [name, { status, message }] of Object.entries(emitter.FAILURES)) {
      const bytes = emitter.encodeFailure(name as FailureName, 5)
      expect(new TextDecoder().decode(bytes)).toBe(`{"req":5,"status":${status},"message":"${message}"}`)
    }
  })
})

describe('the topic of a request', () => {
  it('has one segment behind emitter, in lower case', () => {
    const asked = (topic: string): unknown => emitter.requestOf(good(emitter.parseTopic(topic)))
    for (const name of emitter.REQUEST_NAMES) expect(asked(emitter.requestTopic(name))).toBe(name)
    expect(asked('emitter/me/?req=13')).toBe('me')
    for (const topic of ['emitter/keygen/x/', 'emitter/Keygen/', 'Emitter/keygen/', 'emitter/nothing/', 'emitter/+/']) {
      expect(asked(topic)).toBeUndefined()
    }
  })
})
