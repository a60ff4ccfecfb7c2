import { UsageError } from '@halyard/core'
import type { HistoryLimits } from '../domain/ports.ts'

/** No Halyard ran before 2024: a time before that is a clock that had not been set. */
export const FIRST_PLAUSIBLE_TIME: number = Date.UTC(2024, 0, 1)

/** Whether an age may be reckoned from this time. */
export function isPlausible(time: number): boolean {
  return time >= FIRST_PLAUSIBLE_TIME
}

/** What was received before this is too old. Nothing is, while the clock has not been set: clocks lie. */
export function tooOldBefore(limits: HistoryLimits, now: Date): number {
  if (limits.maxAge === undefined || !isPlausible(now.getTime())) return -Infinity
  return now.getTime() - limits.maxAge * 1000
}

/** @throws {UsageError} `ERR_HUB_CURSOR` */
export function parseCursor(cursor: string | undefined): number {
  const after = cursor === undefined ? 0 : Number(cursor)
  if (cursor !== undefined && !(/^\d{1,16}$/.test(cursor) && Number.isSafeInteger(after))) {
    throw new UsageError('ERR_HUB_CURSOR', 'the cursor is not one that a page of the history gave; start without one')
  }
  return after
}
