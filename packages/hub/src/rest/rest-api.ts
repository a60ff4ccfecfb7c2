/** The hub's HTTP API, `/api/…`, and the page that tells of it: docs/guide/hub.md §HTTP. */
import { UsageError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { FastifyInstance } from 'fastify'
import type { HologramAccounts } from '../domain/accounts.ts'
import type { ApiTokens } from '../domain/api-tokens.ts'
import type { Backups } from '../domain/backups.ts'
import type { Devices } from '../domain/devices.ts'
import type { EmitterKeyBook } from '../domain/emitter-key-book.ts'
import type { EmitterRequests } from '../domain/emitter-requests.ts'
import type { MessageBus } from '../domain/message-bus.ts'
import type { MqttAccountBook } from '../domain/mqtt-account-book.ts'
import type { History } from '../domain/ports.ts'
import type { Pushes } from '../domain/pushes.ts'
import { accountRoutes } from './accounts.ts'
import type { AccountKeys, Removal } from './accounts.ts'
import { Gate } from './authorise.ts'
import { backupRoutes } from './backups.ts'
import { consoleRoutes } from './console.ts'
import { deviceRoutes } from './devices.ts'
import { emitterKeyRoutes } from './emitter-keys.ts'
import { emitterPageRoutes } from './emitter-pages.ts'
import { Followers } from './followers.ts'
import { messageRoutes } from './messages.ts'
import type { MessageParts } from './messages.ts'
import { mqttAccountRoutes } from './mqtt-accounts.ts'
import { outboxRoutes } from './outbox.ts'
import { sendProblem, unknownRoute } from './problem.ts'
import { tokenRoutes } from './tokens.ts'

export interface RestLimits {
  readonly bodyBytes: number
  /** The largest payload of a message to a device. */
  readonly pushBytes: number
  /** seconds a peer may leave its answer unread */
  readonly requestTimeout: number
  /** Streams at once. */
  readonly followers: number
  /** Wrong tokens of one address in one window (seconds); then unknown ones are not looked at until it ends. */
  readonly authFailuresPerAddress: number
  readonly authWindowPerAddress: number
}

export interface RestParts {
  readonly tokens: ApiTokens
  /** Of this start, for programs of the data directory's owner; compared in constant time. */
  readonly localToken: string
  readonly accounts: HologramAccounts
  readonly mqttAccounts: MqttAccountBook
  readonly emitterKeys: EmitterKeyBook
  readonly emitter: EmitterRequests
  /** Takes accounts and tokens away, out of `accounts.json` too. */
  readonly removal: Removal
  /** Makes and hashes keys of accounts. */
  readonly keys: AccountKeys
  readonly devices: Devices
  /** Without `push`: how long an answer may wait is the caller's to say, not that of an attempt. */
  readonly pushes: Omit<Pushes, 'push'>
  readonly history: History
  /** @throws {UsageError} `ERR_HUB_FILTER` */
  readonly filterMessages: MessageParts['filterMessages']
  /** None: the hub is in memory. */
  readonly backups: Backups | undefined
  readonly bus: MessageBus
  /** Ends the id of every message of this hub. */
  readonly hubId: string
  /** What `/metrics` shows. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>
  readonly limits: RestLimits
  /** Whom limits hold for: the IPv4 address, or the /64 of an IPv6 address. */
  readonly addressKey: (address: string | undefined) => string
  readonly clock: Clock
  readonly logger: Logger
}

export class RestApi {
  readonly #parts: RestParts
  readonly #gate: Gate
  readonly #followers: Followers
  readonly #closing = new AbortController()

  constructor(parts: RestParts) {
    this.#parts = parts
    this.#gate = new Gate(parts)
    this.#followers = new Followers(parts)
  }

  /** Adds the routes to the application. */
  readonly routes = (app: FastifyInstance): void => {
    consoleRoutes(app)
    app.register((pages, _options, done) => {
      emitterPageRoutes(pages, this.#parts)
      done()
    })
    app.register(
      (api, _options, done) => {
        this.#api(api)
        done()
      },
      { prefix: '/api' },
    )
    app.register((api, _options, done) => {
      this.#guard(api)
      // Not open to the machine itself either: behind a proxy on it everybody is.
      api.get('/metrics', async (_request, reply) => {
        const { contentType, text } = await this.#parts.metrics()
        return reply.header('content-type', contentType).send(text)
      })
      done()
    })
  }

  /** Streams end now, and who waits for a device is told what is known by now. */
  drain(): void {
    this.#followers.drain()
    this.#closing.abort()
  }

  #guard(api: FastifyInstance): void {
    // Before the address is looked at: a stranger does not learn what is here. No CORS headers: a page of another
    // origin gets nothing.
    api.addHook('onRequest', async (request, reply) => {
      reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
      await this.#gate.admit(request, reply)
    })
    api.setErrorHandler((error, _request, reply) => sendProblem(error, reply, this.#parts.logger))
  }

  #api(api: FastifyInstance): void {
    const parts = { ...this.#parts, gate: this.#gate, followers: this.#followers, closing: this.#closing.signal }
    this.#guard(api)
    api.setNotFoundHandler((request) => {
      throw unknownRoute(request)
    })
    api.removeAllContentTypeParsers()
    api.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
      parseBody(body as Buffer, done)
    })
    tokenRoutes(api, parts)
    backupRoutes(api, parts)
    accountRoutes(api, parts)
    mqttAccountRoutes(api, parts)
    emitterKeyRoutes(api, parts)
    deviceRoutes(api, parts)
    outboxRoutes(api, parts)
    messageRoutes(api, parts)
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function parseBody(bytes: Buffer, done: (error: Error | null, body?: unknown) => void): void {
  if (bytes.length === 0) return done(null)
  let body: unknown
  try {
    // What is no UTF-8 would become another text on the way to the device.
    body = JSON.parse(UTF8.decode(bytes))
  } catch {
    // The parser's own message would show a piece of the text, and that may be a key.
    return done(new UsageError('ERR_USAGE', 'body: it is not JSON; check quotes, commas and the encoding (UTF-8)'))
  }
  done(null, body)
}
