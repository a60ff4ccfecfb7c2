/** QoS 2 through kills of the server and cuts of its clients; ours beside others. `proofs/mqtt/once/` has the parts. */
import { seededRandom } from '@halyard/testkit'
import { within } from './mqtt/client.ts'
import { publishOnce } from './mqtt/once/run.ts'
import type { OnceResult } from './mqtt/once/run.ts'
import { Server } from './mqtt/servers.ts'
import type { Proof } from './proof.ts'

const KILLS = Number(process.env['MQTT_ONCE_KILLS'] ?? '60')
const LIFE = 2000
const SEED = 1
/** Milliseconds for one server. */
const LIMIT = 300_000

const OTHERS = ['mosquitto', 'mosquitto-strict', 'aedes'] as const

export const proof: Proof = {
  name: 'Exactly once',
  claim:
    'Through kills of the hub at random moments and cuts of connections at every step of the protocol, each message of ' +
    'QoS 2 comes to each persistent session once, neither more nor less, and in the order of its publisher.',
  command: 'npm run build && MQTT_ONCE_KILLS=60 node scripts/proof.mjs mqtt-exactly-once',
  async run(progress) {
    if (!(KILLS >= 1)) throw new Error('MQTT_ONCE_KILLS is a number of kills from 1 on')
    const rows: [string, string][] = []
    let passed = false
    for (const kind of ['hub', ...OTHERS] as const) {
      const server = await Server.prepare(kind)
      try {
        const kills = kind === 'hub' ? KILLS : Math.ceil(KILLS / 10)
        const onKill = (killed: number): void => progress(`${server.name}, ${killed} of ${kills} kills`)
        const options = { server, random: seededRandom(SEED), kills, life: LIFE, onKill }
        const result = await within(publishOnce(options), 'an end', LIMIT).catch((error: unknown) => {
          // A peer that does not come back after a kill shall not keep the proof of ours from its end.
          if (kind === 'hub') throw error
          return undefined
        })
        if (result === undefined) {
          rows.push([server.name, `no result within ${LIMIT / 1000} s`])
          continue
        }
        rows.push(...rowsOf(server.name, result))
        if (kind === 'hub') {
          const { lost, twice, disordered, sessions, malformed } = result
          passed = lost + twice + disordered + sessions + malformed === 0
          rows.push(['… cuts by their step', cutsText(result)])
        }
      } finally {
        await server.destroy()
      }
    }
    rows.push(['seed', String(SEED)])
    return { passed, rows }
  },
}

function rowsOf(name: string, result: OnceResult): [string, string][] {
  const { kills, messages, deliveries, lost, twice, disordered, sessions, malformed, connections } = result
  return [
    [`${name}: kills, connections, messages, deliveries`, `${kills}, ${connections}, ${messages}, ${deliveries}`],
    ['… lost, twice, out of order', `${lost}, ${twice}, ${disordered}`],
    ['… sessions that were forgotten, connections with malformed packets', `${sessions}, ${malformed}`],
  ]
}

function cutsText({ cuts }: OnceResult): string {
  const sorted = [...cuts].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([step, times]) => `${step} ${times}`).join(', ')
}
