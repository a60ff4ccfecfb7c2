/** Small here; long as a proof: proofs/mqtt-client-kills.ts. */
import { expect, it } from 'vitest'
import { killAgainAndAgain } from '../support/kills.ts'

const kills = Number(process.env['MQTT_CLIENT_KILLS'] ?? '2')
/** A run that is long takes its time. */
const PATIENCE = 60_000 + kills * 5000

it.each([4, 5] as const)(
  'version %s: publisher and hub are killed, what was acknowledged arrives, QoS 2 once',
  async (version) => {
    const { lost, twice, disordered, acknowledged, received } = await killAgainAndAgain({
      version,
      kills,
      seed: version,
    })
    expect({ lost, twice, disordered }).toEqual({ lost: [], twice: [], disordered: [] })
    expect(acknowledged).toBeGreaterThan(100)
    if (kills > 2) console.log(`version ${version}: ${kills} kills, ${acknowledged} acknowledged, ${received} received`)
  },
  PATIENCE,
)
