import type { Clock, Logger, Timer } from '@halyard/core'
import type { History, HistoryLimits } from './domain/ports.ts'

const INTERVAL = 60_000

/** Once a minute: what is expired, too old or over the quota goes. */
export function sweepHistory(history: History, limits: HistoryLimits, clock: Clock, logger: Logger): Timer {
  let cancelled = false
  let timer: Timer
  const schedule = (): void => {
    timer = clock.setTimer(INTERVAL, () => void sweep())
  }
  const sweep = async (): Promise<void> => {
    try {
      const removed = await history.sweep(limits, new Date(clock.now()))
      if (removed > 0) logger.debug({ removed }, 'messages left the history')
    } catch (error) {
      if (!cancelled) logger.warn({ err: error }, 'the history could not be swept; it is tried again in a minute')
    }
    if (!cancelled) schedule()
  }
  schedule()
  return {
    cancel: () => {
      cancelled = true
      timer.cancel()
    },
  }
}
