import { expect, it } from 'vitest'
import { killAgainAndAgain } from '../support/kills.ts'

it.each([4, 5] as const)(
  'version %s: publisher and hub are killed, what was acknowledged arrives, QoS 2 once',
  async (version) => {
    const { lost, twice, disordered, acknowledged } = await killAgainAndAgain({ version, kills: 4, seed: version })
    expect({ lost, twice, disordered }).toEqual({ lost: [], twice: [], disordered: [] })
    expect(acknowledged).toBeGreaterThan(100)
  },
)
