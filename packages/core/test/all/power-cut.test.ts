import { expect, it } from 'vitest'
import { cutPower } from '../../../../proofs/power-cut/run.ts'

it('keeps every promise over ten power cuts of a traced process', async () => {
  const { cuts, promises, handed } = await cutPower({ seed: 3, runs: 2, cuts: 10 })
  expect(cuts).toBe(10)
  expect(promises).toBeGreaterThan(100)
  expect(handed).toBeGreaterThan(10)
})
