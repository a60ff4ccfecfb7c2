import { loadVectors, runVectors } from '@halyard/testkit'
import type { Decoded, Vector, VectorFile } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import {
  decodeReply,
  decodeRequest,
  encodeMessage,
  encodeReply,
  encodeSms,
  readReply,
  RequestReader,
  writePythonJson,
} from '../../src/hologram/index.ts'
import type { HologramRequest, JsonValue, ReplyCode, ReplyForm, RequestResult } from '../../src/hologram/index.ts'

const load = <Message>(name: string): VectorFile<Message> =>
  loadVectors<Message>(new URL(`../../../../vectors/hologram/${name}.json`, import.meta.url))
const frame = { describe, it }

const outcome = (result: RequestResult | undefined): Decoded<HologramRequest> | undefined => {
  if (!result) return undefined
  return 'refusal' in result ? { code: result.refusal } : { message: result.request, size: result.size }
}

const requests = {
  encode: (request: HologramRequest): Uint8Array => {
    if (request.kind === 'message') return encodeMessage(request)
    if (request.kind === 'sms') return encodeSms(request)
    throw new Error('requests with a one-time password are not written')
  },
  decode: (bytes: Uint8Array) => outcome(decodeRequest(bytes)),
  open: () => {
    const reader = new RequestReader()
    return (chunk: Uint8Array) => outcome(reader.push(chunk))
  },
}

for (const name of ['messages', 'sms', 'one-time-passwords', 'refusals']) {
  runVectors(load<HologramRequest>(name), requests, frame)
}

interface Reply {
  readonly code: ReplyCode
  readonly form: ReplyForm
}

const replies = load<Reply>('replies')
for (const form of ['json', 'compact'] as const) {
  const vectors = replies.vectors.filter((vector) => vector.message?.form === form)
  runVectors(
    { about: `${replies.about} (${form})`, vectors },
    {
      encode: (reply) => encodeReply(reply.code, reply.form),
      decode: (bytes) => {
        const code = readReply(bytes, form)
        return code === undefined ? undefined : { message: { code, form }, size: bytes.length }
      },
    },
    frame,
  )
}

describe('the whole answer of a service', () => {
  for (const { name, hex, message } of load<Reply>('reply-ends').vectors) {
    it(name, () => {
      expect(decodeReply(Buffer.from(hex, 'hex'), message?.form ?? 'json')).toBe(message?.code)
    })
  }
})

runVectors(
  load<JsonValue>('python-json'),
  { encode: (value) => new TextEncoder().encode(writePythonJson(value)) },
  frame,
)

describe('the reply form of a refusal', () => {
  for (const vector of load('refusals').vectors as readonly (Vector<unknown> & { form: ReplyForm })[]) {
    it(vector.name, () => {
      const result = decodeRequest(Buffer.from(vector.hex, 'hex'))
      expect(result?.form).toBe(vector.form)
      expect(result && 'reason' in result && result.reason).toMatch(/^[\x20-\x7e]{10,}$/)
    })
  }
})
