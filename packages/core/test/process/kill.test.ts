import { expect, it } from 'vitest'
import { killAgainAndAgain } from '../../../../proofs/process/kill.ts'

it('loses nothing that was queued and repeats nothing that was settled, killed 20 times', async () => {
  const result = await killAgainAndAgain({ rounds: 20, seed: 7 })
  expect(result.killed).toBeGreaterThan(8)
  expect(result.received).toBeGreaterThan(200)
})
