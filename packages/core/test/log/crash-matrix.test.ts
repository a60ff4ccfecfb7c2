/** `proofs/crash-matrix.ts`, the log's part, with fewer choices of what survives. */
import { describe, expect, it } from 'vitest'
import { cutLogEverywhere, failLogEverywhere } from '../../../../proofs/log/matrix.ts'

describe('a segment log', () => {
  it('loses no record that it told as kept, and gives no number twice, cut at every operation', async () => {
    const { operations, disks } = await cutLogEverywhere({ seed: 1, rounds: 3 })
    expect(operations).toBeGreaterThan(150)
    expect(disks).toBe(3 * (2 * operations + 1))
  })

  it.each([1, 4, Infinity])('nor when the disk fails before the power goes, for %d operations', async (length) => {
    for (const code of ['EIO', 'ENOSPC'] as const) {
      expect(await failLogEverywhere({ code, length, seed: 1 })).toBeGreaterThan(150)
    }
  })
})
