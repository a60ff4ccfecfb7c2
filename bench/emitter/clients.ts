/** emitter-io 1.39.0, which is `interop/`'s, beside our client, on one hub. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { figure, median, startTime, table } from '../lib.ts'
import type { BenchHub } from '../mqtt/servers.ts'

const PROGRAM = join(import.meta.dirname, 'client.mjs')
const LOAD_CORE = '1'

function run(words: readonly string[], environment = {}): string {
  return execFileSync('taskset', ['-c', LOAD_CORE, process.execPath, ...words], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  })
}

/** False: it was the faster one. */
export async function sdkThroughput(hub: BenchHub, rounds: number): Promise<boolean> {
  const { ports, emitter } = hub
  const at = [String(ports.websocket), emitter?.channel_key ?? '']
  const rows: string[][] = []
  let met = true
  for (const qos of ['0', '1']) {
    const rates = { theirs: [] as number[], ours: [] as number[], tcp: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      rates.theirs.push(Number(run([PROGRAM, 'emitter-io', 'load', ...at, qos])))
      rates.ours.push(Number(run([PROGRAM, 'ours', 'load', ...at, qos], { TRANSPORT: 'websocket' })))
      rates.tcp.push(Number(run([PROGRAM, 'ours', 'load', ...at, qos])))
    }
    const [theirs, ours, tcp] = [median(rates.theirs), median(rates.ours), median(rates.tcp)]
    met &&= ours >= theirs
    rows.push([`QoS ${qos}`, figure(theirs), figure(ours), figure(tcp), `${figure(ours / theirs)} ×`])
  }
  console.log(`\npublish to receive, by one client to itself (messages/s, median of ${rounds})`)
  console.log(table(['', 'emitter-io, WebSocket', 'ours, WebSocket', 'ours, TCP', 'ours beside it'], rows))
  console.log(`goal at least as fast: ${met ? 'met' : 'MISSED'}`)
  return met
}

/** Over bare Node, until it is connected. */
export async function coldStart(hub: BenchHub, rounds: number): Promise<boolean> {
  const at = [String(hub.ports.websocket), hub.emitter?.channel_key ?? '']
  const time = (words: readonly string[]): number => startTime([process.execPath, ...words], LOAD_CORE)
  const over = { theirs: [] as number[], ours: [] as number[] }
  for (let round = 0; round < rounds * 3; round++) {
    const bare = time(['--eval', ''])
    over.theirs.push(time([PROGRAM, 'emitter-io', 'start', ...at]) - bare)
    over.ours.push(time([PROGRAM, 'ours', 'start', ...at]) - bare)
  }
  const [theirs, ours] = [median(over.theirs), median(over.ours)]
  const met = ours <= theirs / 2
  console.log(`\nfrom the start to connected, over bare Node: emitter-io ${figure(theirs)} ms, ours ${figure(ours)} ms`)
  console.log(`goal at most half: ${met ? 'met' : 'MISSED'}`)
  return met
}
