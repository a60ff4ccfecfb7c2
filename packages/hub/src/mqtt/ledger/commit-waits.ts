import { describeError } from '@halyard/core'
import type { Logger } from '@halyard/core'
import type { Lsn } from '../../domain/ports.ts'
import { UNKEPT, unkept } from '../keeper.ts'
import type { CommitWait } from '../keeper.ts'

/** Who waits for commits: each is told in the order of what he waits for. */
export class CommitWaits {
  readonly #logger: Logger
  readonly #waits = new Set<CommitWait>()
  readonly #calls: { readonly lsn: Lsn; readonly done: (error: Error | undefined) => void }[] = []

  constructor(logger: Logger) {
    this.#logger = logger
  }

  wait(waiter: CommitWait): void {
    this.#waits.add(waiter)
  }

  when(lsn: Lsn, done: (error: Error | undefined) => void): void {
    if (lsn === 0) done(undefined)
    else if (lsn === UNKEPT) done(unkept())
    else this.#calls.push({ lsn, done })
  }

  tell(upTo: Lsn, outcome: Error | undefined): void {
    for (const waiter of this.#waits) {
      if (!this.#guard(() => waiter.settled(upTo, outcome))) this.#waits.delete(waiter)
    }
    const later = this.#calls.findIndex(({ lsn }) => lsn > upTo)
    // Taken out first: who asks again for what has failed is told with the next commit, not in this loop for ever.
    for (const { done } of this.#calls.splice(0, later < 0 ? Infinity : later)) this.#guard(() => done(outcome))
  }

  /** One that throws must not keep the others from being told, nor the journal from being written. */
  #guard<T>(tell: () => T): T | undefined {
    try {
      return tell()
    } catch (error) {
      this.#logger.error({ err: error }, `mqtt: an answer could not be given: ${describeError(error)}`)
      return undefined
    }
  }
}
