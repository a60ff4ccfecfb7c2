/** What the requests and the dialect stand on. */
import type { Clock, Logger } from '@halyard/core'
import { ERROR_TOPIC, encodeFailure } from '@halyard/wire/emitter'
import type { FailureName, KeyCodec, License, Matcher, Refusal } from '@halyard/wire/emitter'
import type { EmitterKeys } from '../domain/emitter-keys.ts'
import type { MessageHistory } from '../domain/message-history.ts'
import type { DialectConnection, DialectRequest, Publication } from '../mqtt/dialect.ts'
import type { Authority } from './authority.ts'
import type { EmitterLimits } from './limits.ts'
import type { Presence } from './presence.ts'
import { principalOf } from './principal.ts'

export interface EmitterBroker {
  readonly license: License
  readonly codec: KeyCodec
  readonly keys: EmitterKeys
  readonly authority: Authority
  readonly presence: Presence
  readonly history: MessageHistory<Publication>
  /** `emitter:<contract>` */
  readonly space: string
  readonly matcher: Matcher
  readonly limits: EmitterLimits
  readonly clock: Clock
  readonly logger: Logger
}

/** What a request is answered from. */
export type EmitterRequest = Pick<DialectRequest, 'connection' | 'payload' | 'packetId'>

/** The payload of the answer, or why there is none. */
export type RequestAnswer = Uint8Array | Refusal

/** Numbers of 5.0; before it there is but 0x80 in a SUBACK. */
export const NOT_AUTHORISED = 0x87
export const BAD_FILTER = 0x8f
export const BAD_TOPIC = 0x90
const REFUSED = 0x83

/** `bad`: what a bad request is called. */
export function reasonOf(failure: FailureName, bad: number): number {
  if (failure === 'unauthorized' || failure === 'extend-only') return NOT_AUTHORISED
  return failure === 'bad-request' ? bad : REFUSED
}

/** Of a publish, subscribe or unsubscribe; `packetId` 0: of nothing that the client has asked. */
export function tellFailure(
  connection: DialectConnection,
  failure: FailureName,
  packetId: number,
  { limits }: Pick<EmitterBroker, 'limits'>,
): void {
  connection.send(ERROR_TOPIC, encodeFailure(failure, packetId))
  closeGuesser(connection, limits)
}

/** Whoever tries one key after the other. */
export function closeGuesser(connection: DialectConnection, { unknownKeys }: EmitterLimits): void {
  if (principalOf(connection).unknownKeys < unknownKeys) return
  connection.close(NOT_AUTHORISED, `it has shown ${unknownKeys} keys that nobody issued`)
}
