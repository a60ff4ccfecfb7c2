import { UsageError } from '@halyard/core'
import { decodeReply, ERR_CONNCLOSED, ERR_OK, ERR_UNKNOWN, isUnknownRefusal, readReply } from '@halyard/wire/hologram'
import type { ReplyForm } from '@halyard/wire/hologram'
import { csrpsk } from './authentication.ts'
import { accountOf, readCredentials } from './credentials.ts'
import { requireEndpoint } from './endpoint.ts'
import type { ExchangeResult } from './exchange.ts'
import { textOf } from './message-body.ts'
import type { Account, MessageKind, Service, Verdict } from './service.ts'
import { checkSms, concernOfSms } from './sms.ts'
import type { Authentication } from './types.ts'

/** A reply has five bytes; whoever answers more is not the cloud. */
const MAX_REPLY = 256

/** A service that takes SMS. */
export interface HologramService extends Service {
  readonly sms: MessageKind
}

/** The cloud socket: a frame with credentials, a reply with a code. docs/protocols/hologram.md §3 to §5 */
export function hologramService(authentication: 'csrpsk' | Authentication): HologramService {
  const authenticate = ({ credentials }: Account): Authentication =>
    authentication === 'csrpsk' ? csrpsk(() => credentials) : authentication
  const checkCredentials = (credentials: unknown): void => {
    if (authentication === 'csrpsk') readCredentials(credentials)
    else accountOf(credentials)
  }
  const message: MessageKind = {
    name: 'hologram.message',
    atMostOnce: false,
    check(body, { topics }) {
      checkTopics(topics)
      textOf(body)
    },
    request: (account, bytes, { topics }) => authenticate(account).message(textOf({ bytes, text: true }), topics),
    isComplete,
    judge: (request, result) => judge(result, formOf(request)),
  }
  const sms: MessageKind = {
    name: 'hologram.sms',
    atMostOnce: true,
    check: (body, { destination }) => checkSms(destination, textOf(body)),
    concern: (body) => concernOfSms(textOf(body)),
    request: (account, bytes, { destination = '' }) =>
      authenticate(account).sms(destination, textOf({ bytes, text: true })),
    isComplete,
    judge: (request, result) => judgeOnce(result, formOf(request)),
  }
  return {
    className: 'HologramCloud',
    listens: true,
    message,
    sms,
    maxResponse: MAX_REPLY,
    answersAtOnce: true,
    deliveredDescription: undefined,
    checkCredentials,
    checkAccount({ credentials, endpoint }) {
      requireEndpoint(endpoint)
      checkCredentials(credentials)
    },
    destination: ({ credentials }) => `hologram:${accountOf(credentials)}`,
  }
}

/** Topics are judged by the cloud, whose rules may change; only what cannot be topics at all is refused here. */
function checkTopics(topics: unknown): void {
  if (topics === undefined) return
  if (Array.isArray(topics) && topics.every((topic) => typeof topic === 'string')) return
  throw new UsageError('ERR_HOLOGRAM_TOPICS', "topics are an array of strings: { topics: ['TOPIC 1', 'TOPIC 2'] }")
}

function isComplete(request: Uint8Array, response: Uint8Array): boolean {
  return readReply(response, formOf(request)) !== undefined
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

/**
 * The same for what must not arrive twice. Once all of it may have left, the cloud may have taken it: without a usable
 * answer that stays unknown, and it is not tried again.
 */
function judgeOnce(result: ExchangeResult, form: ReplyForm): Verdict {
  const { written, handed, end } = result
  const mayHaveLeft = written || (handed && end !== 'failed')
  const verdict = judge({ ...result, written: mayHaveLeft }, form)
  if (verdict.outcome !== 'retry' || !mayHaveLeft) return verdict
  const description = `The SMS may have been sent and is not sent again: ${verdict.reason}.`
  return { outcome: 'refused', code: ERR_UNKNOWN, description }
}
