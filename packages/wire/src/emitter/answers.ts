import type { Problem } from './errors.ts'
import { readHistoryAnswer } from './history.ts'
import type { HistoryAnswer } from './history.ts'
import { Fields } from './json.ts'
import { readKeybanAnswer } from './keyban.ts'
import type { KeybanAnswer } from './keyban.ts'
import { readKeygenAnswer } from './keygen.ts'
import type { KeygenAnswer } from './keygen.ts'
import { readLinkAnswer } from './link.ts'
import type { LinkAnswer } from './link.ts'
import { readMeAnswer } from './me.ts'
import type { MeAnswer } from './me.ts'
import { readPresence } from './presence.ts'
import type { PresenceChange, PresenceStatus } from './presence.ts'
import { REQUEST_KEY, REQUEST_NAMES } from './requests.ts'
import type { RequestName } from './requests.ts'

interface Answering<Name extends RequestName, Body> {
  readonly kind: 'answer'
  readonly to: Name
  /** The packet id of the request; 0 if it was sent with QoS 0, or the broker is an old one. */
  readonly req: number
  readonly body: Body
}

export type Answer =
  | Answering<'keygen', KeygenAnswer>
  | Answering<'keyban', KeybanAnswer>
  | Answering<'presence', PresenceStatus>
  | Answering<'link', LinkAnswer>
  | Answering<'me', MeAnswer>
  | Answering<'history', HistoryAnswer>

/** What the broker says on its own topics. */
export type BrokerMessage =
  | Answer
  /** Nobody asked; it may come at any time after a request for changes. */
  | { readonly kind: 'presence-change'; readonly body: PresenceChange }
  | {
      readonly kind: 'failure'
      /** `error`: of a publish, subscribe or unsubscribe. Also the name of a request that nobody knows. */
      readonly to: string
      readonly req: number
      readonly status: number
      readonly message: string
    }

/**
 * What a broker, old or new, says on one of its own topics: `undefined` if the topic is none of them (`emitterx/` is an
 * ordinary channel), a problem if the payload cannot be understood. Never throws.
 *
 * Whoever may write to a channel `emitter/…` can send the same: an answer counts when its `req` is waited for.
 *
 * @example
 * ```ts
 * import { decodeBrokerMessage } from '@halyard/wire/emitter'
 * const payload = new TextEncoder().encode('{"req":7,"status":200,"id":"WQJFA2XWKFYVMMVEKMZMYTKEFI"}')
 * const said = decodeBrokerMessage('emitter/me/', payload)
 * if (said && 'kind' in said && said.kind === 'answer' && said.to === 'me') console.log(said.req, said.body.id) // 7 WQJFA2XWKFYVMMVEKMZMYTKEFI
 * ```
 */
export function decodeBrokerMessage(topic: string, payload: Uint8Array): BrokerMessage | Problem | undefined {
  const to = brokerTopic(topic)
  if (to === undefined) return undefined
  const fields = Fields.read(payload)
  if (!fields) return { problem: 'the broker answered something else than a JSON object' }
  const said = readMessage(to, fields)
  if (said && !fields.wrong) return said
  return { problem: `the broker's answer on emitter/${to}/ has members of another type, or none that we know` }
}

/** `keygen` of `emitter/keygen/` and of `emitter/keygen/?req=1`: answers come on the topic of the request. */
function brokerTopic(topic: string): string | undefined {
  if (!topic.startsWith(`${REQUEST_KEY}/`)) return undefined
  const end = topic.indexOf('?')
  const path = end < 0 ? topic : topic.slice(0, end)
  return path.endsWith('/') ? path.slice(REQUEST_KEY.length + 1, -1) : undefined
}

function readMessage(to: string, fields: Fields): BrokerMessage | undefined {
  const req = fields.number('req')
  const status = fields.number('status')
  // Old brokers leave `status` out where they succeed, never where they fail.
  if (fields.has('status') && status !== 200) {
    return { kind: 'failure', to, req, status, message: fields.text('message') }
  }
  const name = REQUEST_NAMES.find((known) => known === to)
  return name && readAnswer(name, req, fields)
}

function readAnswer(to: RequestName, req: number, fields: Fields): BrokerMessage | undefined {
  const answer = <Name extends RequestName, Body>(
    to: Name,
    body: Body | undefined,
  ): Answering<Name, Body> | undefined => body && { kind: 'answer', to, req, body }
  if (to === 'keygen') return answer(to, readKeygenAnswer(fields))
  if (to === 'keyban') return answer(to, readKeybanAnswer(fields))
  if (to === 'link') return answer(to, readLinkAnswer(fields))
  if (to === 'me') return answer(to, readMeAnswer(fields))
  if (to === 'history') return answer(to, readHistoryAnswer(fields))
  const body = readPresence(fields)
  if (body === undefined || body.event === 'status') return answer(to, body)
  return { kind: 'presence-change', body }
}
