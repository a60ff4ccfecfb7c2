/** Devices with flapping links, for half an hour. `proofs/soak/` has the parts. Linux: it looks into `/proc`. */
import type { Proof } from './proof.ts'
import { soak } from './soak/run.ts'
import { describeCourse } from './soak/vitals.ts'

const DEVICES = 200
const SEED = 1

export const proof: Proof = {
  name: 'Soak',
  claim:
    'Between 200 devices whose links flap and a hub that is killed now and then, every message is in the history exactly ' +
    'once, or more often only if its acknowledgement was cut; messages to devices arrive likewise, in their order; an SMS ' +
    'never twice; memory and descriptors stay where they are.',
  command: 'npm run build && HALYARD_SOAK_MINUTES=30 node scripts/proof.mjs soak',
  async run(progress) {
    const minutes = Number(process.env['HALYARD_SOAK_MINUTES'] ?? '30')
    if (!(minutes > 0)) throw new Error('HALYARD_SOAK_MINUTES is a number of minutes above 0')
    const result = await soak({ devices: DEVICES, minutes, seed: SEED, interval: 4, pushes: 25, progress })
    return {
      passed: true,
      rows: [
        ['minutes, devices', `${minutes}, ${DEVICES}`],
        ['accidents of links; kills of the hub, of devices', kills(result)],
        ['messages in the history', String(result.messages)],
        ['… acknowledgements cut, copies from that', `${result.cut}, ${result.repeated}`],
        ['SMS in the history, twice', `${result.sms}, 0`],
        ['messages to devices that arrived', String(result.pushes)],
        ['… acknowledgements cut, copies from that', `${result.cutPushes}, ${result.repeatedPushes}`],
        ['… of them first bytes alone, cut off in the middle', String(result.pieces)],
        ...Object.entries(result.vitals).map(
          ([name, course]) => [`${name}: second third → last third`, describeCourse(course)] as const,
        ),
        ['seed', String(SEED)],
      ],
    }
  },
}

function kills({ accidents, hubKills, deviceKills }: Awaited<ReturnType<typeof soak>>): string {
  return `${accidents}; ${hubKills}, ${deviceKills}`
}
