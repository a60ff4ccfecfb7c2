/** Clients and feeders as processes that take turns, and the tools of Mosquitto, which run once for each turn. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { peer } from '../peers.ts'
import { SERVER_CORE } from '../mqtt/servers.ts'

/** Of one turn: wall clock, and what the client's process took of a processor. */
export interface Turn {
  readonly seconds: number
  readonly cpu: number
}

export const CLIENT_CORE = '1'
/** Debian's, which has paho. */
const PYTHON = '/usr/bin/python3'
const here = (file: string): string => join(import.meta.dirname, file)

/** A process on one core that answers lines with lines. */
export class Program {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>

  constructor(core: string, words: readonly string[]) {
    this.#child = spawn('taskset', ['-c', core, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#answers = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  async answer<Answer>(): Promise<Answer> {
    const { value, done } = await this.#answers.next()
    if (done === true) throw new Error(`${this.#child.spawnargs.join(' ')} has ended: see above`)
    return JSON.parse(value) as Answer
  }

  turn<Answer>(turn: string, words: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify({ turn, ...words })}\n`)
    return this.answer()
  }

  async end(): Promise<void> {
    this.#child.stdin?.end()
    await once(this.#child, 'exit')
  }
}

/** `CLIENT_BENCH_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/profile"`: of our client's process. */
const flags = (process.env['CLIENT_BENCH_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '')

export const halyard = (): Program => new Program(CLIENT_CORE, [process.execPath, ...flags, here('halyard.mjs')])
export const mqttjs = (): Program =>
  new Program(CLIENT_CORE, [process.execPath, here('mqttjs.mjs'), peer('mqtt', 'build/index.js')])
export const paho = (): Program => new Program(CLIENT_CORE, [PYTHON, '-u', here('paho_turns.py')])
export const feeder = (): Program => new Program(SERVER_CORE, [process.execPath, here('feeder.mjs')])

/** False: Debian's python3-paho-mqtt is not installed. */
export function hasPaho(): boolean {
  return spawnSync(PYTHON, ['-c', 'import paho.mqtt.client']).status === 0
}

/** A server of the hub's MQTT alone. */
export async function startServer(): Promise<{ readonly pid: number; readonly port: number; stop(): Promise<void> }> {
  const child = spawn('taskset', ['-c', SERVER_CORE, process.execPath, here('server.mjs')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return { pid: child.pid as number, port, stop }
}

/** Seconds of a processor that a process has used. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Until a tool has subscribed; ms. */
const READY_AFTER = 300

/** What a shell command takes, and all in it; `meanwhile` begins when it is ready. `times` has three decimals. */
export async function shell(command: string, meanwhile?: () => Promise<unknown>): Promise<Turn> {
  const child = spawn('taskset', ['-c', CLIENT_CORE, 'bash', '-c', `${command}; times`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  let text = ''
  child.stdout.on('data', (data: Buffer) => (text += data.toString()))
  if (meanwhile !== undefined) await wait(READY_AFTER)
  const begun = performance.now()
  await meanwhile?.()
  await ended
  const seconds = (performance.now() - begun) / 1000
  const last = text.trimEnd().split('\n').at(-1) ?? ''
  const times = [...last.matchAll(/(\d+)m([\d.]+)s/gu)].map(([, minutes, rest]) => Number(minutes) * 60 + Number(rest))
  return { seconds, cpu: times.reduce((sum, one) => sum + one, 0) }
}
