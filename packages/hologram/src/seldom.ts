import type { Clock, Logger } from '@halyard/core'

/** milliseconds for which a text is not repeated */
const QUIET = 60_000

/** A logger whose warnings a flood cannot repeat: each text at once, then once a minute with how often it was left out. */
export function seldomWarning(logger: Logger, clock: Clock): Logger {
  const texts = new Map<string, { quietUntil: number; suppressed: number }>()
  return {
    debug: (object, message) => logger.debug(object, message),
    info: (object, message) => logger.info(object, message),
    error: (object, message) => logger.error(object, message),
    warn(object, message) {
      const now = clock.monotonic()
      const entry = texts.get(message)
      if (entry && now < entry.quietUntil) {
        entry.suppressed++
        return
      }
      texts.set(message, { quietUntil: now + QUIET, suppressed: 0 })
      logger.warn(entry && entry.suppressed > 0 ? { ...object, repeated: entry.suppressed } : object, message)
    },
  }
}
