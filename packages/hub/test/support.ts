import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { NetConnectOpts, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '@halyard/core'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import { onTestFinished } from 'vitest'
import type { Hub } from '../src/api.ts'
import { openHub } from '../src/hub.ts'
import type { HubPorts } from '../src/hub.ts'
import type { HubOptions } from '../src/options.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly object: object
}

/** A logger that keeps what it is told. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = []
  debug(object: object, message: string): void {
    this.lines.push({ level: 'debug', message, object })
  }
  info(object: object, message: string): void {
    this.lines.push({ level: 'info', message, object })
  }
  warn(object: object, message: string): void {
    this.lines.push({ level: 'warn', message, object })
  }
  error(object: object, message: string): void {
    this.lines.push({ level: 'error', message, object })
  }
  texts(level: LogLine['level']): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message)
  }
}

/** Gone when the test is. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'hub-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export interface TestHub {
  readonly hub: Hub
  readonly port: number
  readonly log: RecordingLogger
  readonly id: string
  readonly key: string
}

/** A hub in memory on free ports, closed when the test is over. `config`: HJSON text. */
export async function startHub(
  options: Omit<HubOptions, 'config'> & { readonly config?: string } = {},
  ports: Partial<HubPorts> = {},
): Promise<TestHub> {
  const log = new RecordingLogger()
  let path: string | undefined
  if (options.config !== undefined) {
    path = join(await temporaryDirectory(), 'hub.hjson')
    await writeFile(path, options.config)
  }
  const all: HubOptions = { data: ':memory:', ports: 'ephemeral', logger: log, ...options, config: path }
  const hub = await openHub(all, { disk: nodeDisk(), clock: nodeClock(), ...ports })
  onTestFinished(() => hub.close())
  const { cloud_id: id = '', cloud_key: key = '' } = hub.accounts.hologram ?? {}
  return { hub, port: hub.ports.hologram ?? 0, log, id, key }
}

export interface OpenSocket {
  readonly socket: Socket
  /** Everything received, as text, once the connection is over, however it ended. */
  readonly answer: Promise<string>
  /** What came so far. */
  readonly received: () => string
}

export async function open(
  port: number,
  options: Partial<NetConnectOpts & { localAddress: string }> = {},
): Promise<OpenSocket> {
  const socket = connect({ port, host: '127.0.0.1', ...options } as NetConnectOpts)
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString()))
  const answer = new Promise<string>((resolve) => socket.on('close', () => resolve(text)))
  await Promise.race([once(socket, 'connect').catch(() => {}), answer])
  return { socket, answer, received: () => text }
}

/** One request on one connection; what came back until the server closed. */
export async function send(port: number, request: string | Uint8Array, localAddress?: string): Promise<string> {
  const { socket, answer } = await open(port, localAddress === undefined ? {} : { localAddress })
  socket.write(request)
  return answer
}

/** Waits for what must come, and says what did not. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  // Only so that the test says what it waited for, before its own time is over; a disk may be slow.
  const end = performance.now() + 45_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`it did not happen within 45 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
