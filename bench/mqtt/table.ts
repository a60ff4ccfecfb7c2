/** Cases, servers in turn, round after round: a table of medians, and of ratios within the rounds. */
import { figure, median, table } from '../lib.ts'
import { GOAL_OVER_FLOOR } from './cases.ts'
import type { Case } from './cases.ts'
import { runLoad } from './load.ts'
import type { LoadResult } from './load.ts'
import type { BenchServer, Wire } from './servers.ts'
import type { LoadGenerator } from './tools.ts'

export interface TableOptions {
  readonly title: string
  readonly wire: Wire
  readonly cases: readonly Case[]
  /** Ours first, then the peer that floors speak of. */
  readonly servers: readonly BenchServer[]
  readonly rounds: number
  readonly seconds: number
  /** Whether floors hold for it. */
  readonly hasFloors: boolean
}

/** One figure of each server, taken one right after the other. */
type Round = ReadonlyMap<BenchServer, LoadResult>

/** Prints a row as soon as it is measured; false: a floor was missed. */
export async function compare(generator: LoadGenerator, options: TableOptions): Promise<boolean> {
  const { title, wire, cases, servers, rounds, seconds, hasFloors } = options
  const [ours, peer] = servers
  if (!ours || !peer) throw new Error('nothing to compare')
  const rows: string[][] = []
  let met = true
  for (const { name, load, floor } of cases) {
    const measured = await interleave(servers, rounds, (server) =>
      runLoad(generator, server, wire, { seconds, ...load }),
    )
    const rates = (server: BenchServer): number[] => measured.map((round) => rateOf(round, server))
    const ratios = measured.map((round) => rateOf(round, ours) / rateOf(round, peer))
    const ratio = median(ratios)
    const goal = floor * GOAL_OVER_FLOOR
    if (hasFloors && ratio < floor) met = false
    rows.push([
      name,
      ...servers.map((server) => figure(median(rates(server)))),
      `${figure(ratio)} ×`,
      `${figure(Math.min(...ratios))} … ${figure(Math.max(...ratios))}`,
      ...(hasFloors
        ? [`${floor}, ${figure(goal)}`, ratio >= goal ? 'goal met' : ratio >= floor ? 'floor met' : 'MISSED']
        : []),
      `${figure(median(measured.map((round) => efficiency(round, ours) / efficiency(round, peer))))} ×`,
      latency(measured, ours),
      latency(measured, peer),
      busy(measured, ours),
      busy(measured, peer),
    ])
    process.stderr.write(`  ${rows.at(-1)?.join('  ')}\n`)
  }
  const head = [
    '',
    ...servers.map(({ name }) => name),
    `beside ${peer.name}`,
    'rounds',
    ...(hasFloors ? ['floor, goal', ''] : []),
    'per CPU second',
    ...[`p50 p99 ${ours.name}`, `p50 p99 ${peer.name}`, `cores ${ours.name}`, `cores ${peer.name}`],
  ]
  console.log(`\n${title} (deliveries/s, higher is better, median of ${rounds}, ratios within rounds)`)
  console.log(table(head, rows))
  return met
}

/**
 * One round more is run before and forgotten; the order turns by one each time. A peer that does not end a load is left
 * out of the case.
 */
async function interleave(
  servers: readonly BenchServer[],
  rounds: number,
  run: (server: BenchServer) => Promise<LoadResult>,
): Promise<Round[]> {
  const measured: Round[] = []
  const stuck = new Set<BenchServer>()
  for (let round = -1; round < rounds; round++) {
    const results = new Map<BenchServer, LoadResult>()
    for (let i = 0; i < servers.length; i++) {
      const server = servers[(i + round + 1) % servers.length]
      if (!server || stuck.has(server)) continue
      try {
        results.set(server, await run(server))
      } catch (error) {
        if (server === servers[0]) throw error
        stuck.add(server)
        process.stderr.write(`  ${String(error)}\n`)
      }
    }
    if (round >= 0) measured.push(results)
  }
  return measured
}

function rateOf(round: Round, server: BenchServer): number {
  return round.get(server)?.delivered_per_s ?? Number.NaN
}

/** Deliveries in a second of the server's processor: what holds also while others have part of it. */
function efficiency(round: Round, server: BenchServer): number {
  const { delivered_per_s = Number.NaN, server_cpu = Number.NaN } = round.get(server) ?? {}
  return delivered_per_s / server_cpu
}

function ofRounds(rounds: readonly Round[], server: BenchServer, pick: (result: LoadResult) => number): number {
  return median(rounds.flatMap((round) => round.get(server) ?? []).map(pick))
}

/** `0.31 1.2 ms` */
function latency(rounds: readonly Round[], server: BenchServer): string {
  const ms = (pick: (result: LoadResult) => number): string => figure(ofRounds(rounds, server, pick) / 1000)
  return `${ms(({ p50_us }) => p50_us)} ${ms(({ p99_us }) => p99_us)} ms`
}

/** How much of their cores the server and the load had: below 1 the other one is what limits, or other work does. */
function busy(rounds: readonly Round[], server: BenchServer): string {
  const share = (pick: (result: LoadResult) => number): string => ofRounds(rounds, server, pick).toFixed(2)
  return `${share(({ server_cpu }) => server_cpu)} ${share(({ load_cpu }) => load_cpu)}`
}
