import type { Clock, Logger } from '@halyard/core'

const INTERVAL = 60_000
/** Texts held at once; they are constants of the program, so this is never reached. */
const MAX_TEXTS = 1000

/**
 * A logger for what a flood, or a disk at the edge of being full, would repeat a thousand times: the text of each warning
 * and error at once, then once a minute with the number of those that were left out. What varies belongs in the object, not
 * in the text.
 */
export function repeatedLogger(logger: Logger, clock: Clock): Logger {
  const texts = new Map<string, { quietUntil: number; suppressed: number }>()
  const say = (level: 'warn' | 'error', object: object, message: string): void => {
    const now = clock.monotonic()
    const entry = texts.get(message)
    if (entry && now < entry.quietUntil) {
      entry.suppressed++
      return
    }
    if (texts.size >= MAX_TEXTS) texts.clear()
    texts.set(message, { quietUntil: now + INTERVAL, suppressed: 0 })
    logger[level](entry && entry.suppressed > 0 ? { ...object, repeated: entry.suppressed } : object, message)
  }
  return {
    debug: (object, message) => logger.debug(object, message),
    info: (object, message) => logger.info(object, message),
    warn: (object, message) => say('warn', object, message),
    error: (object, message) => say('error', object, message),
  }
}
