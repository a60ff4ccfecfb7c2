/** How the API says no: `{ error: '<code>', message: '<what happened; what to do>' }`, and which status goes with it. */
import { ConnectionError, HalyardError, StorageError, UsageError, describeError } from '@halyard/core'
import type { Logger } from '@halyard/core'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

const STATUS: Readonly<Record<string, number>> = {
  ERR_USAGE: 400,
  ERR_USAGE_SECONDS: 400,
  ERR_HUB_CURSOR: 400,
  ERR_HUB_FILTER: 400,
  ERR_HUB_API_TOKEN: 401,
  ERR_HUB_API_ROUTE: 404,
  ERR_HUB_TOKEN_UNKNOWN: 404,
  ERR_HUB_ACCOUNT_UNKNOWN: 404,
  ERR_HUB_DEVICE_UNKNOWN: 404,
  ERR_HUB_PUSH_UNKNOWN: 404,
  ERR_HUB_EMITTER_KEY_UNKNOWN: 404,
  ERR_HUB_ACCOUNT_EXISTS: 409,
  ERR_HUB_BACKUP_RUNS: 409,
  ERR_HUB_EMITTER_KEYS_FULL: 409,
  ERR_HUB_PUSH_GONE: 409,
  ERR_HUB_TOKENS_FULL: 409,
  ERR_HUB_API_BODY: 413,
  ERR_HUB_PUSH_SIZE: 413,
  ERR_HUB_API_TYPE: 415,
  ERR_HUB_API_THROTTLED: 429,
  ERR_HUB_PUSH_FULL: 429,
  ERR_HUB_CLOSED: 503,
  ERR_HUB_FOLLOWERS: 503,
  ERR_HUB_INDEX: 503,
  ERR_STORE_FULL: 507,
}

/** Whatever a route has thrown, as an answer. What went wrong inside goes to the log, not outside. */
export function sendProblem(thrown: unknown, reply: FastifyReply, logger: Logger): FastifyReply {
  const error = ofFastify(thrown)
  const code = error instanceof HalyardError ? error.code : ''
  const status = STATUS[code] ?? (error instanceof UsageError ? 400 : 500)
  if (status === 500 || error instanceof StorageError) {
    logger.error({ err: thrown }, `api: a request failed: ${describeError(thrown)}`)
  }
  return reply.code(status).send(shown(error, status))
}

interface Problem {
  readonly error: string
  readonly message: string
}

function shown(error: unknown, status: number): Problem {
  // A storage error's own words name paths.
  if (error instanceof StorageError) {
    const message =
      error.code === 'ERR_STORE_FULL'
        ? "the hub's disk is full; free some space and ask again"
        : "the hub's disk or index failed; its log says why"
    return { error: error.code, message }
  }
  if (error instanceof HalyardError && status !== 500) return { error: error.code, message: error.message }
  const { code, message } = new HalyardError('ERR_HUB_INTERNAL', 'the hub could not do it; its log says why')
  return { error: code, message }
}

/** What fastify itself objects to, in our words. */
function ofFastify(error: unknown): unknown {
  const { code } = error as Partial<FastifyError>
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new UsageError('ERR_HUB_API_BODY', 'the body is too large; front.limits.bodyBytes says how large it may be')
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new UsageError('ERR_HUB_API_TYPE', 'a body must be JSON; send it with Content-Type: application/json')
  }
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH') {
    return new UsageError('ERR_USAGE', 'the body is not as long as Content-Length says; send it whole')
  }
  return error
}

export function unknownRoute(request: FastifyRequest): UsageError {
  // The method is one of Node's; the path is the caller's own text and stays out.
  return new UsageError(
    'ERR_HUB_API_ROUTE',
    `there is nothing for ${request.method} at this address; /console/ lists what there is`,
  )
}

export function unknownDevice(): UsageError {
  return new UsageError(
    'ERR_HUB_DEVICE_UNKNOWN',
    'the hub has no device with this cloud id; GET /api/hologram/accounts lists those it has',
  )
}

export function closing(): ConnectionError {
  return new ConnectionError('ERR_HUB_CLOSED', 'the hub is closing; ask again when it is started')
}
