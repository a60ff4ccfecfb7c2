/** The connection is cut at every byte. */
import { describe, expect, it } from 'vitest'
import { hub } from '../support/clients.ts'
import { cutEverywhere } from '../support/cuts.ts'

describe.each([4, 5] as const)('version %s', (version) => {
  describe.each([0, 1, 2] as const)('QoS %s', (qos) => {
    it.each(['publisher', 'subscriber'] as const)('%s', async (side) => {
      const { problems, runs } = await cutEverywhere(await hub(), { version, qos, side }, 'bytes')
      expect(problems).toEqual([])
      expect(runs).toBeGreaterThan(100)
    })
  })
})
