import type { Logger } from '@halyard/core'

/**
 * A client's logger that also notices the first attempt which failed: then it is of no use to wait any longer for what
 * is queued behind it.
 */
export class Attempts {
  readonly logger: Logger
  readonly #failed = new AbortController()

  constructor(logger: Logger) {
    this.logger = {
      debug: (object, message) => logger.debug(object, message),
      info: (object, message) => logger.info(object, message),
      warn: (object, message) => {
        logger.warn(object, message)
        if ('id' in object) this.#failed.abort()
      },
      error: (object, message) => logger.error(object, message),
    }
  }

  get failed(): AbortSignal {
    return this.#failed.signal
  }
}
