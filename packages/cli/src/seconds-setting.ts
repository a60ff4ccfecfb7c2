import { MAX_SECONDS, secondsToMilliseconds } from '@halyard/core'
import type { Setting } from '@halyard/core/node'

/**
 * A duration, as people type it. Whoever passes milliseconds is told what the number means: a number that is too large
 * throws `ERR_USAGE_SECONDS` where it is read.
 *
 * @param also a number that means something else than a duration
 */
export function secondsSetting(name: string, variable: string, also?: number): Setting<number> {
  return {
    expected: `seconds, from 0 to ${MAX_SECONDS}`,
    variable,
    read(value) {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
      if (typeof number !== 'number' || Number.isNaN(number)) return undefined
      if (number !== also) secondsToMilliseconds(name, number)
      return number
    },
  }
}
