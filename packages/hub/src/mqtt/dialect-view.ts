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
export function dialectView(connection: Viewed, id: string): DialectConnection {
  let state: Map<string, unknown> | undefined
  return {
    id,
    get principal() {
      return connection.principal
    },
    get state() {
      return (state ??= new Map<string, unknown>())
    },
    send: (topic, payload) => {
      const packet = { type: 'publish', topic, payload, qos: 0, retain: false, dup: false } as const
      if (connection.isOpen) connection.output.send(packet)
    },
    unsubscribe: (filter) => connection.dropSubscription(filter),
    close: (reason, why) => connection.close(reason, why),
  }
}
