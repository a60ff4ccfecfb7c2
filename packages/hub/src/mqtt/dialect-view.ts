import type { Broker } from './broker.ts'
import type { DialectConnection } from './dialect.ts'
import { endSubscription, give } from './subscribing.ts'
import type { SubscribingClient } from './subscribing.ts'

/** What a dialect sees of a connection. */
export function dialectView(broker: Broker, client: SubscribingClient, id: string): DialectConnection {
  let state: Map<string, unknown> | undefined
  const hasRoom = (): boolean => client.isOpen && client.output.waiting <= broker.limits.outputBytes
  return {
    id,
    get principal() {
      return client.principal
    },
    get subscriptions() {
      return client.session.subscriptions.keys()
    },
    get hasRoom() {
      return hasRoom()
    },
    get state() {
      return (state ??= new Map<string, unknown>())
    },
    send: (topic, payload) => {
      const packet = { type: 'publish', topic, payload, qos: 0, retain: false, dup: false } as const
      if (hasRoom()) client.output.send(packet)
      else if (client.isOpen) broker.counters.dropped++
    },
    subscribe: (filter) => client.isOpen && give(broker, client, filter),
    unsubscribe: (name) => void endSubscription(broker, client, name),
    close: (reason, why) => client.close(reason, why),
  }
}
