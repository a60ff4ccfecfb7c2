/** What is measured once, not in rounds: idle connections, the subscription index, a subscriber that does not read. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { figure, median, table } from '../lib.ts'
import { runIdle, runLoad } from './load.ts'
import type { LoadOptions } from './load.ts'
import { SERVER_CORE } from './servers.ts'
import type { BenchServer, Inside } from './servers.ts'
import type { LoadGenerator } from './tools.ts'

const IDLE = 10_000
const WARM = 2000
/** Until the last of them has left a server; ms. */
const LINGER = 4000
const GOAL_IDLE_BYTES = 7 * 1024
const GOAL_INDEX_BYTES = 250
const GOAL_MATCHES = 1_000_000
const INDEX = join(import.meta.dirname, '../../packages/hub/dist/domain/topics/subscription-index.js')

/** Memory of connections that do nothing, and whether anything ticks for each of them. */
export async function idleConnections(generator: LoadGenerator, servers: readonly BenchServer[]): Promise<boolean> {
  const rows: string[][] = []
  let met = true
  for (const server of servers) {
    // Some come and go first: code and heap grow once, and not with the connections.
    await runIdle(generator, server, { idle: WARM, subscriptions: 1 }, async () => {})
    await wait(LINGER)
    const before = await server.look?.()
    const task = async (): Promise<Inside | undefined> => server.look?.()
    const { result, seen } = await runIdle(generator, server, { idle: IDLE, subscriptions: 1 }, task)
    const inside = before && seen && (seen.heap + seen.external - before.heap - before.external) / IDLE
    rows.push([
      server.name,
      figure(result.bytes_each),
      inside === undefined ? '' : figure(inside),
      figure(result.connects_per_s),
      `${(result.idle_cpu * 100).toFixed(1)} %`,
      before && seen ? `${before.timers} → ${seen.timers}` : '',
    ])
    if (server === servers[0]) met = result.bytes_each <= GOAL_IDLE_BYTES
  }
  console.log(`\n${figure(IDLE)} idle connections with one subscription each (memory of the process, lower is better)`)
  console.log(table(['', 'bytes each', 'of them in V8', 'connects/s', 'of one core while idle', 'timers'], rows))
  console.log(`goal at most ${figure(GOAL_IDLE_BYTES)} bytes each: ${met ? 'met' : 'MISSED'}`)
  return met
}

export function subscriptionIndex(): boolean {
  const words = ['--expose-gc', '--import', 'tsx', join(import.meta.dirname, 'index-memory.ts'), INDEX]
  const rounds = Array.from({ length: 3 }, () => {
    const text = execFileSync('taskset', ['-c', SERVER_CORE, process.execPath, ...words], { encoding: 'utf8' })
    return JSON.parse(text) as { readonly bytes: number; readonly matches: number }
  })
  const bytes = median(rounds.map((round) => round.bytes))
  const matches = median(rounds.map((round) => round.matches))
  console.log('\nsubscription index: 10,000 sessions, 100 subscriptions each, a tenth with wildcards (median of 3)')
  console.log(`  ${figure(bytes)} bytes per subscription; ${figure(matches)} topics matched a second`)
  const met = bytes <= GOAL_INDEX_BYTES && matches >= GOAL_MATCHES
  console.log(
    `goal at most ${GOAL_INDEX_BYTES} bytes and at least ${figure(GOAL_MATCHES)}/s: ${met ? 'met' : 'MISSED'}`,
  )
  return met
}

const READERS: LoadOptions = { publishers: 1, subscribers: 99, topics: 100, window: 500 }
const SLOW = 100_000
/** Of the others, with one that does not read, beside what they get without it. */
const GOAL_KEPT = 0.9

/** 99 subscribers read, one more does not, or slowly: what do the others get, and what does it cost the hub? */
export async function slowReader(
  generator: LoadGenerator,
  servers: readonly BenchServer[],
  rounds: number,
  seconds: number,
): Promise<boolean> {
  const kinds = [
    { name: 'none is slow', load: {} },
    { name: `one reads ${figure(SLOW)} B/s`, load: { stalled: 1, stalled_rate: SLOW } },
    { name: 'one reads nothing', load: { stalled: 1 } },
  ]
  const rows: string[][] = []
  let met = true
  for (const server of servers) {
    const results = kinds.map(() => ({ rates: [] as number[], peaks: [] as number[] }))
    for (let round = 0; round < rounds; round++) {
      for (const [i, { load }] of kinds.entries()) {
        const result = await runLoad(generator, server, 'tcp', { seconds, ...READERS, ...load })
        results[i]?.rates.push(result.delivered_per_s)
        results[i]?.peaks.push(result.rss_kib / 1024)
      }
    }
    const base = results[0]?.rates ?? []
    for (const [i, { name }] of kinds.entries()) {
      const { rates = [], peaks = [] } = results[i] ?? {}
      const kept = median(rates.map((rate, round) => rate / (base[round] ?? Number.NaN)))
      if (server === servers[0] && kept < GOAL_KEPT) met = false
      rows.push([`${server.name}, ${name}`, figure(median(rates)), `${figure(kept)} ×`, `${figure(median(peaks))} MiB`])
    }
  }
  console.log(`\none slow subscriber beside 99 (deliveries/s to the 99, higher is better, median of ${rounds})`)
  console.log(table(['', 'deliveries/s', 'beside none slow', 'memory of the process'], rows))
  console.log(`goal at least ${GOAL_KEPT} of the rate without it: ${met ? 'met' : 'MISSED'}`)
  return met
}
