/** A hub that was killed while much waited for a session: how soon it is there again, and how soon the session has it. */
import { figure, table } from '../lib.ts'
import type { Certificate } from './certificate.ts'
import { runLoad, runResume } from './load.ts'
import { startHub } from './servers.ts'
import type { BenchServer, HubOptions } from './servers.ts'
import type { LoadGenerator } from './tools.ts'

const MANY = 1_000_000
const GOAL_READY = 5
const MIB = 1024

/** Publishes so many, which stay. */
async function fill(generator: LoadGenerator, server: BenchServer, messages: number): Promise<number> {
  const load = {
    publishers: 10,
    subscribers: 0,
    qos: 1,
    window: 10_000,
    topics: 100,
    offline: 1,
    keep: 1,
    warmup: 0,
  } as const
  return (await runLoad(generator, server, 'tcp', { ...load, messages })).acknowledged_per_s
}

export async function restart(
  generator: LoadGenerator,
  certificate: Certificate,
  options: HubOptions,
): Promise<boolean> {
  const before = await startHub(certificate, options)
  const filled = await fill(generator, before, MANY)
  await before.kill()
  const { data, user, password } = before
  const begun = performance.now()
  const hub = await startHub(certificate, { ...options, data, account: { user, password } })
  const ready = (performance.now() - begun) / 1000
  const inside = await hub.look?.()
  const back = await runResume(generator, hub, MANY)
  await hub.stop()
  console.log(`\na restart after kill -9, ${figure(MANY)} messages of 100 B queued for one session`)
  const rows = [
    ['filled at', `${figure(filled)}/s`],
    ['from the start of the program to ready', `${figure(ready)} s`],
    ['from CONNECT to the first message, to the last', `${figure(back.first_s)} s, ${figure(back.all_s)} s`],
    ['heap and buffers when ready', inside ? `${figure((inside.heap + inside.external) / MIB / MIB)} MiB` : ''],
    ['memory of the process at the end', `${figure(back.rss_kib / MIB)} MiB`],
  ]
  console.log(table(['', ''], rows))
  const met = ready < GOAL_READY
  console.log(`goal ready in less than ${GOAL_READY} s: ${met ? 'met' : 'MISSED'}`)
  return met
}

const SOME = 100_000

/** How fast a session that comes back gets what waits for it. */
export async function resume(generator: LoadGenerator, servers: readonly BenchServer[]): Promise<void> {
  const rows: string[][] = []
  for (const server of servers) {
    // One time more: it is warm then.
    for (let round = 0; round < 2; round++) {
      await fill(generator, server, SOME)
      const { first_s, all_s, server_cpu_s } = await runResume(generator, server, SOME)
      const row = [server.name, figure(SOME / all_s), `${figure(first_s * 1000)} ms`, `${figure(server_cpu_s)} s`]
      if (round > 0) rows.push(row)
    }
  }
  console.log(`\n${figure(SOME)} queued messages to a session that comes back`)
  console.log(table(['', 'messages/s', 'CONNECT to the first', 'processor'], rows))
}
