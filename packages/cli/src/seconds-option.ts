import { MAX_SECONDS, UsageError, secondsToMilliseconds } from '@halyard/core'

/** Milliseconds of what an option says in seconds. @throws {UsageError} `ERR_USAGE_SECONDS` */
export function secondsOption(option: string, text: string): number {
  const seconds = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isNaN(seconds)) return secondsToMilliseconds(option, seconds)
  throw new UsageError('ERR_USAGE_SECONDS', `${option} is in seconds, from 0 to ${MAX_SECONDS}, not ${text}`)
}
