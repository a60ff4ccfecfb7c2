import type { Socket } from 'node:net'
import type { Clock, Logger } from '@halyard/core'
import type { Peer } from '../domain/devices.ts'
import { CloudConnection } from './connection.ts'
import type { ConnectionHost } from './connection.ts'
import { HeldBytes } from './held-bytes.ts'
import type { HologramLimits } from './limits.ts'
import type { CloudService } from './service.ts'

export interface CloudSocketParts {
  readonly service: CloudService
  readonly limits: HologramLimits
  readonly clock: Clock
  readonly logger: Logger
}

/** The cloud's side of port 9999: all its connections, one timer for all their deadlines, one account of their bytes. */
export class CloudSocket {
  readonly #parts: CloudSocketParts
  readonly #connections = new Set<CloudConnection>()
  readonly #held: HeldBytes<CloudConnection>
  readonly #host: ConnectionHost
  readonly #interval: number
  #isSweeping = false
  #draining = false

  constructor(parts: CloudSocketParts) {
    const { service, limits, clock, logger } = parts
    this.#parts = parts
    this.#held = new HeldBytes(limits.bufferedBytes, (evicted) => {
      logger.warn(
        { address: evicted.address },
        'hologram: a connection with an unfinished message was closed to free memory',
      )
      evicted.expire()
    })
    const shortest = 1000 * Math.min(limits.idleTimeout, limits.messageTimeout, limits.lingerTimeout)
    this.#interval = Math.max(10, Math.min(1000, shortest / 4))
    this.#host = {
      limits,
      service,
      now: () => clock.monotonic(),
      held: (connection) => this.#held.update(connection),
      closed: (connection) => this.#forget(connection),
      refused: (reason, code, address) => logger.debug({ reason, code, address }, 'hologram: a request was refused'),
    }
  }

  /** Takes a connection over. */
  accept(socket: Socket, peer: Peer): void {
    if (this.#draining) return void socket.destroy()
    this.#connections.add(new CloudConnection(socket, peer, this.#host))
    if (!this.#isSweeping) this.#schedule()
  }

  /** Connections on which nothing was asked end now; the others have their answer first. */
  drain(): void {
    this.#draining = true
    for (const connection of this.#connections) if (connection.idle) connection.expire()
  }

  /** One timer while anyone is connected, none else. */
  #schedule(): void {
    this.#isSweeping = true
    this.#parts.clock.setTimer(this.#interval, () => {
      const now = this.#parts.clock.monotonic()
      for (const connection of this.#connections) if (connection.deadline <= now) connection.expire()
      this.#isSweeping = false
      if (this.#connections.size > 0) this.#schedule()
    })
  }

  #forget(connection: CloudConnection): void {
    this.#connections.delete(connection)
    this.#held.remove(connection)
  }
}
