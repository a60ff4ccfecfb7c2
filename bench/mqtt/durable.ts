/** What is owed to sessions that outlive their connections: how fast it is taken over, and how fast it goes on. */
import { figure, median, table } from '../lib.ts'
import { runLoad } from './load.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import type { BenchServer } from './servers.ts'
import type { LoadGenerator } from './tools.ts'

export interface DurableCase {
  readonly name: string
  readonly load: LoadOptions
  /** What is counted: PUBACKs to publishers, or messages at subscribers. */
  readonly counts: 'acknowledged_per_s' | 'delivered_per_s'
  /** Of the hub, a second. */
  readonly goal?: number
  /** Times the rate of Mosquitto without persistence. */
  readonly ratio?: number
}

/** For offline sessions each publisher has a thousand messages on their way, as many as a client of the hub may have. */
const OFFLINE: LoadOptions = { publishers: 1, subscribers: 0, qos: 1, window: 1000, topics: 100, offline: 1 }
const TEN: LoadOptions = { ...OFFLINE, publishers: 10, window: 10_000 }
const ACKNOWLEDGED = 'acknowledged_per_s'

export const DURABLE_CASES: readonly DurableCase[] = [
  { name: 'one offline session, one publisher', load: OFFLINE, counts: ACKNOWLEDGED, goal: 100_000 },
  { name: 'one offline session, ten publishers', load: TEN, counts: ACKNOWLEDGED, goal: 100_000 },
  { name: '100 offline sessions', load: { ...TEN, offline: 100 }, counts: ACKNOWLEDGED },
  { name: '1,000 offline sessions', load: { ...TEN, offline: 1000 }, counts: ACKNOWLEDGED },
  {
    name: 'a persistent session online, QoS 1',
    load: { publishers: 1, subscribers: 1, qos: 1, window: 1000, topics: 100, lasts: 1 },
    counts: 'delivered_per_s',
    ratio: 2,
  },
]

/** A server for one run after the other, or a new one for each: one that is slow to forget what was queued. */
export interface DurableContender {
  readonly name: string
  readonly start: () => Promise<BenchServer>
  readonly isNewEachTime: boolean
}

/** False: a goal was missed. `contenders`: the hub, Mosquitto without persistence, others. */
export async function durableTable(
  generator: LoadGenerator,
  contenders: readonly DurableContender[],
  cases: readonly DurableCase[],
  rounds: number,
  seconds: number,
): Promise<boolean> {
  const [ours, peer] = contenders
  if (!ours || !peer) throw new Error('nothing to compare')
  const running = new Map<DurableContender, BenchServer>()
  let met = true
  const rows: string[][] = []
  for (const { name, load, counts, goal = 0, ratio = 0 } of cases) {
    const results = new Map<DurableContender, LoadResult[]>(contenders.map((contender) => [contender, []]))
    for (let round = -1; round < rounds; round++) {
      for (let i = 0; i < contenders.length; i++) {
        const contender = contenders[(i + round + 1) % contenders.length]
        if (!contender) continue
        const server = running.get(contender) ?? (await contender.start())
        const keep = contender.isNewEachTime ? { keep: 1 as const } : {}
        const result = await runLoad(generator, server, 'tcp', { seconds, ...load, ...keep })
        if (round >= 0) results.get(contender)?.push(result)
        if (contender.isNewEachTime) await server.kill()
        else running.set(contender, server)
      }
    }
    const of = (contender: DurableContender): readonly LoadResult[] => results.get(contender) ?? []
    const rate = (contender: DurableContender): number => median(of(contender).map((result) => result[counts]))
    const perCpu = median(of(ours).map((result) => result[counts] / result.server_cpu))
    const times = rate(ours) / rate(peer)
    const isMet = rate(ours) >= goal && times >= ratio
    met &&= isMet
    rows.push([
      name,
      ...contenders.map((contender) => figure(rate(contender))),
      `${figure(times)} ×`,
      figure(perCpu),
      median(of(ours).map(({ server_cpu }) => server_cpu)).toFixed(2),
      goal > 0 ? figure(goal) : ratio > 0 ? `${ratio} ×` : '',
      goal + ratio > 0 ? (isMet ? 'met' : 'MISSED') : '',
    ])
    process.stderr.write(`  ${rows.at(-1)?.join('  ')}\n`)
  }
  console.log(`\nkept for sessions that last (messages/s, higher is better, median of ${rounds})`)
  await Promise.all([...running.values()].map((server) => server.stop()))
  const names = contenders.map((contender) => contender.name)
  console.log(table(['', ...names, `beside ${peer.name}`, 'per CPU second', 'cores', 'goal', ''], rows))
  return met
}

const PING_PONG: LoadOptions = { window: 1, prefix: 'ping' }
const GOAL_SLOW = 50_000
const GOAL_PING = 1.2

/** A sync that takes longer: what is acknowledged, and whether others notice. `slow`: the same hub on the slower disk. */
export async function slowDisk(
  generator: LoadGenerator,
  hubs: { readonly fast: BenchServer; readonly slow: BenchServer },
  rounds: number,
  seconds: number,
): Promise<boolean> {
  const seen = { fast: [] as Beside[], slow: [] as Beside[] }
  for (let round = -1; round < rounds; round++) {
    for (const kind of ['fast', 'slow'] as const) {
      const beside = await pingBeside(generator, hubs[kind], seconds)
      if (round >= 0) seen[kind].push(beside)
    }
  }
  const rows = Object.entries(seen).map(([kind, all]) => [
    kind === 'fast' ? 'the disk as it is' : 'a sync takes 5 ms more',
    figure(median(all.map(({ acknowledged }) => acknowledged))),
    ...[median(all.map(({ p50 }) => p50)), median(all.map(({ p99 }) => p99))].map((us) => `${figure(us / 1000)} ms`),
    `${figure(median(all.map(({ alone }) => alone)) / 1000)} ms`,
  ])
  console.log(`\none offline session, ten publishers, and two others who play ping-pong at QoS 0 (median of ${rounds})`)
  console.log(table(['', 'acknowledged/s', 'ping-pong p50', 'p99', 'p50 without load'], rows))
  const rate = median(seen.slow.map(({ acknowledged }) => acknowledged))
  const times = median(seen.slow.map(({ p50 }, i) => p50 / (seen.fast[i]?.p50 ?? Number.NaN)))
  const met = rate >= GOAL_SLOW && times <= GOAL_PING
  console.log(
    `goal at least ${figure(GOAL_SLOW)}/s and ping-pong at most ${GOAL_PING} of the other (${figure(times)}): ${met ? 'met' : 'MISSED'}`,
  )
  return met
}

interface Beside {
  readonly acknowledged: number
  /** Round trips, microseconds. */
  readonly p50: number
  readonly p99: number
  readonly alone: number
}

async function pingBeside(generator: LoadGenerator, hub: BenchServer, seconds: number): Promise<Beside> {
  const alone = await runLoad(generator, hub, 'tcp', { ...PING_PONG, seconds: seconds / 2 })
  const [load, ping] = await Promise.all([
    runLoad(generator, hub, 'tcp', { ...TEN, seconds }),
    runLoad(generator, hub, 'tcp', { ...PING_PONG, seconds }),
  ])
  return { acknowledged: load.acknowledged_per_s, p50: ping.p50_us, p99: ping.p99_us, alone: alone.p50_us }
}
