/** Where messages wait for sessions: each is held once, and a session's queue is a row of positions. */

/** Grows with each message that is held; the next issue makes it a number in the journal. */
export type Position = number

export interface MessageStore<M> {
  /** Held until it was released as often as it was held. `times`: by so many queues at once. */
  hold(message: M, bytes: number, times: number): Position
  /** `undefined`: released by all. */
  get(position: Position): M | undefined
  release(position: Position): void
  /** Of what is held. */
  readonly bytes: number
  readonly count: number
}
