import type { ResultCode } from '@halyard/wire/hologram'
import type { Endpoint } from './endpoint.ts'
import type { ExchangeResult } from './exchange.ts'
import type { MessageBody } from './message-body.ts'

/** Who sends and whereto, at the moment of asking: both are live properties of a cloud. */
export interface Account {
  readonly credentials: unknown
  readonly endpoint: Endpoint
}

/** What is kept of a call besides its body; no credential, no address. */
export interface Call {
  readonly topics?: readonly string[]
}

/** How an attempt went. */
export type Verdict =
  | { readonly outcome: 'delivered'; readonly code: ResultCode; readonly description?: string }
  | { readonly outcome: 'refused'; readonly code: ResultCode }
  | { readonly outcome: 'retry'; readonly reason: string }

/** What sets one service behind a socket apart from another; `Sender` does what they share. */
export interface Service {
  /** As the log and the documents name it. */
  readonly className: 'CustomCloud' | 'HologramCloud'
  /** what its messages are called in the outbox */
  readonly kind: string
  /** bytes of an answer that are read */
  readonly maxResponse: number
  /** An answer is one short word, and not a stream of which every piece may take its time. */
  readonly answersAtOnce: boolean
  /** The description of a message of which only the ledger knows that it was delivered. */
  readonly deliveredDescription: string | undefined
  /** Throws a `UsageError` if nobody can be told from these. */
  checkCredentials(credentials: unknown): void
  /** Throws a `UsageError` for what the caller must mend. */
  check(account: Account, body: MessageBody, topics: unknown): void
  /** The name of the queue in the outbox. */
  destination(account: Account): string
  /** The bytes for the wire, made when they go out, with the credentials of that moment. */
  request(account: Account, body: Uint8Array, call: Call): Uint8Array | Promise<Uint8Array>
  isComplete(request: Uint8Array, response: Uint8Array): boolean
  judge(request: Uint8Array, result: ExchangeResult): Verdict
}
