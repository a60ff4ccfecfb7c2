import { describe, expect, it } from 'vitest'
import { cutPower } from '../../../../proofs/power-cut/run.ts'

describe('an outbox in a traced process', () => {
  it('keeps every promise over ten power cuts', async () => {
    const { cuts, promises, handed } = await cutPower({ seed: 3, runs: 2, cuts: 10 })
    expect(cuts).toBe(10)
    expect(promises).toBeGreaterThan(100)
    expect(handed).toBeGreaterThan(10)
  })

  it.each(['fsync', 'fdatasync'] as const)('would not without %s, and the proof notices', async (without) => {
    // Which promise breaks first depends on what the traced process happened to do.
    const broken = / is lost$| went out again$| went out before it was on disk$|; the ledger says /
    await expect(cutPower({ seed: 3, runs: 2, cuts: 40, without })).rejects.toThrow(broken)
  })
})
