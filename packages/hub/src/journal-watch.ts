import { describeError } from '@halyard/core'
import type { Logger } from '@halyard/core'
import type { Journal } from './domain/ports.ts'

/** Whether the journal can be written, as of the last that was tried. Says it when it changes, not a thousand times. */
export class JournalWatch {
  #failure: string | undefined
  readonly #stop: () => void

  constructor(journal: Journal, logger: Logger) {
    this.#stop = journal.onSettled((_upTo, error) => {
      const failure = error && codeOf(error)
      if (failure === this.#failure) return
      this.#failure = failure
      if (error) {
        logger.error(
          { err: error },
          `the journal cannot be written: ${describeError(error)}; nothing new is acknowledged`,
        )
      } else logger.info({}, 'the journal can be written again')
    })
  }

  /** A code of docs/errors.md; `undefined`: the last group lasts. */
  get failure(): string | undefined {
    return this.#failure
  }

  close(): void {
    this.#stop()
  }
}

function codeOf(error: Error): string {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' ? code : error.name
}
