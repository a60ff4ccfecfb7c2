import { describe, expect, it } from 'vitest'
import { killAgainAndAgain } from '../../../../proofs/process/kill.ts'

describe('a sender that is killed at random moments', () => {
  it.each([101, 102, 103, 104, 105])('keeps every promise over twenty kills, seed %i', async (seed) => {
    const { killed, promises } = await killAgainAndAgain({ rounds: 20, seed })
    expect(killed).toBeGreaterThan(10)
    expect(promises).toBeGreaterThan(100)
  })
})
