/**
 * The three ports behind which a hub's disk lies. The domain sees only these; `store/` has two implementations of each
 * (memory; segment log and SQLite), and one contract suite per port that both pass. Several machines would be a third:
 * the ports map to a stream, a key-value bucket and the subjects of NATS JetStream. docs/decisions/010-the-hubs-store.md
 */
import type { Direction, ServiceName, StoredMessage } from './message.ts'

/** Number of a record in the journal, from 1. */
export type Lsn = number

/** Told once, in the order of the appends. */
export interface CommitWaiter {
  committed(lsn: Lsn): void
  /** The record is not in the journal. */
  failed(error: Error): void
}

/**
 * What became of the next records in their order, up to this one: they last, or they are not in the journal. Cheaper than
 * a waiter for each where many wait.
 */
export type CommitListener = (upTo: Lsn, error: Error | undefined) => void

export interface JournalRecord {
  readonly lsn: Lsn
  /** Valid only until the next record is asked for. */
  readonly payload: Uint8Array
}

/** What was accepted, in order. An acknowledgement leaves only after the commit that covers it. */
export interface Journal extends AsyncDisposable {
  /** Synchronous and cheap: the bytes are copied and written with whatever else arrives. Throws when closed. */
  append(payload: Uint8Array, waiter?: CommitWaiter): Lsn
  /** The newest record that lasts; 0 before the first. */
  readonly committed: Lsn
  /** Appended and not yet committed. */
  readonly pendingBytes: number
  /** Of all records that are there, needed or not. */
  readonly bytes: number
  /** Told once a group, in order. The function given back ends it. */
  onSettled(listener: CommitListener): () => void
  /** Resolves when everything up to `lsn` lasts, rejects if it never will. */
  whenCommitted(lsn: Lsn): Promise<void>
  /** Committed records with a number above `after`, oldest first, in batches. */
  replay(after: Lsn): AsyncIterable<readonly JournalRecord[]>
  /** Records below `lsn` are needed by nobody any more. They may stay for a while. */
  dropBelow(lsn: Lsn): Promise<void>
  /** Waits for what was appended. */
  close(): Promise<void>
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export interface Document {
  readonly id: string
  /** Grows with every write anywhere in the registry; never used twice. */
  readonly revision: number
  readonly value: Json
}

export type WriteResult =
  | { readonly written: true; readonly revision: number }
  /** Someone else was faster; `revision` is the present one, 0 if there is no document. */
  | { readonly written: false; readonly revision: number }

export interface RegistryChange {
  readonly collection: string
  readonly id: string
  /** `undefined`: removed. */
  readonly document: Document | undefined
}

/** Small documents (accounts, keys, settings): at most `MAX_DOCUMENT_BYTES` as JSON. A write lasts when its promise resolves. */
export interface Registry {
  get(collection: string, id: string): Promise<Document | undefined>
  /** `expected`: the revision it must have now, 0 = it must not exist; left out = whatever it is. */
  put(collection: string, id: string, value: Json, expected?: number): Promise<WriteResult>
  /** `written: false` also if there was nothing to remove. */
  remove(collection: string, id: string, expected?: number): Promise<WriteResult>
  /** By id, at most `limit` (100, at most 1,000) with an id after `after`. */
  list(collection: string, options?: { readonly after?: string; readonly limit?: number }): Promise<readonly Document[]>
  /** Called after each write, in order, before its promise resolves. The function given back ends it. */
  watch(listener: (change: RegistryChange) => void): () => void
}

export const MAX_DOCUMENT_BYTES = 65_536

export interface HistoryQuery {
  /** Left out: all spaces together, or those of `service`. */
  readonly space?: string
  readonly service?: ServiceName
  readonly account?: string
  /** The whole channel or any one topic of it. */
  readonly channel?: string
  /**
   * An MQTT topic filter that the channel, or any one topic of it, matches. `a/b/#` is `a/b` and all below it. A service
   * whose channels end with `/` gives and asks for them without it.
   */
  readonly filter?: string
  readonly direction?: Direction
  /** Received at or after. */
  readonly from?: Date
  /** Received before. */
  readonly until?: Date
  /**
   * Only the newest so many of what fits (at most 1,000, at most `bytes`), still oldest first; there is no further page
   * then.
   */
  readonly last?: number
  /**
   * The id of a message: only those accepted behind it. One that is not in the history (any more) stands for the place
   * where it would be.
   */
  readonly after?: string
  /** The id of a message: only those accepted before it. With `last`, pages go back in time. */
  readonly before?: string
  /** Of the page before. */
  readonly cursor?: string
  /** Messages in a page; 100, at most 1,000. */
  readonly limit?: number
  /** Of payloads and options in a page, which has one message at least; `MAX_PAGE_BYTES`, at most that. */
  readonly bytes?: number
}

export interface HistoryPage {
  /** In the order of acceptance. */
  readonly messages: readonly StoredMessage[]
  /** There may be more after this page. */
  readonly cursor?: string
}

export interface HistoryLimits {
  /** seconds since it was received */
  readonly maxAge?: number
  /** payload, options, names and a fixed 100 bytes for each message, per space; the oldest go first */
  readonly maxBytes?: number
}

/** Messages that were, for whoever asks later. A query sees everything the journal had committed when it was asked. */
export interface History {
  /** Keeps messages in this order; one whose id is there already is skipped. They last when it resolves. */
  append(messages: readonly StoredMessage[]): Promise<void>
  /** Rejects with `ERR_HUB_CURSOR` or `ERR_HUB_FILTER` for a cursor or filter that is none. */
  query(query: HistoryQuery): Promise<HistoryPage>
  /** Removes what is expired, too old or over the quota; gives how many messages went. */
  sweep(limits: HistoryLimits, now: Date): Promise<number>
}

export const MAX_PAGE = 1000
export const MAX_PAGE_BYTES = 16_777_216

/** What a message counts against a quota. */
export function storedSize(message: StoredMessage): number {
  return 100 + pageSize(message) + message.channel.length + message.account.length
}

/** What a message counts against the bytes of a page. */
export function pageSize({ payload, options }: StoredMessage): number {
  return payload.length + (options?.length ?? 0)
}
