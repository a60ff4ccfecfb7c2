/** Messages that were, and with `Accept: text/event-stream` those that come. */
import { UsageError } from '@halyard/core'
import type { Logger } from '@halyard/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as v from 'valibot'
import type { HologramAccounts } from '../domain/accounts.ts'
import type { MessageBus } from '../domain/message-bus.ts'
import type { HubMessage, ServiceName } from '../domain/message.ts'
import type { History, HistoryQuery } from '../domain/ports.ts'
import type { Gate } from './authorise.ts'
import { follow } from './follow.ts'
import type { Start } from './follow.ts'
import type { Followers } from './followers.ts'
import { messageJson } from './message-json.ts'
import { unknownDevice } from './problem.ts'
import { MAX_PAGE, TIMESTAMP, check, checkDevicePath, count, fields, text } from './validate.ts'

const DEFAULT_LAST = 100
const AFTER = 'after (Last-Event-ID)'

const Query = fields({
  last: v.optional(count(0, MAX_PAGE)),
  from: v.optional(TIMESTAMP),
  until: v.optional(TIMESTAMP),
  after: v.optional(text(256)),
  before: v.optional(text(256)),
  limit: v.optional(count(1, MAX_PAGE)),
  // The empty channel is one: messages without topics.
  channel: v.optional(v.pipe(v.string('must be a text'), v.maxLength(65_535, 'is too long'))),
  filter: v.optional(text(65_535)),
  direction: v.optional(v.picklist(['in', 'out'], 'must be in or out')),
})

type Asked = v.InferOutput<typeof Query>

export interface MessageParts {
  readonly accounts: HologramAccounts
  readonly history: History
  /**
   * Whether the channel of a message, or any one topic of it, matches an MQTT topic filter.
   *
   * @throws {UsageError} `ERR_HUB_FILTER`
   */
  readonly filterMessages: (filter: string) => (message: HubMessage) => boolean
  readonly bus: MessageBus
  readonly gate: Gate
  readonly followers: Followers
  /** Ends the id of every message of this hub. */
  readonly hubId: string
  readonly logger: Logger
}

interface Scope {
  readonly service?: ServiceName
  readonly account?: string
}

export function messageRoutes(app: FastifyInstance, parts: MessageParts): void {
  const { accounts, history } = parts
  // Without HEAD: a stream has no length to ask for.
  const options = { exposeHeadRoute: false }

  app.get('/messages', options, (request, reply) => answer(request, reply, {}, parts))

  app.get('/hologram/messages', options, (request, reply) => answer(request, reply, { service: 'hologram' }, parts))

  app.get('/hologram/devices/:cloud_id/messages', options, async (request, reply) => {
    const { cloudId: account } = checkDevicePath(request.params)
    const scope: Scope = { service: 'hologram', account }
    // What a device has sent may be asked for when its account is gone.
    if (!(await accounts.find(account)) && (await history.query({ ...scope, last: 1 })).messages.length === 0) {
      throw unknownDevice()
    }
    return answer(request, reply, scope, parts)
  })
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  scope: Scope,
  parts: MessageParts,
): Promise<object | void> {
  const asked = check(Query, request.query, 'query')
  if (wantsEvents(request.headers.accept)) return stream(request, reply, scope, asked, parts)
  const { messages, cursor } = await parts.history.query(pageQuery(asked, scope, parts.hubId))
  const next = cursor === undefined ? undefined : messages.at(-1)?.id
  return { messages: messages.map((message) => messageJson(message)), ...(next !== undefined && { next }) }
}

/** @throws {UsageError} `ERR_USAGE`, `ERR_HUB_CURSOR` */
function pageQuery(asked: Asked, scope: Scope, hubId: string): HistoryQuery {
  const { last, from, until, after, before, limit, channel, filter, direction } = asked
  if (last !== undefined && limit !== undefined) {
    throw new UsageError('ERR_USAGE', 'query: give either last (the newest) or limit (of a page, the oldest first)')
  }
  const isPage = limit !== undefined || from !== undefined || until !== undefined || after !== undefined
  return {
    ...scope,
    ...(from && { from }),
    ...(until && { until }),
    ...(after !== undefined && { after: checkId(AFTER, after, hubId) }),
    ...(before !== undefined && { before: checkId('before', before, hubId) }),
    ...(channel !== undefined && { channel }),
    ...(filter !== undefined && { filter }),
    ...(direction && { direction }),
    ...(last !== undefined || !isPage ? { last: last ?? DEFAULT_LAST } : { limit: limit ?? DEFAULT_LAST }),
  }
}

/** `curl -H 'Accept: text/event-stream'`, or any program that names it among others. */
function wantsEvents(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((type) => /^\s*text[/]event-stream\s*(;|$)/i.test(type))
}

async function stream(
  request: FastifyRequest,
  reply: FastifyReply,
  scope: Scope,
  asked: Asked,
  { history, filterMessages, bus, gate, followers, hubId, logger }: MessageParts,
): Promise<void> {
  const { from, until, before, limit, channel, filter: topics, direction } = asked
  if (until !== undefined || before !== undefined || limit !== undefined) {
    throw new UsageError('ERR_USAGE', 'query: a stream has no end; leave until, before and limit out')
  }
  const start = startOf(asked, request.headers['last-event-id'], hubId)
  const filter = { ...scope, ...(channel !== undefined && { channel }), ...(direction && { direction }) }
  const matches = topics === undefined ? undefined : { topics, matches: filterMessages(topics) }
  const events = followers.admit(request, reply, gate.tokenOf(request))
  await follow(events, { filter, start, ...(from && { from }), ...matches }, { history, bus, logger })
}

/** @throws {UsageError} `ERR_HUB_CURSOR` */
function startOf({ last, after, from }: Asked, resumed: string | string[] | undefined, hubId: string): Start {
  // A client that lost its connection asks for the same address again, and says how far it was.
  if (typeof resumed === 'string' && resumed !== '') return { after: checkId(AFTER, resumed, hubId) }
  if (last !== undefined) return { last }
  if (after !== undefined) return { after: checkId(AFTER, after, hubId) }
  return from ? { after: '' } : { last: DEFAULT_LAST }
}

/** The ids of another hub lie nowhere among ours: whoever has one would miss messages and not know. */
function checkId(where: string, id: string, hubId: string): string {
  const [, hub] = /^[0-9a-z]{11}-([0-9a-z]+)$/.exec(id) ?? []
  if (hub === hubId) return id
  throw new UsageError(
    'ERR_HUB_CURSOR',
    hub === undefined
      ? `${where} is not the id of a message; give one as the hub gave it, or leave it out`
      : `${where} is the id of a message of another hub; leave it out to begin anew`,
  )
}
