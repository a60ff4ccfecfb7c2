/** The hub's HTTP API, `/api/…`: docs/guide/hub.md §HTTP. */
import type { Clock, Logger } from '@halyard/core'
import type { FastifyInstance } from 'fastify'
import type { HologramAccounts } from '../domain/accounts.ts'
import type { ApiTokens } from '../domain/api-tokens.ts'
import type { Devices } from '../domain/devices.ts'
import type { MessageBus } from '../domain/message-bus.ts'
import type { History } from '../domain/ports.ts'
import type { Pushes } from '../domain/pushes.ts'

export interface RestParts {
  readonly tokens: ApiTokens
  /** Of this start, for programs of the data directory's owner; compared in constant time. */
  readonly localToken: string
  readonly accounts: HologramAccounts
  /** Makes and hashes keys of accounts. */
  readonly keys: AccountKeys
  readonly devices: Devices
  readonly pushes: Pushes
  readonly history: History
  readonly bus: MessageBus
  readonly clock: Clock
  readonly logger: Logger
}

export interface AccountKeys {
  /** Random characters that cannot be mistaken for each other. */
  word(length: number): string
  /** What is kept of a key. */
  hash(cloudId: string, cloudKey: string): string
}

export function restApi(_parts: RestParts): (app: FastifyInstance) => void {
  return () => {}
}
