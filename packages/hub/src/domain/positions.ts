/** Where messages wait for sessions: each is held once, and a session's queue is a row of positions. */

import type { Lsn } from './ports.ts'

/** Grows with each message that is held; it is the number of a message in the journal too. */
export type Position = number

export interface MessageStore<M> {
  /** Held for one who waits for it; {@link share} for each other. */
  hold(message: M, bytes: number): Position
  /** One more waits for it. False: nobody did any more, it must be held anew. */
  share(position: Position): boolean
  /** `undefined`: released by all. */
  get(position: Position): M | undefined
  release(position: Position): void
  /** Whether it goes with the next {@link release}: one alone waits for it. */
  isLast(position: Position): boolean
  /** Its record in the journal, which may not last yet; 0: none has it. */
  lsnOf(position: Position): Lsn
  wrote(position: Position, lsn: Lsn): void
  /** Those that are held and whose record lies before that, oldest first. */
  writtenBefore(lsn: Lsn): Iterable<readonly [Position, M]>
  /** Of an earlier process. Nobody waits for it until somebody {@link share}s it. */
  restore(position: Position, message: M, bytes: number): void
  /** Restored for nobody. None up to `last` is given again: a record may still name it. */
  forgetUnheld(last: Position): void
  /** Of what is held. */
  readonly bytes: number
  readonly count: number
}
