import { describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { History, HistoryLimits } from './domain/ports.ts'

/** Of what the data may take: from here on the history gives way, … */
const BEGIN = 0.9
/** … until so much is left. */
const END = 0.8
/** bytes of history per space; less is not worth the looking. */
const LEAST = 64 * 1024

export interface RoomParts {
  readonly disk: {
    readonly use: { readonly used: number; readonly limit: number; readonly index: number }
    look(): Promise<void>
  }
  readonly history: History
  readonly limits: HistoryLimits
  readonly clock: Clock
  /** One that does not repeat itself. */
  readonly logger: Logger
}

/**
 * What is owed to somebody goes before what was: when the data come near to what they may take, the history's quota is
 * halved until they fit, the oldest first. True: it did something.
 */
export async function makeRoom({ disk, history, limits, clock, logger }: RoomParts): Promise<boolean> {
  const { used, limit, index } = disk.use
  if (used < limit * BEGIN) return false
  let quota = Math.min(limits.maxBytes ?? Infinity, index)
  let removed = 0
  try {
    while (disk.use.used > limit * END && quota >= LEAST) {
      quota = Math.floor(quota / 2)
      removed += await history.sweep({ ...limits, maxBytes: quota }, new Date(clock.now()))
      await disk.look()
    }
  } catch (error) {
    logger.warn({ err: error }, `the history could not make room: ${describeError(error)}; it is tried again`)
  }
  const left = disk.use.used
  if (removed > 0) {
    logger.warn(
      { removed, used, left, limit },
      'the data come near to disk.maxBytes: the oldest messages left the history',
    )
  }
  if (left >= limit) {
    logger.warn(
      { used: left, limit },
      'the data take more than disk.maxBytes, and the history has nothing left to give',
    )
  }
  return removed > 0
}
