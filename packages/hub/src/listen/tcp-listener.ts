import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { ConnectionError, UsageError, describeError } from '@halyard/core'
import type { Logger } from '@halyard/core'
import type { Peer } from '../domain/devices.ts'
import { peerOf } from './addresses.ts'

export interface TcpListenerOptions {
  /** For errors and logs: `hologram`, `front` */
  readonly name: string
  readonly host: string
  /** 0: a free one */
  readonly port: number
  readonly connections: number
  readonly connectionsPerAddress: number
  /** Gets one warning for each refused connection: it should hold repetitions back. */
  readonly logger: Logger
  /** The socket may half-close and has an `error` listener. */
  readonly onConnection: (socket: Socket, peer: Peer) => void
}

interface Caller {
  /** The first of the address: in IPv6 it has many hosts. */
  readonly peer: Peer
  /** That are open. */
  connections: number
}

/** Accepts connections, so many in all and so many from one address; one too many is closed without a word. */
export class TcpListener {
  readonly #options: TcpListenerOptions
  readonly #server: Server
  /** And whose they are. */
  readonly #sockets = new Map<Socket, Caller>()
  readonly #callers = new Map<string, Caller>()
  #refused = 0
  /** One for all sockets: they are many, and most of them idle. */
  readonly #onClose: (this: Socket) => void

  private constructor(options: TcpListenerOptions) {
    this.#options = options
    const forget = (socket: Socket): void => this.#forget(socket)
    this.#onClose = function () {
      forget(this)
    }
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
  }

  /** @throws {ConnectionError} `ERR_HUB_PORT_IN_USE`, `ERR_HUB_PORT_PERMISSION`, `ERR_HUB_LISTEN`; {UsageError} `ERR_HUB_HOST` */
  static async open(options: TcpListenerOptions): Promise<TcpListener> {
    const listener = new TcpListener(options)
    const server = listener.#server
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(listenError(error, options)))
      server.listen({ host: options.host, port: options.port, backlog: 1024 }, resolve)
    })
    server.removeAllListeners('error')
    // Out of file descriptors, say: the connection is lost, the listener is not.
    server.on('error', (error) => {
      options.logger.warn({ err: error }, `${options.name}: a connection could not be accepted`)
    })
    return listener
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Connections that were one too many. */
  get refused(): number {
    return this.#refused
  }

  /** No new connections; those that are open go on. */
  stopAccepting(): void {
    this.#server.close()
  }

  /** Resolves when no connection is left. */
  async drained(): Promise<void> {
    await Promise.all(
      [...this.#sockets.keys()].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    )
  }

  /** Ends whatever is still open. */
  destroy(): void {
    for (const socket of this.#sockets.keys()) socket.destroy()
  }

  #accept(socket: Socket): void {
    const { connections, connectionsPerAddress, name, logger, onConnection } = this.#options
    socket.on('error', ignore)
    const own = peerOf(socket.remoteAddress)
    const { address } = own
    const caller = this.#callers.get(address) ?? { peer: own, connections: 0 }
    const full = this.#sockets.size >= connections
    if (full || caller.connections >= connectionsPerAddress) {
      this.#refused++
      const limit = full ? `${connections} connections in all` : `${connectionsPerAddress} connections from its address`
      logger.warn({ address }, `${name}: a connection was refused: there are ${limit}`)
      socket.destroy()
      return
    }
    if (caller.connections++ === 0) this.#callers.set(address, caller)
    this.#sockets.set(socket, caller)
    socket.on('close', this.#onClose)
    onConnection(socket, caller.peer.host === own.host ? caller.peer : own)
  }

  #forget(socket: Socket): void {
    const caller = this.#sockets.get(socket)
    if (caller === undefined) return
    this.#sockets.delete(socket)
    if (--caller.connections === 0) this.#callers.delete(caller.peer.address)
  }
}

/** A reset is every peer's right, at any time; 'close' follows and says all we need. */
function ignore(): void {}

function listenError(error: NodeJS.ErrnoException, options: TcpListenerOptions): Error {
  const { name, host, port } = options
  const cause = { cause: error }
  switch (error.code) {
    case 'EADDRINUSE':
      return new ConnectionError(
        'ERR_HUB_PORT_IN_USE',
        `port ${port} (${name}) on ${host} is in use by another program; stop that, or choose another port with --port-${name} (0: a free one) or --ephemeral`,
        cause,
      )
    case 'EACCES':
    case 'EPERM':
      return new ConnectionError(
        'ERR_HUB_PORT_PERMISSION',
        `no permission to listen on port ${port} (${name}) of ${host}; choose a port above 1023 with --port-${name}`,
        cause,
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UsageError(
        'ERR_HUB_HOST',
        `${host} is not an address of this machine; listen on 127.0.0.1, on 0.0.0.0, or on an address that it has`,
        cause,
      )
    default:
      return new ConnectionError(
        'ERR_HUB_LISTEN',
        `cannot listen on port ${port} (${name}): ${describeError(error)}`,
        cause,
      )
  }
}
