import { describe, expect, it } from 'vitest'
import { backoff, secondsToMilliseconds } from '@halyard/core'

describe('backoff', () => {
  it('doubles up to the cap and jitters over the whole interval', () => {
    expect(backoff(3, { random: () => 0.5 })).toBe(4000)
    expect(backoff(30, { random: () => 0.999_999 })).toBeLessThan(60_000)
    expect(backoff(0, { random: () => 0 })).toBe(0)
  })
})

describe('secondsToMilliseconds', () => {
  it('refuses what can only be milliseconds', () => {
    expect(secondsToMilliseconds('timeout', 0.25)).toBe(250)
    expect(() => secondsToMilliseconds('timeout', 90_000)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE_SECONDS', message: expect.stringContaining('is in seconds') }),
    )
  })
})
