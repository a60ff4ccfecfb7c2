/** The connection is cut at the end of each packet and inside of it: nothing is lost, QoS 2 comes once, order is kept. */
import { describe, expect, it } from 'vitest'
import { hub } from './support/clients.ts'
import { cutEverywhere } from './support/cuts.ts'

describe.each([4, 5] as const)('version %s', (version) => {
  it.each([0, 1, 2] as const)('QoS %s', async (qos) => {
    const server = await hub()
    for (const side of ['publisher', 'subscriber'] as const) {
      const { problems, runs, cuts } = await cutEverywhere(server, { version, qos, side }, 'packets')
      expect(problems).toEqual([])
      // Of the last packets some are cut that nobody waits for any more.
      expect(cuts).toBeGreaterThan(runs * 0.25)
      expect(runs).toBeGreaterThan(5)
    }
  })
})
