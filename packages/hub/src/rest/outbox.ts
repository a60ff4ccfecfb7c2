/** Messages to devices: hand one over, look what became of it, take it back. */
import { AbortError, UsageError } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as v from 'valibot'
import type { HologramAccounts } from '../domain/accounts.ts'
import type { Push, PushRequest, Pushes } from '../domain/pushes.ts'
import { withoutIdleTimeout } from './idle-timeout.ts'
import { unknownDevice } from './problem.ts'
import { check, checkDevicePath, checkNoQuery, fields, number } from './validate.ts'

/** Seconds to wait for the device, unless the call says otherwise. */
const DEFAULT_WAIT = 5
const MAX_WAIT = 60
/** Of a body: everything around the payload. */
const ENVELOPE_BYTES = 4096

const TEXT = 'must be a text that UTF-8 can hold; use base64data for bytes'
const HOST = 'must be a host name or an address'
const PORT = 'must be a whole number from 1 to 65535'
const BASE64 = 'must be base64'

const NewMessage = fields({
  data: v.optional(
    v.pipe(
      v.string(TEXT),
      v.check((data) => !/\p{Cs}/u.test(data), TEXT),
    ),
  ),
  base64data: v.optional(v.pipe(v.string(BASE64), v.check(isBase64, BASE64))),
  host: v.optional(v.pipe(v.string(HOST), v.regex(/^[A-Za-z0-9._:%-]{1,253}$/, HOST))),
  port: v.optional(v.pipe(v.number(PORT), v.integer(PORT), v.minValue(1, PORT), v.maxValue(65_535, PORT))),
  timeout: v.optional(number(0, MAX_WAIT)),
})

export interface OutboxParts {
  readonly accounts: HologramAccounts
  readonly pushes: Omit<Pushes, 'push' | 'queued'>
  readonly clock: Clock
  readonly limits: {
    readonly bodyBytes: number
    /** The largest payload of a message to a device. */
    readonly pushBytes: number
  }
  /** Fires when the hub closes: who waits is answered with what is known. */
  readonly closing: AbortSignal
}

export function outboxRoutes(app: FastifyInstance, parts: OutboxParts): void {
  const { accounts, pushes, limits } = parts
  // In base64 the largest payload must fit.
  const bodyLimit = Math.max(limits.bodyBytes, Math.ceil(limits.pushBytes / 3) * 4 + ENVELOPE_BYTES)

  type Asked = Pick<FastifyRequest, 'query' | 'params'>
  const device = async ({ query, params }: Asked): Promise<{ cloudId: string; id: string }> => {
    checkNoQuery(query)
    const path = checkDevicePath(params)
    if (!(await accounts.find(path.cloudId))) throw unknownDevice()
    return path
  }

  app.post('/hologram/devices/:cloud_id/messages', { bodyLimit }, async (request, reply) => {
    const { cloudId } = await device(request)
    const { timeout = DEFAULT_WAIT, ...push } = pushOf(cloudId, request.body)
    const settled = await withoutIdleTimeout(request, () => pushAndWait(push, timeout, reply, parts))
    return reply.code(settled.state === 'delivered' ? 200 : 202).send(pushJson(settled))
  })

  app.get('/hologram/devices/:cloud_id/outbox', async ({ query, params }) => {
    const { cloudId } = await device({ query, params })
    return { messages: (await pushes.list(cloudId)).map((push) => pushJson(push)) }
  })

  app.get('/hologram/devices/:cloud_id/outbox/:id', async ({ query, params }) => {
    const { cloudId, id } = await device({ query, params })
    const push = pushes.find(cloudId, id)
    if (!push) throw unknownPush()
    return pushJson(push)
  })

  app.delete('/hologram/devices/:cloud_id/outbox/:id', async (request, reply) => {
    const { cloudId, id } = await device(request)
    if (await pushes.drop(cloudId, id)) return reply.code(204).send()
    if (!pushes.find(cloudId, id)) throw unknownPush()
    throw new UsageError('ERR_HUB_PUSH_GONE', 'the message has gone out or was settled; it cannot be taken back')
  })
}

/** Node skips over what is no base64; here it is refused. */
function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text
}

/** @throws {UsageError} `ERR_USAGE` */
function pushOf(cloudId: string, body: unknown): PushRequest & { readonly timeout?: number } {
  const { data, base64data, host, port, timeout } = check(NewMessage, body, 'body')
  if ((data === undefined) === (base64data === undefined)) {
    throw new UsageError('ERR_USAGE', 'body: give either data (a text) or base64data (bytes)')
  }
  return {
    cloudId,
    payload: data === undefined ? Buffer.from(base64data ?? '', 'base64') : new TextEncoder().encode(data),
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(timeout !== undefined && { timeout }),
  }
}

/** Queued first; the caller's patience, his connection or the hub may end after that, the message stays. */
async function pushAndWait(
  request: PushRequest,
  seconds: number,
  reply: FastifyReply,
  { pushes, clock, closing }: OutboxParts,
): Promise<Push> {
  const push = await pushes.keep(request)
  if (push.state !== 'queued' || seconds === 0) return push
  const enough = new AbortController()
  const stop = (): void => enough.abort()
  const timer = clock.setTimer(seconds * 1000, stop)
  reply.raw.once('close', stop)
  closing.addEventListener('abort', stop)
  if (closing.aborted || reply.raw.destroyed) stop()
  try {
    return await pushes.settled(push.cloudId, push.id, { signal: enough.signal })
  } catch (error) {
    if (error instanceof AbortError) return pushes.find(push.cloudId, push.id) ?? push
    throw error
  } finally {
    timer.cancel()
    reply.raw.off('close', stop)
    closing.removeEventListener('abort', stop)
  }
}

function pushJson({ id, cloudId, state, reason, attempts, size, queuedAt, settledAt }: Push): object {
  return {
    id,
    cloud_id: cloudId,
    state,
    ...(reason !== undefined && { reason }),
    attempts,
    size,
    queued_at: queuedAt.toISOString(),
    ...(settledAt && { settled_at: settledAt.toISOString() }),
  }
}

function unknownPush(): UsageError {
  return new UsageError(
    'ERR_HUB_PUSH_UNKNOWN',
    'the device has no message with this id, or it was settled too long ago; GET …/outbox lists those that are known',
  )
}
