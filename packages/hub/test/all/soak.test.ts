/** The soak of `make proof`, short and small: that it still runs, and that its parts still meet. */
import { expect, it } from 'vitest'
import { soak } from '../../../../proofs/soak/run.ts'

it('accounts for every message of twenty devices with flapping links and killed processes', async () => {
  const result = await soak({ devices: 20, minutes: 1 / 3, seed: 7, pushes: 5, interval: 1 })
  expect(result.messages).toBeGreaterThan(150)
  expect(result.pushes).toBeGreaterThan(30)
  expect(result.cut).toBeGreaterThan(3)
  expect(result.accidents).toBeGreaterThan(20)
  expect([result.hubKills, result.deviceKills]).toEqual([2, 1])
}, 300_000)
