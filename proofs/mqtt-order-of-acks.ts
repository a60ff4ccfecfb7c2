/** When an acknowledgement leaves, by the system calls of a broker; ours beside others. `proofs/mqtt/trace/` has the parts. */
import { seededRandom } from '@halyard/testkit'
import { orderOfAcks } from './mqtt/trace/order.ts'
import { traced } from './mqtt/trace/traced.ts'
import { leaveSleepers, publishLanes } from './mqtt/trace/workload.ts'
import { Server } from './mqtt/servers.ts'
import type { ServerKind } from './mqtt/servers.ts'
import { parseStrace } from './power-cut/strace.ts'
import type { Proof } from './proof.ts'

const COUNT = Number(process.env['MQTT_ACKS_COUNT'] ?? '2000')
const SEED = 1

/** The strictest Mosquitto writes everything again for each message: a few are enough. */
const SERVERS: readonly { readonly kind: ServerKind; readonly count: number }[] = [
  { kind: 'hub', count: COUNT },
  { kind: 'mosquitto', count: Math.min(COUNT, 200) },
  { kind: 'mosquitto-strict', count: Math.min(COUNT, 40) },
]

export const proof: Proof = {
  name: 'Acknowledged behind the disk',
  claim:
    'No PUBACK, PUBREC or SUBACK of a persistent session leaves the hub before the fdatasync has come back that makes last ' +
    'what it acknowledges, and those of one connection leave in the order in which it was sent.',
  command: 'npm run build && MQTT_ACKS_COUNT=2000 node scripts/proof.mjs mqtt-order-of-acks',
  async run(progress) {
    if (!(COUNT >= 1 && COUNT <= 4000)) throw new Error('MQTT_ACKS_COUNT is a number of messages from 1 to 4000')
    const rows: [string, string][] = []
    let passed = false
    for (const { kind, count } of SERVERS) {
      const server = await Server.prepare(kind)
      progress(server.name)
      try {
        const trace = parseStrace(
          await traced(server, async () => {
            await leaveSleepers(server)
            await publishLanes({ server, random: seededRandom(SEED), run: 0, count })
          }),
        )
        const seen = orderOfAcks(server.directory, trace)
        rows.push(
          [`${server.name}: PUBACK, PUBREC and SUBACK; syncs`, `${seen.acknowledged}; ${seen.syncs}`],
          ['… left before the sync had come back', String(seen.early)],
          ['… of what was never synced, never written', `${seen.unsynced}, ${seen.unwritten}`],
          ['… out of order', String(seen.disordered)],
        )
        if (kind !== 'hub') continue
        const wrong = seen.early + seen.unsynced + seen.unwritten + seen.disordered
        passed = seen.acknowledged >= 5 * count && wrong === 0
      } finally {
        await server.destroy()
      }
    }
    return { passed, rows }
  },
}
