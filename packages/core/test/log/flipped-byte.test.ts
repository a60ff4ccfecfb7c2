import { expect, it } from 'vitest'
import { flipBytes } from '../../../../proofs/log/flipped.ts'

it('a log opens whatever byte is flipped, reports it, and loses that record at most', async () => {
  const { bytes, flips, lost } = await flipBytes({ records: 12, bytes: 30, segmentBytes: 200, seed: 1 })
  expect(flips).toBe(3 * bytes)
  expect(lost).toBeGreaterThan(flips / 2)
  await flipBytes({ records: 500, bytes: 600, segmentBytes: 32 * 1024, seed: 2, flips: 50 })
})
