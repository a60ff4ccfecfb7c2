/** The client's promise through kills of its own process and of the hub: `packages/mqtt/test/support/kills.ts`. */
import { killAgainAndAgain } from '../packages/mqtt/test/support/kills.ts'
import type { Proof } from './proof.ts'

const KILLS = Number(process.env['MQTT_CLIENT_KILLS'] ?? '60')
/** A new directory for each so many. */
const ROUND = 20
const SEED = 1

export const proof: Proof = {
  name: 'The MQTT client and kills',
  claim:
    "Through kills of a publisher's process and of the hub's at random moments, everything whose `publish` had resolved comes to " +
    'a persistent session, QoS 2 once, in the order of the publisher.',
  command: 'npm run build && MQTT_CLIENT_KILLS=60 node scripts/proof.mjs mqtt-client-kills',
  async run(progress) {
    if (!(KILLS >= 1)) throw new Error('MQTT_CLIENT_KILLS is a number of kills from 1 on')
    const total = { kills: 0, acknowledged: 0, received: 0, lost: 0, twice: 0, disordered: 0 }
    for (let round = 0; total.kills < KILLS; round++) {
      progress(`${total.kills} of ${KILLS} kills`)
      const kills = Math.min(ROUND, KILLS - total.kills)
      const report = await killAgainAndAgain({ version: round % 2 === 0 ? 5 : 4, kills, seed: SEED + round })
      total.kills += report.kills
      total.acknowledged += report.acknowledged
      total.received += report.received
      total.lost += report.lost.length
      total.twice += report.twice.length
      total.disordered += report.disordered.length
    }
    const { kills, acknowledged, received, lost, twice, disordered } = total
    return {
      passed: lost + twice + disordered === 0 && acknowledged > 0,
      rows: [
        ['kills, acknowledged, received', `${kills}, ${acknowledged}, ${received}`],
        ['lost, QoS 2 twice, out of order', `${lost}, ${twice}, ${disordered}`],
        ['seed', String(SEED)],
      ],
    }
  },
}
