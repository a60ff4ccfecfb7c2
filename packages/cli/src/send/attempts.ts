import type { Logger } from '@halyard/core'

/**
 * A client's logger that also notices attempts which failed: then it is of no use to wait any longer for what is queued
 * behind them.
 */
export class Attempts {
  readonly logger: Logger
  #next: AbortController | undefined

  constructor(logger: Logger) {
    this.logger = {
      debug: (object, message) => logger.debug(object, message),
      info: (object, message) => logger.info(object, message),
      warn: (object, message) => {
        logger.warn(object, message)
        if ('id' in object) this.#next?.abort()
      },
      error: (object, message) => logger.error(object, message),
    }
  }

  /** Fires at the first failure after this call. */
  nextFailure(): AbortSignal {
    return (this.#next = new AbortController()).signal
  }
}
