/** Where messages wait for sessions: each is held once, and a session's queue is a row of positions. */

/** Grows with each message that is held; the next issue makes it a number in the journal. */
export type Position = number

export interface MessageStore<M> {
  /** Held for one who waits for it; {@link share} for each other. */
  hold(message: M, bytes: number): Position
  /** One more waits for it. False: nobody did any more, it must be held anew. */
  share(position: Position): boolean
  /** `undefined`: released by all. */
  get(position: Position): M | undefined
  release(position: Position): void
  /** Of what is held. */
  readonly bytes: number
  readonly count: number
}
