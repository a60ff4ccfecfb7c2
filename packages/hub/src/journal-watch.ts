import { describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { Journal } from './domain/ports.ts'

/** ms between two lines: at the edge of a full disk small messages are kept and large ones not. */
const QUIET = 60_000

/** Whether the journal can be written, as of the last that was tried. Says it when it changes, not a thousand times. */
export class JournalWatch {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #stop: () => void
  #failure: string | undefined
  /** It was said that it fails, and not yet that it is over. */
  #isTold = false
  #quietUntil = 0

  constructor(journal: Journal, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock
    this.#logger = logger
    this.#stop = journal.onSettled((_upTo, error) => {
      this.#failure = error && codeOf(error)
      if (error) this.#tellFailure(error)
      else this.#tellRecovery()
    })
  }

  /** A code of docs/errors.md; `undefined`: the last group lasts. */
  get failure(): string | undefined {
    return this.#failure
  }

  close(): void {
    this.#stop()
  }

  #tellFailure(error: Error): void {
    const now = this.#clock.monotonic()
    if (this.#isTold || now < this.#quietUntil) return
    this.#isTold = true
    this.#quietUntil = now + QUIET
    const what = `the journal cannot be written: ${describeError(error)}; nothing new is acknowledged`
    this.#logger.error({ err: error }, what)
  }

  #tellRecovery(): void {
    if (!this.#isTold) return
    this.#isTold = false
    this.#logger.info({}, 'the journal can be written again')
  }
}

function codeOf(error: Error): string {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' ? code : error.name
}
