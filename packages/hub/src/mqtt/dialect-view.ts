import type { Broker } from './broker.ts'
import type { DialectConnection, Principal, ReasonCode } from './dialect.ts'
import { endSubscription, give } from './subscribing.ts'
import type { SubscribingClient } from './subscribing.ts'

/** What a dialect sees of a connection. */
export class DialectView implements DialectConnection {
  readonly id: string
  readonly #broker: Broker
  readonly #client: SubscribingClient
  #state: Map<string, unknown> | undefined

  constructor(broker: Broker, client: SubscribingClient, id: string) {
    this.id = id
    this.#broker = broker
    this.#client = client
  }

  get principal(): Principal {
    return this.#client.principal
  }

  get subscriptions(): Iterable<string> {
    return this.#client.session.subscriptions.keys()
  }

  get hasRoom(): boolean {
    const { isOpen, output } = this.#client
    return isOpen && output.waiting <= this.#broker.limits.outputBytes
  }

  get state(): Map<string, unknown> {
    return (this.#state ??= new Map())
  }

  send(topic: string, payload: Uint8Array): void {
    const { isOpen, output } = this.#client
    if (this.hasRoom) output.send({ type: 'publish', topic, payload, qos: 0, retain: false, dup: false })
    else if (isOpen) this.#broker.counters.dropped++
  }

  subscribe(filter: string): boolean {
    return this.#client.isOpen && give(this.#broker, this.#client, filter)
  }

  unsubscribe(name: string): void {
    endSubscription(this.#broker, this.#client, name)
  }

  close(reason: ReasonCode, why: string): void {
    this.#client.close(reason, why)
  }
}
