import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { HttpLimits } from '../config.ts'

export interface HttpOptions {
  readonly limits: HttpLimits
  /** What `/health` shows. */
  readonly health: () => object
  /** Everything else. */
  readonly routes: (app: FastifyInstance) => void
  /** A request with `Upgrade: websocket`; the stream is its own from then on. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

/** Addresses under which no WebSocket is MQTT. */
const NO_UPGRADE = /^[/](?:api|console|socket[.]io)(?:[/?]|$)/
/** What the peer has to close its side after ours; ms. */
const LINGER = 2000

interface Connection {
  /** Asked for and not yet handed over whole. */
  answers: number
  /** What had been read from it when the last answer was; more: another request has begun. */
  readAtRest: number | undefined
}

/** The hub's HTTP: it opens no port, it is handed streams. */
export class HttpService {
  readonly #app: FastifyInstance
  readonly #server: Server
  readonly #connections = new Map<Socket, Connection>()
  #draining: NodeJS.Timeout | undefined

  private constructor(app: FastifyInstance, server: Server, upgrade: HttpOptions['upgrade']) {
    this.#app = app
    this.#server = server
    server.prependListener('request', (request, response) => this.#onRequest(request, response))
    server.on('upgrade', (request, socket: Socket, head) => {
      this.#connections.delete(socket)
      const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket'
      if (isWebSocket && !NO_UPGRADE.test(request.url ?? '')) return upgrade(request, socket, head)
      // The server has let go of the socket, and of its timeouts.
      const linger = setTimeout(() => socket.destroy(), LINGER).unref()
      socket.once('close', () => clearTimeout(linger))
      socket.resume().end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    })
  }

  static async create({ limits, health, routes, upgrade }: HttpOptions): Promise<HttpService> {
    const server = createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.requestTimeout * 500,
      requestTimeout: limits.requestTimeout * 1000,
      keepAliveTimeout: limits.keepAliveTimeout * 1000,
      connectionsCheckingInterval: Math.min(1000, limits.requestTimeout * 100),
    })
    // For those who ask and never read the answers: requestTimeout sees only who is slow in asking.
    server.timeout = limits.requestTimeout * 1000
    const app = Fastify({
      bodyLimit: limits.bodyBytes,
      // No parameter is longer than the head it stands in; who asks for one learns no more than with another address.
      routerOptions: { maxParamLength: limits.headerBytes },
      // Before any route is looked for: the address cannot be decoded.
      frameworkErrors: (_error, _request, reply: FastifyReply) => {
        void reply.code(400).send({ error: 'bad request', message: 'the address is no valid URL' })
      },
      serverFactory: (handler) => server.on('request', handler),
    })
    app.setNotFoundHandler((_request, reply) => {
      return reply
        .code(404)
        .send({ error: 'not found', message: 'there is nothing at this address; /console/ tells what there is' })
    })
    app.setErrorHandler((error: { readonly statusCode?: number; readonly message: string }, _request, reply) => {
      const status = error.statusCode !== undefined && error.statusCode >= 400 ? error.statusCode : 500
      // What went wrong inside is nobody's business outside.
      const message = status < 500 ? error.message : 'the hub could not do it; its log says why'
      return reply.code(status).send({ error: status < 500 ? 'bad request' : 'internal error', message })
    })
    app.get('/health', () => health())
    routes(app)
    await app.ready()
    // The server never listens, and only this event starts the timer behind headersTimeout and requestTimeout.
    server.emit('listening')
    return new HttpService(app, server, upgrade)
  }

  /** Takes over a stream that begins with a request. */
  accept(socket: Socket): void {
    this.#connections.set(socket, { answers: 0, readAtRest: undefined })
    socket.once('close', () => this.#connections.delete(socket))
    this.#server.emit('connection', socket)
  }

  /** Connections without a request end now, the others after their answer. */
  drain(): void {
    // Before the application's listener: it may answer at once.
    this.#server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'))
    this.#closeIdle()
    // Who is being answered now was promised that the connection stays: it goes when it is idle.
    this.#draining = setInterval(() => this.#closeIdle(), 50).unref()
  }

  async close(): Promise<void> {
    clearInterval(this.#draining)
    this.#server.closeAllConnections()
    // It says that it is not running, which it never was; what it does besides is stop the timer.
    this.#server.close(() => {})
    await this.#app.close()
  }

  #onRequest({ socket }: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(socket)
    if (!connection) return
    connection.answers++
    response.once('close', () => {
      if (--connection.answers === 0) connection.readAtRest = socket.bytesRead
    })
  }

  /** Not Node's closeIdleConnections(): to that, who still reads the rest of a large answer is idle. */
  #closeIdle(): void {
    for (const [socket, { answers, readAtRest }] of this.#connections) {
      if (answers === 0 && socket.bytesRead === readAtRest) socket.destroy()
    }
  }
}
