import type { ClientOutput } from './client-output.ts'
import type { DialectConnection, Principal, ReasonCode } from './dialect.ts'

/** What a dialect's view of a connection stands on. */
export interface Viewed {
  readonly principal: Principal
  readonly isOpen: boolean
  readonly output: ClientOutput
  dropSubscription(filter: string): void
  close(reason: ReasonCode, why: string): void
}

/** What a dialect sees of it. */
export class DialectView implements DialectConnection {
  readonly id: string
  readonly #connection: Viewed
  #state: Map<string, unknown> | undefined

  constructor(connection: Viewed, id: string) {
    this.id = id
    this.#connection = connection
  }

  get principal(): Principal {
    return this.#connection.principal
  }

  get state(): Map<string, unknown> {
    return (this.#state ??= new Map())
  }

  send(topic: string, payload: Uint8Array): void {
    const { isOpen, output } = this.#connection
    if (isOpen) output.send({ type: 'publish', topic, payload, qos: 0, retain: false, dup: false })
  }

  unsubscribe(filter: string): void {
    this.#connection.dropSubscription(filter)
  }

  close(reason: ReasonCode, why: string): void {
    this.#connection.close(reason, why)
  }
}
