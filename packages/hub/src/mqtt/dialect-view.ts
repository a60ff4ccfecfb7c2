import type { DialectConnection, Principal, ReasonCode } from './dialect.ts'
import type { ClientOutput } from './client-output.ts'

/** What a dialect's view needs of its connection. */
export interface ViewedConnection {
  readonly principal: Principal
  readonly isOpen: boolean
  readonly output: ClientOutput
  dropSubscription(filter: string): void
  close(reason: ReasonCode, why: string): void
}

/** What a dialect sees of a connection. There is one for each: a class, since closures would be a tenth of its memory. */
export class DialectView implements DialectConnection {
  readonly id: string
  readonly #connection: ViewedConnection
  #state: Map<string, unknown> | undefined

  constructor(connection: ViewedConnection, id: string) {
    this.#connection = connection
    this.id = id
  }

  get principal(): Principal {
    return this.#connection.principal
  }

  get state(): Map<string, unknown> {
    return (this.#state ??= new Map<string, unknown>())
  }

  send(topic: string, payload: Uint8Array): void {
    const packet = { type: 'publish', topic, payload, qos: 0, retain: false, dup: false } as const
    if (this.#connection.isOpen) this.#connection.output.send(packet)
  }

  unsubscribe(filter: string): void {
    this.#connection.dropSubscription(filter)
  }

  close(reason: ReasonCode, why: string): void {
    this.#connection.close(reason, why)
  }
}
