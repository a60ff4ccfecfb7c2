import { UsageError } from '@halyard/core'
import {
  decodeReply,
  encodeMessage,
  ERR_CONNCLOSED,
  ERR_OK,
  ERR_UNKNOWN,
  isUnknownRefusal,
  readReply,
} from '@halyard/wire/hologram'
import type { ReplyForm } from '@halyard/wire/hologram'
import { accountOf, readCredentials } from './credentials.ts'
import { requireEndpoint } from './endpoint.ts'
import type { ExchangeResult } from './exchange.ts'
import { textOf } from './message-body.ts'
import type { Service, Verdict } from './service.ts'
import type { Authentication } from './types.ts'
import { VERSION } from './version.ts'

/** A reply has five bytes; whoever answers more is not the cloud. */
const MAX_REPLY = 256

/** The modem of a program that leaves the network to its machine. */
const METADATA = `agnostic-${VERSION}`

/** The cloud socket: a frame with credentials, a reply with a code. docs/protocols/hologram.md §3, §5 */
export function hologramService(authentication: 'csrpsk' | Authentication): Service {
  const checkCredentials = (credentials: unknown): void => {
    if (authentication === 'csrpsk') readCredentials(credentials)
    else accountOf(credentials)
  }
  return {
    className: 'HologramCloud',
    kind: 'hologram.message',
    maxResponse: MAX_REPLY,
    answersAtOnce: true,
    deliveredDescription: undefined,
    checkCredentials,
    check({ credentials, endpoint }, body, topics) {
      requireEndpoint(endpoint)
      checkCredentials(credentials)
      checkTopics(topics)
      textOf(body)
    },
    destination: ({ credentials }) => `hologram:${accountOf(credentials)}`,
    request({ credentials }, bytes, { topics }) {
      const data = textOf({ bytes, text: true })
      if (authentication !== 'csrpsk') return authentication.message(data, topics)
      const auth = readCredentials(credentials)
      return encodeMessage({ auth, data, topics, metadata: 'deviceKey' in auth ? METADATA : undefined })
    },
    isComplete: (request, response) => readReply(response, formOf(request)) !== undefined,
    judge: (request, result) => judge(result, formOf(request)),
  }
}

/**
 * Checks the `authentication` of a cloud's options.
 *
 * @throws {UsageError} `ERR_HOLOGRAM_AUTHENTICATION`
 */
export function readAuthentication(authentication: unknown = 'csrpsk'): 'csrpsk' | Authentication {
  if (authentication === 'csrpsk') return authentication
  const candidate = authentication as Partial<Authentication> | null
  if (typeof candidate === 'object' && typeof candidate?.message === 'function') return candidate as Authentication
  throw new UsageError(
    'ERR_HOLOGRAM_AUTHENTICATION',
    authentication === 'totp'
      ? "this version has no authentication 'totp'; use 'csrpsk', or pass an object with the methods of Authentication"
      : `Invalid authentication type: ${String(authentication)}; use 'csrpsk', or an object with the methods of Authentication`,
  )
}

/** Topics are judged by the cloud, whose rules may change; only what cannot be topics at all is refused here. */
function checkTopics(topics: unknown): void {
  if (topics === undefined) return
  if (Array.isArray(topics) && topics.every((topic) => typeof topic === 'string')) return
  throw new UsageError('ERR_HOLOGRAM_TOPICS', "topics are an array of strings: { topics: ['TOPIC 1', 'TOPIC 2'] }")
}

/** JSON is answered in JSON, everything else in digits. docs/protocols/hologram.md §5.1 */
function formOf(request: Uint8Array): ReplyForm {
  return request[0] === 0x7b ? 'json' : 'compact'
}

/**
 * What a reply means for the message. A refusal counts also when the cloud did not wait for the whole message, an
 * acknowledgement only behind the last byte of it. Whatever else comes back, from a captive portal for instance, or
 * does not, proves nothing: the message is tried again.
 */
function judge({ written, response, problem }: ExchangeResult, form: ReplyForm): Verdict {
  const code = readReply(response, form) ?? decodeReply(response, form)
  if (code === ERR_OK && written) return { outcome: 'delivered', code }
  // The cloud saw the connection end before the message did, and so did we: that is a cut, not its judgement.
  if (code === ERR_CONNCLOSED && !written) return { outcome: 'retry', reason: 'ERR_CONNCLOSED' }
  if (code > ERR_OK) return { outcome: 'refused', code }
  if (isUnknownRefusal(response, form)) return { outcome: 'refused', code: ERR_UNKNOWN }
  if (response.length > 0) return { outcome: 'retry', reason: 'the answer is not a reply of the cloud' }
  return { outcome: 'retry', reason: problem }
}
