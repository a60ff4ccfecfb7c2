import type { Clock, Timer } from '@halyard/core'
import { REASON } from '@halyard/wire/mqtt'
import type { Transport } from '../domain/transport.ts'
import { Broker } from './broker.ts'
import type { BrokerParts } from './broker.ts'
import { Connection } from './connection.ts'
import type { ConnectionOwner } from './connection.ts'
import type { Principal } from './dialect.ts'
import type { Session } from './session.ts'
import { recheck } from './subscribing.ts'

/** Of an account that was changed or removed. */
export interface Revision {
  readonly isMeant: (principal: Principal) => boolean
  /** What a session of this client id is now; `undefined`: it is over. */
  readonly principalOf: (clientId: string) => Principal | undefined
  /** For the log. */
  readonly why: string
}

const SWEEP = 1000
const SWEEPS_A_MINUTE = 60

/** The MQTT server without its doors: it is handed transports, and serves them with one timer for all deadlines. */
export class MqttServer implements ConnectionOwner {
  readonly broker: Broker
  readonly #connections = new Set<Connection>()
  readonly #clock: Clock
  #timer: Timer | undefined
  #sweeps = 0
  #connectionNumber = 0
  #isDraining = false
  #onEmpty: (() => void) | undefined

  constructor(parts: BrokerParts) {
    this.broker = new Broker(parts)
    this.#clock = parts.clock
    this.#schedule()
  }

  /** Connections, those included that have not said CONNECT yet. */
  get connections(): number {
    return this.#connections.size
  }

  /** Takes a connection over. */
  accept(transport: Transport): void {
    if (this.#isDraining) return transport.destroy()
    this.broker.counters.sockets++
    this.#connections.add(new Connection(this.broker, transport, ++this.#connectionNumber, this))
  }

  /**
   * An account has changed, or is gone. Its sessions keep what they may still have, connected or not; its connections end,
   * and come again as what they are now.
   */
  reviseAccount({ isMeant, principalOf, why }: Revision): void {
    const { broker } = this
    const ended: Session[] = []
    for (const session of broker.sessions) {
      if (!isMeant(session.principal)) continue
      const principal = principalOf(session.clientId)
      if (principal === undefined) {
        ended.push(session)
        continue
      }
      // A will that is still to be published goes by it too.
      session.principal = principal
      broker.guard('the revision of a session', () => recheck(broker, session))
    }
    for (const connection of this.#connections) {
      if (connection.isOpen && isMeant(connection.principal)) connection.close(REASON.administrativeAction, why)
    }
    // Who gets its name one day gets nothing that was meant for it.
    for (const session of ended) broker.end(session)
  }

  /** Subscriptions end, connected or not, that hang on what is over; `things`: all that there are. */
  endSubscriptions(isOver: (thing: string) => boolean, things?: Iterable<string>): void {
    const { dependants } = this.broker.sessions
    for (const thing of things ?? [...dependants.things]) {
      if (!isOver(thing)) continue
      for (const { name, session } of dependants.of(thing)) {
        const subscription = session.subscriptions.get(name)
        if (subscription) this.broker.takeBack(session, name, subscription)
      }
    }
  }

  /** No new connections; those that are open are told that the server goes. */
  drain(): void {
    this.#isDraining = true
    for (const connection of this.#connections) connection.close(REASON.serverShuttingDown, 'the hub is closing')
  }

  drained(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve()
    return new Promise((resolve) => (this.#onEmpty = resolve))
  }

  close(): void {
    this.#timer?.cancel()
    this.drain()
  }

  /** One of its connections is. */
  closed(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimer(SWEEP, () => {
      const now = this.#clock.monotonic()
      for (const connection of this.#connections) connection.sweep(now)
      this.broker.sweep(now)
      if (++this.#sweeps % SWEEPS_A_MINUTE === 0) this.broker.sweepRetained(now)
      this.#schedule()
    })
  }
}
