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
  // What goes through a link may be right behind it, while its answer waits for those before.
  const isAtOnce = name === 'link'
  return { kind: 'request', handle: (request) => handle(broker, request, answerer, isAtOnce) }
}

/** `isAtOnce`: it does what it does now, and only its answer waits for its turn. */
function handle(broker: EmitterBroker, request: DialectRequest, answerer: Answerer, isAtOnce: boolean): void {
  const { connection, topic, packetId } = request
  const send = (answer: RequestAnswer): void => {
    const payload = 'refusal' in answer ? encodeFailure(answer.refusal, packetId) : answer
    connection.send(topic, payload)
    request.done()
    closeGuesser(connection, broker.limits)
  }
  const failed = (error: unknown): RequestAnswer => {
    broker.logger.error({ err: error }, `emitter: a request could not be answered: ${describeError(error)}`)
    return { refusal: 'server-error' }
  }
  const answer = (): RequestAnswer | Promise<RequestAnswer> => {
    try {
      return answerer(broker, request)
    } catch (error) {
      return failed(error)
    }
  }
  const early = isAtOnce ? answer() : undefined
  const isTaken = principalOf(connection).inTurn(broker.limits, request.payload.length, () => {
    // Nobody reads the answers: what they would cost is saved.
    if (!connection.hasRoom) return request.done()
    const given = early ?? answer()
    return given instanceof Promise ? given.catch(failed).then(send) : send(given)
  })
  if (!isTaken) send({ refusal: 'server-error' })
}
