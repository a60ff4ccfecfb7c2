import { encodeFailure, requestOf } from '@halyard/wire/emitter'
import type { EmitterTopic, RequestName } from '@halyard/wire/emitter'
import { describeError } from '@halyard/core'
import type { DialectRequest, PublishPlan } from '../mqtt/dialect.ts'
import { closeGuesser } from './broker.ts'
import type { EmitterBroker, EmitterRequest, RequestAnswer } from './broker.ts'
import { principalOf } from './principal.ts'
import { answerHistory } from './requests/history.ts'
import { answerKeyban } from './requests/keyban.ts'
import { answerKeygen } from './requests/keygen.ts'
import { answerLink } from './requests/link.ts'
import { answerMe } from './requests/me.ts'
import { answerPresence } from './requests/presence.ts'

type Answerer = (broker: EmitterBroker, request: EmitterRequest) => RequestAnswer | Promise<RequestAnswer>

const ANSWERERS: Readonly<Record<RequestName, Answerer>> = {
  keygen: answerKeygen,
  keyban: answerKeyban,
  presence: answerPresence,
  link: answerLink,
  me: answerMe,
  history: answerHistory,
}

/** A PUBLISH to `emitter/<name>/`. The answer comes on its very topic, before the PUBACK. */
export function planRequest(broker: EmitterBroker, topic: EmitterTopic): PublishPlan {
  const name = requestOf(topic)
  const answerer: Answerer = name === undefined ? () => ({ refusal: 'not-found' }) : ANSWERERS[name]
  if (name !== 'link') return { kind: 'request', handle: (request) => handle(broker, request, answerer) }
  return {
    kind: 'request',
    handle: (request) => {
      // What goes through the link may be right behind it, while this answer waits for those before.
      const answer = answerLink(broker, request)
      handle(broker, request, () => answer)
    },
  }
}

function handle(broker: EmitterBroker, request: DialectRequest, answerer: Answerer): void {
  const { connection, topic, packetId } = request
  const send = (answer: RequestAnswer): void => {
    const payload = 'refusal' in answer ? encodeFailure(answer.refusal, packetId) : answer
    connection.send(topic, payload)
    request.done()
    closeGuesser(connection, broker.limits)
  }
  const fail = (error: unknown): void => {
    broker.logger.error({ err: error }, `emitter: a request could not be answered: ${describeError(error)}`)
    send({ refusal: 'server-error' })
  }
  const isTaken = principalOf(connection).inTurn(broker.limits, request.payload.length, () => {
    // Nobody reads the answers: what they would cost is saved.
    if (!connection.hasRoom) return request.done()
    try {
      const answer = answerer(broker, request)
      if (!(answer instanceof Promise)) return send(answer)
      return answer.then(send).catch(fail)
    } catch (error) {
      return fail(error)
    }
  })
  if (!isTaken) send({ refusal: 'server-error' })
}
