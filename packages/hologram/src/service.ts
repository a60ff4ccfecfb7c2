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
  /** of an SMS: the number it goes to */
  readonly destination?: string
}

/** A call as programs in JavaScript make it. */
export type UncheckedCall = { readonly [Name in keyof Call]?: unknown }

/** How an attempt went. `description` stands in place of the sentence of the code. */
export type Verdict =
  | { readonly outcome: 'delivered'; readonly code: ResultCode; readonly description?: string }
  | { readonly outcome: 'refused'; readonly code: ResultCode; readonly description?: string }
  | { readonly outcome: 'retry'; readonly reason: string }

/** One thing that a service takes: a message, an SMS. */
export interface MessageKind {
  /** what it is called in the outbox */
  readonly name: string
  /** A second copy is worse than none: its attempt is written down before it begins. */
  readonly atMostOnce: boolean
  /** Throws a `UsageError` for what the caller must mend. */
  check(body: MessageBody, call: UncheckedCall): void
  /** What the log should say of one that can be sent, and yet may surprise. */
  concern?(body: MessageBody): string | undefined
  /** The bytes for the wire, made when they go out, with the credentials of that moment. */
  request(account: Account, body: Uint8Array, call: Call): Uint8Array | Promise<Uint8Array>
  isComplete(request: Uint8Array, response: Uint8Array): boolean
  judge(request: Uint8Array, result: ExchangeResult): Verdict
}

/** What sets one service behind a socket apart from another; `Sender` does what they share. */
export interface Service {
  /** As the log and the documents name it. */
  readonly className: 'CustomCloud' | 'HologramCloud' | 'Raw'
  /** Whether its inbound socket is opened unless that is said otherwise. */
  readonly listens: boolean
  readonly message: MessageKind
  readonly sms?: MessageKind
  /** bytes of an answer that are read */
  readonly maxResponse: number
  /** An answer is one short word, and not a stream of which every piece may take its time. */
  readonly answersAtOnce: boolean
  /** The description of a message of which only the ledger knows that it was delivered. */
  readonly deliveredDescription: string | undefined
  /** Throws a `UsageError` if nobody can be told from these: in constructors and on assignment. */
  checkCredentials(credentials: unknown): void
  /** Throws a `UsageError` unless a message could go out for this account. */
  checkAccount(account: Account): void
  /** The name of the queue in the outbox. */
  destination(account: Account): string
}
