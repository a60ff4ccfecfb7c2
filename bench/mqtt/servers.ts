/** The servers that are compared: each a process of its own, on core 0, with a fresh directory. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import type { HubReady } from '@halyard/hub'
import { peer } from '../peers.ts'
import { workspace } from '../workspace.ts'
import type { Certificate } from './certificate.ts'
import { mosquitto } from './tools.ts'

export type Wire = 'tcp' | 'tls' | 'websocket'

export interface BenchServer {
  readonly name: string
  readonly pid: number
  readonly ports: Readonly<Record<Wire, number>>
  readonly user?: string
  readonly password?: string
  /** Of the process, as it sees itself: see `inside.mjs`. The hub alone. */
  readonly look?: () => Promise<Inside>
  readonly stop: () => Promise<void>
  /** With SIGKILL. */
  readonly kill: () => Promise<void>
}

export interface Inside {
  readonly timers: number
  /** Bytes after a garbage collection; `heap` and `external` do not overlap. */
  readonly heap: number
  readonly external: number
}

/** Servers have core 0 for themselves, the load has core 1. */
export const SERVER_CORE = '0'
const ROOT = join(import.meta.dirname, '../..')
const MOST = 20_000

interface Started {
  readonly child: ChildProcess
  readonly stop: () => Promise<void>
  readonly kill: () => Promise<void>
}

function start(command: string, words: readonly string[], stdio: 'ignore' | 'pipe', environment = {}): Started {
  const child = spawn('taskset', ['-c', SERVER_CORE, command, ...words], {
    stdio: ['ignore', stdio, 'inherit', 'ipc'],
    env: { ...process.env, ...environment },
  })
  const ended = once(child, 'exit')
  const atExit = (): void => void child.kill('SIGKILL')
  process.on('exit', atExit)
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    child.kill(signal)
    await ended
    process.off('exit', atExit)
  }
  return { child, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

export interface HubOptions {
  /** Beside those that a load of connections needs: of `mqtt.limits`. */
  readonly limits?: Readonly<Record<string, number>>
  readonly environment?: Readonly<Record<string, string>>
  /** Of a hub that ran here before; a fresh directory. */
  readonly data?: string
  readonly account?: { readonly user: string; readonly password: string }
}

export interface BenchHub extends BenchServer {
  readonly user: string
  readonly password: string
  readonly data: string
  /** Of its first start alone: of Emitter's broker, at the front door. */
  readonly emitter: HubReady['emitter']
}

/** The built program and the account of its first start, whose access list is the default one; limits and counters are on. */
export async function startHub(certificate: Certificate, options: HubOptions = {}): Promise<BenchHub> {
  const { data = workspace('mqtt-hub'), environment = {} } = options
  const config = join(data, 'bench.hjson')
  const limits = { connections: MOST, connectionsPerAddress: MOST }
  const ports = { front: 0, hologram: 0, mqtt: 0 }
  const mqtt = { limits: { ...limits, ...options.limits } }
  writeFileSync(config, JSON.stringify({ ports, mqtt, front: { limits }, tls: certificate }))
  const inside = join(import.meta.dirname, 'inside.mjs')
  const { child, stop, kill } = start(
    process.execPath,
    ['--expose-gc', '--import', inside, ...hubFlags(), join(ROOT, 'packages/cli/bin/halyard.js'), 'hub', '--json'],
    'pipe',
    { HALYARD_HUB_DATA: data, HALYARD_HUB_CONFIG: config, HALYARD_LOG: 'error', ...environment },
  )
  const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [string]
  const { ports: opened, mqtt: first, emitter } = JSON.parse(line) as HubReady
  const account = options.account ?? (first && { user: first.username, password: first.password })
  if (opened.mqtt === undefined || account === undefined) throw new Error(`the hub has no MQTT: ${line}`)
  const look = async (): Promise<Inside> => {
    child.send('look')
    const [seen] = (await once(child, 'message')) as [Inside]
    return seen
  }
  const all = { tcp: opened.mqtt, tls: opened.mqtt, websocket: opened.front }
  return { name: 'hub', pid: child.pid as number, ports: all, ...account, look, stop, kill, data, emitter }
}

/** For a profile: `MQTT_BENCH_HUB_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/profile"`. */
function hubFlags(): readonly string[] {
  return (process.env['MQTT_BENCH_HUB_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '')
}

/** `strictest`: all of it is written anew after every change, the most that it can be asked for. */
const PERSISTENCE = {
  off: 'persistence false',
  strictest: 'persistence true\nautosave_on_changes true\nautosave_interval 1',
}

/** As Debian ships it, but for the limits that a load runs into; nobody's password or rights are checked. */
export async function startMosquitto(
  { cert, key }: Certificate,
  persistence: keyof typeof PERSISTENCE = 'off',
): Promise<BenchServer> {
  const directory = workspace('mqtt-mosquitto')
  const [tcp, tls, websocket] = [await freePort(), await freePort(), await freePort()]
  const config = join(directory, 'mosquitto.conf')
  writeFileSync(
    config,
    `user ${userInfo().username}
allow_anonymous true
${PERSISTENCE[persistence]}
persistence_location ${directory}/
log_dest stderr
log_type error
set_tcp_nodelay true
max_inflight_messages 1000
max_queued_messages 0
listener ${tcp} 127.0.0.1
listener ${tls} 127.0.0.1
certfile ${cert}
keyfile ${key}
listener ${websocket} 127.0.0.1
protocol websockets
`,
  )
  const { child, stop, kill } = start(mosquitto(), ['-c', config], 'ignore')
  for (const port of [tcp, tls, websocket]) await listening(port, child)
  const name = persistence === 'off' ? 'Mosquitto' : `Mosquitto, ${persistence}`
  return { name, pid: child.pid as number, ports: { tcp, tls, websocket }, stop, kill }
}

export async function startAedes({ cert, key }: Certificate): Promise<BenchServer> {
  const main = peer('aedes', 'aedes.js')
  const script = join(import.meta.dirname, 'aedes-server.mjs')
  const { child, stop, kill } = start(process.execPath, [script, main, cert, key], 'ignore')
  const [ports] = (await once(child, 'message')) as [Record<'tcp' | 'tls', number>]
  return { name: 'Aedes', pid: child.pid as number, ports: { ...ports, websocket: 0 }, stop, kill }
}

/** Below those that the system gives to connections: Mosquitto's WebSocket wants one free on all addresses. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '0.0.0.0', () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      }).once('error', () => resolve(false))
    })
    if (open) return
    await wait(20)
  }
  throw new Error(`mosquitto has ended: see above`)
}
