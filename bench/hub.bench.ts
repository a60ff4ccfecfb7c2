/**
 * The hub: messages that it acknowledges after its commit, and what a slow disk does to those who need none: `/health` on
 * the front door is asked all the while, and its round trip must stay what it is with a fast disk.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import type { HubReady } from '@halyard/hub'
import { median, report, table } from './lib.ts'
import { workspace } from './workspace.ts'

const DEVICES = 200
const SECONDS = 3
const tsx = { execArgv: ['--import', 'tsx'] }

async function withHub<T>(milliseconds: number, task: (ready: HubReady) => Promise<T>, data?: string): Promise<T> {
  const directory = workspace('hub')
  const config = join(directory, 'hub.hjson')
  // All devices of the bench come from one address.
  writeFileSync(config, '{ hologram: { limits: { connectionsPerAddress: 2000 } } }')
  const words = [data ?? join(directory, 'data'), String(milliseconds), config]
  const hub = fork(join(import.meta.dirname, 'hub-process.ts'), words, tsx)
  const [ready] = (await once(hub, 'message')) as [HubReady]
  try {
    return await task(ready)
  } finally {
    hub.disconnect()
    await once(hub, 'exit')
  }
}

type Target = Pick<HubReady, 'hologram'> & { readonly ports: Pick<HubReady['ports'], 'hologram'> }

function load({ ports, hologram }: Target, devices: number): { child: ChildProcess; rate: Promise<number> } {
  const { cloud_id = '', cloud_key = '' } = hologram ?? {}
  const words = [ports.hologram, cloud_id, cloud_key, devices, SECONDS].map(String)
  const child = fork(join(import.meta.dirname, 'hub-load.ts'), words, tsx)
  return { child, rate: once(child, 'message').then(([figure]) => figure as number) }
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

function roundTrip(port: number): Promise<number> {
  const begun = performance.now()
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/health', agent }, (response) => {
      response.resume()
      response.once('end', () => resolve(performance.now() - begun))
    }).once('error', reject)
  })
}

/** Acknowledged messages a second, and the median round trip of those who need no disk meanwhile. */
function measure(milliseconds: number, devices: number): Promise<{ accepted: number; health: number }> {
  return withHub(milliseconds, async (ready) => {
    const { child, rate } = load(ready, devices)
    const trips: number[] = []
    const state = { over: false }
    void rate.finally(() => (state.over = true))
    while (!state.over) trips.push(await roundTrip(ready.ports.front))
    const accepted = await rate
    if (child.exitCode === null) await once(child, 'exit')
    return { accepted, health: median(trips) }
  })
}

async function acceptedBy(target: Target): Promise<number> {
  const { child, rate } = load(target, DEVICES)
  const figure = await rate
  if (child.exitCode === null) await once(child, 'exit')
  return figure
}

function accepted(data?: string): Promise<number> {
  return withHub(0, acceptedBy, data)
}

/** Of a server that appends to a file and does nothing else. */
async function appended(): Promise<number> {
  const server = fork(join(import.meta.dirname, 'append-server.ts'), [join(workspace('append'), 'file')], tsx)
  const [port] = (await once(server, 'message')) as [number]
  try {
    return await acceptedBy({ ports: { hologram: port }, hologram: { cloud_id: '1234', cloud_key: '5678' } })
  } finally {
    server.disconnect()
    await once(server, 'exit')
  }
}

await report({
  name: `Hologram messages from ${DEVICES} devices, acknowledged after the commit`,
  unit: 'messages/s',
  better: 'higher',
  peer: 'bare server, one file',
  contenders: [
    { name: 'hub on disk', run: () => accepted() },
    { name: 'hub in memory (nothing kept)', run: () => accepted(':memory:') },
    { name: 'bare server, one file', run: () => appended() },
  ],
  remark:
    'One TCP connection a message; hub and devices share two cores. The bare server syncs before it answers as the hub ' +
    'does; it knows no accounts, no limits and no history.',
})

/** Few devices, so that the processor is not what others wait for. */
const FEW = 16
const rounds: { slow: number; accepted: number; health: number }[] = []
for (let round = 0; round < 3; round++) {
  for (const slow of [0, 5, 30]) rounds.push({ slow, ...(await measure(slow, FEW)) })
}
const figures = [0, 5, 30].map((slow) => {
  const of = rounds.filter((one) => one.slow === slow)
  return { slow, accepted: median(of.map((one) => one.accepted)), health: median(of.map((one) => one.health)) }
})
const base = figures[0]?.health ?? Number.NaN
console.log(
  `\n/health on the front door while ${FEW} devices send, median round trip (ms, lower is better, median of 3)`,
)
console.log(
  table(
    ['', 'round trip', 'beside a fast disk', 'accepted/s'],
    figures.map(({ slow, accepted, health }) => [
      slow === 0 ? 'this disk' : `its sync takes ${slow} ms more`,
      health.toFixed(3),
      `${(health / base).toFixed(2)} ×`,
      accepted.toFixed(0),
    ]),
  ),
)
const met = figures.every(({ health }) => health <= base * 1.2)
console.log(`goal at most 1.2 × a fast disk: ${met ? 'met' : 'MISSED'}`)
process.exitCode = met ? 0 : 1
