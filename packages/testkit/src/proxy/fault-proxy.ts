import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { ConnectionError, describeError, systemClock } from '@halyard/core'
import type { Clock } from '@halyard/core'
import { seededRandom } from '../random.ts'
import { ProxiedConnection } from './connection.ts'
import type { PassedBytes, ProxySettings } from './connection.ts'
import { FaultDirection } from './direction.ts'

export interface FaultProxyOptions {
  /** Where connections lead. `host` defaults to 127.0.0.1. */
  readonly target: { readonly host?: string; readonly port: number }
  /** The address on which the proxy listens. Default 127.0.0.1. */
  readonly host?: string
  /** The port on which it listens. Default 0: one that is free. */
  readonly port?: number
  /** What `delay` and `rate` go by. Default: the system's clock. */
  readonly clock?: Clock
  /** Decides which bytes `corruptChance` hits. Default 0. */
  readonly seed?: number
  /** Sees what went through, as the faults left it; valid until it returns. It may change faults and end connections. */
  readonly onPassed?: (passed: PassedBytes) => void
}

/** How a link goes down: peers hear nothing more, or see their connections reset and new ones refused. */
export type LinkFailure = 'silent' | 'reset'

/**
 * A TCP proxy that does to connections what networks do: it delays, throttles, corrupts and cuts them, goes silent and
 * refuses. Each direction has faults of its own, which may change while connections are open.
 *
 * The sender is slowed when the receiver does not read, and at most 1 MiB per connection and direction waits in the
 * proxy. A half-closed connection stays one. If the target cannot be reached, the client's connection is reset.
 *
 * @example
 * ```ts
 * import { once } from 'node:events'
 * import { connect, createServer } from 'node:net'
 * import type { AddressInfo } from 'node:net'
 * import { FaultProxy } from '@halyard/testkit'
 *
 * const server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
 * await once(server, 'listening')
 * const proxy = await FaultProxy.open({ target: { port: (server.address() as AddressInfo).port } })
 *
 * proxy.toClient.set({ cutAfter: 0 }) // the answer never comes back
 * const socket = connect(proxy.port, proxy.host)
 * socket.write('hoist the flag')
 * const [error] = await once(socket, 'error').catch((reason) => [reason])
 * console.log(proxy.toTarget.bytes, error.code) // 14 ECONNRESET
 *
 * await proxy.close()
 * server.close()
 * ```
 */
export class FaultProxy implements AsyncDisposable {
  /** From the clients to the target. */
  readonly toTarget: FaultDirection = new FaultDirection(() => this.#changed())
  /** From the target to the clients. */
  readonly toClient: FaultDirection = new FaultDirection(() => this.#changed())
  /** The address on which it listens. */
  readonly host: string
  readonly #settings: ProxySettings
  readonly #connections = new Set<ProxiedConnection>()
  readonly #waiting = new Set<() => boolean>()
  #server: Server | undefined
  #port: number
  #accepted = 0
  #linkDown = false
  #closed = false

  private constructor(options: FaultProxyOptions) {
    const { target, host = '127.0.0.1', port = 0, clock = systemClock(), seed = 0, onPassed = () => {} } = options
    this.host = host
    this.#port = port
    this.#settings = {
      target: { host: target.host ?? '127.0.0.1', port: target.port },
      toTarget: this.toTarget,
      toClient: this.toClient,
      clock,
      random: seededRandom(seed),
      linkDown: () => this.#linkDown,
      passed: onPassed,
      changed: () => this.#tell(),
      closed: (connection) => {
        this.#connections.delete(connection)
        this.#tell()
      },
    }
  }

  /**
   * Opens a proxy.
   *
   * @throws {ConnectionError} `ERR_TESTKIT_LISTEN` if the address or the port cannot be had.
   */
  static async open(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options)
    await proxy.accept()
    return proxy
  }

  /** The port on which it listens; it stays the same when the proxy refuses for a while. */
  get port(): number {
    return this.#port
  }

  /** The connections that are open now, oldest first. */
  get connections(): readonly ProxiedConnection[] {
    return [...this.#connections]
  }

  /** How many connections there have been. */
  get accepted(): number {
    return this.#accepted
  }

  /** The cable, so to speak. */
  readonly link: {
    /** Takes the link down. New connections wait when it is `silent` (the default), and are refused after a `reset`. */
    down(how?: LinkFailure): void
    /** Brings it back: what waited goes on, and connections are accepted again. */
    up(): Promise<void>
  } = {
    down: (how = 'silent') => {
      this.#linkDown = true
      if (how === 'reset') {
        this.refuse()
        this.reset()
      }
      this.#changed()
    },
    up: async () => {
      this.#linkDown = false
      this.#changed()
      await this.accept()
    },
  }

  /** Refuses new connections from now on (ECONNREFUSED); those that are open stay. */
  refuse(): void {
    this.#server?.close()
    this.#server = undefined
  }

  /**
   * Accepts connections again, on the same port. Nothing happens if it does already.
   *
   * @throws {ConnectionError} `ERR_TESTKIT_LISTEN` if somebody took the port meanwhile.
   */
  async accept(): Promise<void> {
    if (this.#server !== undefined || this.#closed) return
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
      this.#accepted += 1
      this.#connections.add(new ProxiedConnection(client, this.#settings))
      this.#tell()
    })
    this.#server = server
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(this.#port, this.host, resolve)
      })
    } catch (error) {
      this.#server = undefined
      const address = `${this.host}:${this.#port}`
      throw new ConnectionError(
        'ERR_TESTKIT_LISTEN',
        `the fault proxy cannot listen on ${address}: ${describeError(error)}; choose another port, or 0`,
        { cause: error },
      )
    }
    this.#port = (server.address() as AddressInfo).port
  }

  /** Resets every connection that is open (RST to both sides). */
  reset(): void {
    for (const connection of this.connections) connection.reset()
  }

  /**
   * Waits until the condition holds. It is asked again whenever bytes came or went and connections began or ended, so
   * a test needs no sleep: `await proxy.until(() => proxy.toTarget.bytes >= 100)`.
   *
   * @throws {ConnectionError} `ERR_TESTKIT_CLOSED` if the proxy is closed first, or whatever the condition throws.
   */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): boolean => {
        try {
          if (condition()) resolve()
          else if (!this.#closed) return false
          else throw new ConnectionError('ERR_TESTKIT_CLOSED', 'the fault proxy was closed before the condition held')
        } catch (error) {
          reject(error)
        }
        return true
      }
      if (!settle()) this.#waiting.add(settle)
    })
  }

  /** Closes the listener and every connection. */
  async close(): Promise<void> {
    this.#closed = true
    const server = this.#server
    this.#server = undefined
    for (const connection of this.connections) connection.destroy()
    this.#tell()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #changed(): void {
    for (const connection of this.connections) connection.run()
    this.#tell()
  }

  #tell(): void {
    for (const settle of this.#waiting) if (settle()) this.#waiting.delete(settle)
  }
}
