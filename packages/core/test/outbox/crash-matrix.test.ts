/**
 * `proofs/crash-matrix.ts` with fewer choices: here every operation is cut once before, once behind, and the disk fails
 * from every eighth operation on, half the way between for the other code.
 */
import { describe, expect, it } from 'vitest'
import { FaultDisk } from '@halyard/testkit'
import { failEverywhere } from '../../../../proofs/outbox/faults.ts'
import { cutEverywhere } from '../../../../proofs/outbox/matrix.ts'
import { SCENARIOS } from '../../../../proofs/outbox/scenarios.ts'

const names = Object.keys(SCENARIOS)

describe('an outbox whose power is cut at every operation of the disk', () => {
  it.each(names)('keeps its promises: %s', async (scenario) => {
    const { operations, disks } = await cutEverywhere({ scenario, seed: 1, rounds: 1 })
    expect(operations).toBeGreaterThan(90)
    expect(disks).toBe(2 * operations + 1)
  })
})

describe('an outbox whose disk fails', () => {
  const lengths = [1, 4, Infinity]
  const cases = names.flatMap((scenario) => lengths.map((length) => ({ scenario, length })))
  it.each(cases)(
    'works again when the disk does: $scenario, $length operations',
    { timeout: 60_000 },
    async (which) => {
      const begins = { EIO: 1, ENOSPC: 5 } as const
      for (const code of ['EIO', 'ENOSPC'] as const) {
        const { runs } = await failEverywhere({ ...which, code, seed: begins[code], step: 8 })
        expect(runs).toBeGreaterThan(10)
      }
    },
  )
})

describe('the matrix itself', () => {
  class DiskWithoutNames extends FaultDisk {
    override syncDirectory(): Promise<void> {
      return Promise.resolve()
    }
  }
  class DiskWithoutData extends FaultDisk {
    override async open(...args: Parameters<FaultDisk['open']>): ReturnType<FaultDisk['open']> {
      const file = await super.open(...args)
      file.sync = () => Promise.resolve()
      return file
    }
  }

  it.each([
    ['names', DiskWithoutNames],
    ['data', DiskWithoutData],
  ])('notices a disk that does not sync %s', async (_what, Lying) => {
    const run = cutEverywhere({ scenario: 'queueAndDeliver', seed: 1, rounds: 2, disk: () => new Lying() })
    await expect(run).rejects.toThrow(/is lost\nrepeat it with/)
  })
})
