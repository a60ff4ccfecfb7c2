import { UsageError } from './errors.ts'

/** A day. Whoever passes more has most likely passed milliseconds. */
export const MAX_SECONDS = 86_400

/**
 * Checks a `timeout` or `wait` and gives it in milliseconds. Durations are in seconds everywhere in Halyard, as in the
 * documents it follows.
 *
 * @throws {UsageError} `ERR_USAGE_SECONDS` above 86,400, below 0 or not a number.
 */
export function secondsToMilliseconds(name: string, seconds: number): number {
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= MAX_SECONDS)) {
    throw new UsageError('ERR_USAGE_SECONDS', `${name} is in seconds, from 0 to ${MAX_SECONDS}, not ${String(seconds)}`)
  }
  return seconds * 1000
}
