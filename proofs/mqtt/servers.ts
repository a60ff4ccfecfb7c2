/** Brokers as processes that are killed and started again: ours, and those that it is compared with. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { HubReady } from '@halyard/hub'
import { mosquitto, mosquittoVersion } from '../../bench/mqtt/tools.ts'
import { peer } from '../../bench/peers.ts'
import { ending } from '../runner/run-proof.ts'
import { Later } from './later.ts'

const MAIN = join(import.meta.dirname, '../../packages/cli/dist/main.js')
const AEDES = join(import.meta.dirname, 'aedes.mjs')
/** characters of what a server says on standard error, for the report of a failure */
const KEPT_ERRORS = 100_000
/** milliseconds; a start under strace on a busy machine takes a tenth of it */
const PATIENCE = 60_000

export type ServerKind = 'hub' | 'mosquitto' | 'mosquitto-strict' | 'aedes'

/** Where a client connects. Aedes and Mosquitto let everybody in. */
export interface Address {
  readonly port: number
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** How one kind is started, and what tells that it listens. */
interface Program {
  readonly name: string
  /** Speaks MQTT 5. */
  readonly isModern: boolean
  readonly command: readonly string[]
  readonly ready: (child: ChildProcess) => Promise<Address>
}

export interface StartOptions {
  /** Put in front of the command: strace and its options. */
  readonly tracer?: readonly string[]
}

/** One server on one directory, through any number of processes. */
export class Server {
  /** Everything of it that stays; ours has its data in `data` below it. */
  readonly directory: string
  readonly #program: Program
  #child: ChildProcess | undefined
  #address: Address | undefined
  #isTraced = false
  #stopping = false
  #errors = ''
  #up = new Later<Address>()
  readonly #destroy = (): void => {
    for (const pid of this.#processes()) process.kill(pid, 'SIGKILL')
  }

  private constructor(directory: string, program: Program) {
    this.directory = directory
    this.#program = program
    process.on('exit', this.#destroy)
  }

  /** Prepared, not started, in a new directory or the given one. */
  static async prepare(kind: ServerKind, directory?: string): Promise<Server> {
    const path = directory ?? (await mkdtemp(join(tmpdir(), `halyard-${kind}-`)))
    return new Server(path, await PROGRAMS[kind](path))
  }

  get name(): string {
    return this.#program.name
  }

  get isModern(): boolean {
    return this.#program.isModern
  }

  /** Of the process that listens now. */
  get address(): Address {
    if (this.#address === undefined) throw new Error(`${this.name} is not running`)
    return this.#address
  }

  /** What the process that runs now, or ran last, has said on standard error. */
  get errors(): string {
    return this.#errors
  }

  /** Resolves when it listens, at once if it does. */
  whenUp(): Promise<Address> {
    return this.#up.promise
  }

  /** Gives the milliseconds until it listened. Throws with what it said if it ends instead. */
  async start({ tracer = [] }: StartOptions = {}): Promise<number> {
    const begun = performance.now()
    const [command = '', ...words] = [...tracer, ...this.#program.command]
    const child = spawn(command, words, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // The tracer of file operations sees system calls; the kernel's queue for them it would not see.
      env: { ...process.env, NODE_OPTIONS: '', UV_USE_IO_URING: '0', HALYARD_LOG: 'error' },
    })
    this.#child = child
    this.#isTraced = tracer.length > 0
    this.#stopping = false
    this.#errors = ''
    child.stderr?.on('data', (text: Buffer) => (this.#errors = (this.#errors + String(text)).slice(-KEPT_ERRORS)))
    const gone = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => {
        if (!this.#stopping) reject(new Error(`${this.name} ended ${ending(code, signal)}: ${this.#errors}`))
      })
      setTimeout(() => reject(new Error(`${this.name} did not start: ${this.#errors}`)), PATIENCE).unref()
    })
    gone.catch(() => {})
    this.#address = await Promise.race([this.#program.ready(child), gone])
    this.#up.resolve(this.#address)
    return performance.now() - begun
  }

  /** SIGKILL: the process has no moment to do anything. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** As an operator stops it. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** Killed, and its directory removed. */
  async destroy(): Promise<void> {
    await this.kill()
    process.off('exit', this.#destroy)
    await rm(this.directory, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#stopping = true
    if (this.#address !== undefined) {
      this.#address = undefined
      this.#up = new Later<Address>()
    }
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const closed = new Promise((resolve) => child.once('close', resolve))
    for (const pid of this.#processes()) process.kill(pid, signal)
    await closed
  }

  /** The server itself: of strace that is the child. A tracer that was killed would let it run on. */
  #processes(): number[] {
    const { pid, exitCode = null, signalCode = null } = this.#child ?? {}
    if (pid === undefined || exitCode !== null || signalCode !== null) return []
    if (!this.#isTraced) return [pid]
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    return children.split(' ').filter(Boolean).map(Number)
  }
}

const PROGRAMS: Readonly<Record<ServerKind, (directory: string) => Promise<Program>>> = {
  hub: prepareHub,
  mosquitto: (directory) => prepareMosquitto('Mosquitto', directory, 'persistence false'),
  'mosquitto-strict': (directory) =>
    prepareMosquitto(
      'Mosquitto, strictest autosave',
      directory,
      `persistence true
persistence_location ${directory}/
autosave_interval 1
autosave_on_changes true`,
    ),
  aedes: () =>
    Promise.resolve({
      name: 'Aedes',
      isModern: false,
      command: [process.execPath, AEDES, peer('aedes', 'aedes.js')],
      ready: (child) => new Promise((resolve) => child.once('message', (port) => resolve({ port: Number(port) }))),
    }),
}

/** The built command; with room for as much as a proof sends to sessions that are away. */
async function prepareHub(directory: string): Promise<Program> {
  const config = join(directory, 'hub.hjson')
  const limits = { queuedMessages: 1_000_000, queuedBytes: 2 ** 30, authFailuresPerAddress: 1_000_000 }
  await mkdir(directory, { recursive: true })
  await writeFile(config, JSON.stringify({ mqtt: { limits, sysInterval: 0 } }))
  const ports = ['front', 'hologram', 'mqtt'].flatMap((name) => [`--port-${name}`, '0'])
  return {
    name: 'the hub',
    isModern: true,
    command: [
      ...[process.execPath, MAIN, 'hub', '--json', '--data', join(directory, 'data'), '--config', config],
      ...ports,
    ],
    ready: async (child) => {
      const { ports: opened, mqtt } = JSON.parse(await firstLine(child.stdout)) as HubReady
      if (opened.mqtt === undefined) throw new Error('the hub has no port for MQTT')
      return { port: opened.mqtt, username: mqtt?.username, password: mqtt?.password }
    },
  }
}

async function prepareMosquitto(name: string, directory: string, persistence: string): Promise<Program> {
  const config = join(directory, 'mosquitto.conf')
  const port = await freePort()
  await writeFile(
    config,
    `user ${userInfo().username}
allow_anonymous true
${persistence}
log_dest stderr
log_type error
log_type information
connection_messages false
max_queued_messages 0
set_tcp_nodelay true
listener ${port} 127.0.0.1
`,
  )
  return {
    name: name.replace('Mosquitto', `Mosquitto ${mosquittoVersion()}`),
    isModern: true,
    command: [mosquitto(), '-c', config],
    ready: (child) =>
      new Promise((resolve) => {
        createInterface({ input: child.stderr as Readable }).on('line', (line) => {
          if (line.endsWith(' running')) resolve({ port })
        })
      }),
  }
}

function firstLine(input: Readable | null): Promise<string> {
  return new Promise((resolve) => createInterface({ input: input as Readable }).once('line', resolve))
}

/** Below those that the system gives to connections: one of them could be taken when the server starts again. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer()
    const listens = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(10_000 + Math.floor(Math.random() * 20_000), '127.0.0.1', () => resolve(true))
    })
    if (!listens) continue
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}
