/** Where messages are kept for those who subscribe later: what was live once, asked for by channel. */

export interface HistoryDraft<M> {
  readonly space: string
  readonly channel: string
  readonly message: M
  /** What it counts against a limit. */
  readonly bytes: number
  /** So many seconds it may be asked for. */
  readonly lifetime: number
}

/** Told once, perhaps before {@link MessageHistory.keep} returns. */
export interface KeepWaiter {
  /** It lasts: the acknowledgement may leave. */
  kept(): void
  /** It is not kept. */
  failed(error: Error): void
}

export interface MessageHistory<M> {
  /**
   * Synchronous and cheap. Gives the number of the message, above 0 and greater than all before: who gets it live and from
   * the history knows it again by that. 0: it was not taken. Never throws: what goes wrong is told to the waiter.
   */
  keep(draft: HistoryDraft<M>, waiter: KeepWaiter): number
  /** Everything that was handed in before the call and fits, oldest first. */
  read(space: string, filter: string, wish?: HistoryWish): AsyncIterable<KeptMessage<M>>
}

export interface HistoryWish {
  /** Only the newest so many, */
  readonly last?: number | undefined
  /** and of them only so many bytes, at least one message, at most a thousand. Needs `last`. */
  readonly bytes?: number | undefined
  /** Kept at or after: unix ms. */
  readonly from?: number | undefined
  /** Kept before: unix ms. */
  readonly until?: number | undefined
  /** The number of a message: only those before it. */
  readonly before?: number | undefined
}

/** A message as the history has it, and back: the service knows what it is made of. */
export interface KeptMessageCodec<M> {
  /** Good until the next call. */
  encode(message: M, channel: string): KeptParts
  /** @throws {StorageError} `ERR_HUB_RECORD` for what this version did not write. */
  decode(parts: KeptParts, channel: string): M
}

export interface KeptParts {
  /** As everybody is shown it. */
  readonly payload: Uint8Array
  /** Everything else; absent: there is nothing to say. */
  readonly options?: Uint8Array
}

export interface KeptMessage<M> {
  readonly id: number
  readonly channel: string
  /** When it was kept: unix ms. */
  readonly at: number
  readonly message: M
}
