/** The same messages through keys and channels, through plain topics of the same process, and through Mosquitto. */
import { figure, median, table } from '../lib.ts'
import { runLoad } from '../mqtt/load.ts'
import type { LoadOptions, LoadResult } from '../mqtt/load.ts'
import type { BenchHub, BenchServer } from '../mqtt/servers.ts'
import type { LoadGenerator } from '../mqtt/tools.ts'

const ONE: LoadOptions = { publishers: 1, subscribers: 1, topics: 100, window: 2000 }

const CASES: readonly { readonly name: string; readonly load: LoadOptions }[] = [
  { name: 'QoS 0, one to one, 100 B', load: ONE },
  { name: 'QoS 1, one to one, 100 B', load: { ...ONE, qos: 1, window: 1000 } },
  { name: 'QoS 0, one to 100, 100 B', load: { ...ONE, subscribers: 100, window: 500 } },
  { name: 'QoS 0, 100 to one, 100 B', load: { publishers: 100, subscribers: 1, fan_in: 1, window: 2000 } },
]
const OF_PLAIN = 0.7
const OF_MOSQUITTO = 5

/** False: a goal was missed. */
export async function throughTopics(
  generator: LoadGenerator,
  hub: BenchHub,
  mosquitto: BenchServer,
  rounds: number,
  seconds: number,
): Promise<boolean> {
  const { user: _user, password: _password, ...rest } = hub
  const emitter: BenchServer = { ...rest, name: 'Emitter', ports: { ...hub.ports, tcp: hub.ports.websocket } }
  const prefix = `${hub.emitter?.channel_key ?? ''}/demo/b`
  const servers = [emitter, hub, mosquitto]
  const rows: string[][] = []
  let met = true
  for (const { name, load } of CASES) {
    const seen = new Map<BenchServer, LoadResult[]>(servers.map((server) => [server, []]))
    for (let round = -1; round < rounds; round++) {
      for (let i = 0; i < servers.length; i++) {
        const server = servers[(i + round + 1) % servers.length] as BenchServer
        const own: LoadOptions = server === emitter ? { prefix, slash: 1 } : {}
        const result = await runLoad(generator, server, 'tcp', { seconds, ...load, ...own })
        if (round >= 0) seen.get(server)?.push(result)
      }
    }
    const of = (server: BenchServer, what: (result: LoadResult) => number): number =>
      median((seen.get(server) ?? []).map(what))
    const rate = (server: BenchServer): number => of(server, (result) => result.delivered_per_s)
    const cost = (server: BenchServer): number =>
      of(server, (result) => (result.server_cpu * 1e6) / result.delivered_per_s)
    const [plain, other] = [rate(emitter) / rate(hub), rate(emitter) / rate(mosquitto)]
    met &&= plain >= OF_PLAIN && other >= OF_MOSQUITTO
    rows.push([
      ...[name, figure(rate(emitter)), figure(rate(hub)), figure(rate(mosquitto))],
      ...[`${plain.toFixed(2)} ×`, `${figure(other)} ×`],
      ...[emitter, hub, mosquitto].map((server) => `${cost(server).toFixed(2)} µs`),
    ])
    process.stderr.write(`  ${rows.at(-1)?.join('  ')}\n`)
  }
  const head = [
    '',
    'keys',
    'plain',
    'Mosquitto',
    'of plain',
    'beside Mosquitto',
    'CPU each, keys',
    'plain',
    'Mosquitto',
  ]
  console.log(`\nmessages delivered a second (median of ${rounds})`)
  console.log(table(head, rows))
  console.log(`goal at least ${OF_PLAIN} of plain and ${OF_MOSQUITTO} times Mosquitto: ${met ? 'met' : 'MISSED'}`)
  return met
}
