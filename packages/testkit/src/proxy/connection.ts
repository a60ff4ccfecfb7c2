import { Socket } from 'node:net'
import type { Clock } from '@halyard/core'
import type { SeededRandom } from '../random.ts'
import type { FaultDirection } from './direction.ts'
import { Pump } from './pump.ts'

/** A piece of what went through a proxy. */
export interface PassedBytes {
  readonly connection: ProxiedConnection
  readonly to: 'target' | 'client'
  readonly bytes: Uint8Array
}

export interface ProxySettings {
  readonly target: { readonly host: string; readonly port: number }
  readonly toTarget: FaultDirection
  readonly toClient: FaultDirection
  readonly clock: Clock
  readonly random: SeededRandom
  readonly linkDown: () => boolean
  readonly passed: (passed: PassedBytes) => void
  readonly changed: () => void
  readonly closed: (connection: ProxiedConnection) => void
}

/** One client and what it speaks with, as long as one of their two sockets lives. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #target: Socket
  readonly #settings: ProxySettings
  readonly #toTarget: Pump
  readonly #toClient: Pump
  readonly #broken = new Set<Socket>()
  #connecting = false

  constructor(client: Socket, settings: ProxySettings) {
    const { toTarget, toClient, clock, random, linkDown, changed, passed } = settings
    const target = new Socket({ allowHalfOpen: true })
    this.#client = client
    this.#target = target
    this.#settings = settings
    const shared = { clock, changed, cut: (how: 'reset' | 'fin') => (how === 'fin' ? this.end() : this.reset()) }
    const silent = (direction: FaultDirection) => () => linkDown() || direction.faults.silent === true
    this.#toTarget = new Pump({
      ...shared,
      from: client,
      to: target,
      direction: toTarget,
      random: random.fork(),
      blocked: () => silent(toTarget)() || !this.#connecting,
      sent: (bytes) => passed({ connection: this, to: 'target', bytes }),
    })
    this.#toClient = new Pump({
      ...shared,
      from: target,
      to: client,
      direction: toClient,
      random: random.fork(),
      blocked: silent(toClient),
      sent: (bytes) => passed({ connection: this, to: 'client', bytes }),
    })
    for (const socket of [client, target]) {
      socket.setNoDelay(true)
      socket.on('error', () => {
        this.#broken.add(socket)
        this.run()
      })
      socket.on('close', () => {
        if (client.destroyed && target.destroyed) this.#finish()
      })
    }
    this.run()
  }

  /** Bytes that went through to the target. */
  get bytesToTarget(): number {
    return this.#toTarget.passed
  }

  /** Bytes that went through to the client. */
  get bytesToClient(): number {
    return this.#toClient.passed
  }

  /** Resets both sides (RST): they see ECONNRESET. */
  reset(): void {
    this.#stop()
    for (const socket of [this.#client, this.#target]) {
      if (socket.connecting || socket.pending) socket.destroy()
      else if (!socket.destroyed) socket.resetAndDestroy()
    }
    if (this.#client.destroyed && this.#target.destroyed) this.#finish()
  }

  /** Ends both sides in order (FIN), and drops what they still send. */
  end(): void {
    this.#stop()
    for (const socket of [this.#client, this.#target]) {
      if (socket.pending) socket.destroy()
      else socket.end()
      socket.resume()
    }
  }

  /** Closes both sockets at once. */
  destroy(): void {
    this.#stop()
    this.#client.destroy()
    this.#target.destroy()
    this.#finish()
  }

  /** Goes on as the faults now have it. */
  run(): void {
    const { target, toTarget, toClient, linkDown } = this.#settings
    if (!linkDown()) {
      if (!this.#connecting && !this.#target.destroyed) {
        this.#connecting = true
        this.#target.connect(target.port, target.host)
      }
      // A side that broke takes the other with it, but not through a link on which nothing passes.
      if (this.#broken.has(this.#client) && toTarget.faults.silent !== true) return this.reset()
      if (this.#broken.has(this.#target) && toClient.faults.silent !== true) return this.reset()
    }
    this.#toTarget.run()
    this.#toClient.run()
  }

  #stop(): void {
    this.#toTarget.stop()
    this.#toClient.stop()
  }

  #finish(): void {
    this.#stop()
    this.#settings.closed(this)
  }
}
