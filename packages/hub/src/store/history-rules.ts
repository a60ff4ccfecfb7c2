import { UsageError } from '@halyard/core'
import { checkFilter, isShared, matches } from '@halyard/wire/mqtt'
import { labelsOf } from '../domain/message.ts'
import type { HubMessage } from '../domain/message.ts'
import type { HistoryLimits, HistoryQuery } from '../domain/ports.ts'

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

/** @throws {UsageError} `ERR_HUB_CURSOR`, `ERR_HUB_FILTER` */
export function checkQuery({ cursor, filter }: HistoryQuery): void {
  parseCursor(cursor)
  if (filter !== undefined) checkTopicFilter(filter)
}

/**
 * Whether a message's channel, or any one topic of it, matches.
 *
 * @throws {UsageError} `ERR_HUB_FILTER`
 */
export function filterMessages(filter: string): (message: Pick<HubMessage, 'service' | 'channel'>) => boolean {
  checkTopicFilter(filter)
  return ({ service, channel }) => labelsOf(service, channel).some((label) => matches(filter, label))
}

function checkTopicFilter(filter: string): void {
  // A group shares what comes; what was is everybody's.
  const problem = isShared(filter) ? 'it names a group' : checkFilter(filter)
  if (problem === undefined) return
  throw new UsageError(
    'ERR_HUB_FILTER',
    `the filter is not an MQTT topic filter: ${problem}; give one such as a/+/b or a/#`,
  )
}
