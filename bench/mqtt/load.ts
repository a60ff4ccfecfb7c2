/** Runs the load generator, on core 1. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { BenchServer, Wire } from './servers.ts'
import type { LoadGenerator } from './tools.ts'

/** See bench/mqtt-load.c. */
export interface LoadOptions {
  readonly publishers?: number
  readonly subscribers?: number
  readonly topics?: number
  readonly fan_in?: 1
  readonly qos?: 0 | 1
  readonly size?: number
  readonly window?: number
  readonly batch?: number
  readonly stalled?: number
  readonly stalled_rate?: number
  readonly seconds?: number
  readonly warmup?: number
  readonly prefix?: string
  readonly slash?: 1
  readonly lasts?: 1
  readonly offline?: number
  readonly messages?: number
  readonly keep?: 1
}

export interface LoadResult {
  readonly published_per_s: number
  readonly delivered_per_s: number
  readonly acknowledged_per_s: number
  readonly p50_us: number
  readonly p99_us: number
  /** Of one core. */
  readonly load_cpu: number
  readonly server_cpu: number
  readonly rss_kib: number
  readonly peak_rss_kib: number
}

export interface IdleResult {
  readonly bytes_each: number
  readonly connects_per_s: number
  /** Of one core, while nothing happens. */
  readonly idle_cpu: number
}

export interface ResumeResult {
  /** From the connection on. */
  readonly first_s: number
  readonly all_s: number
  readonly server_cpu_s: number
  readonly rss_kib: number
}

const LOAD_CORE = '1'
/** Beyond what it was told to take: a server that stops answering in the middle of a handshake must not stop the bench. */
const GRACE = 30_000

function start(generator: LoadGenerator, server: BenchServer, wire: Wire, options: object) {
  const { user, password, pid, ports } = server
  const all = {
    port: ports[wire],
    pid,
    ...(user !== undefined && { user, password }),
    ...(wire !== 'tcp' && { [wire]: 1 }),
    ...options,
  }
  const words = Object.entries(all).map(([key, value]) => `${key}=${String(value)}`)
  const child = spawn('taskset', ['-c', LOAD_CORE, generator.path, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit') as Promise<[number | null]>
  const line = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>
  return { child, ended, line }
}

export function runLoad(
  generator: LoadGenerator,
  server: BenchServer,
  wire: Wire,
  options: LoadOptions,
): Promise<LoadResult> {
  return finished<LoadResult>(generator, server, wire, options, (options.seconds ?? 3) + (options.warmup ?? 1))
}

/** The first offline session of a load comes back for so many messages. */
export function runResume(generator: LoadGenerator, server: BenchServer, messages: number): Promise<ResumeResult> {
  return finished<ResumeResult>(generator, server, 'tcp', { resume: messages }, 0)
}

async function finished<T>(
  generator: LoadGenerator,
  server: BenchServer,
  wire: Wire,
  options: object,
  seconds: number,
): Promise<T> {
  const { child, ended, line } = start(generator, server, wire, options)
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000 + GRACE)
  const failed = ended.then(([status]) => {
    if (status !== 0) throw new Error(`${server.name}: the load ended with ${status}: ${JSON.stringify(options)}`)
    return line
  })
  try {
    const [text] = await Promise.race([line, failed])
    await ended
    return JSON.parse(text) as T
  } finally {
    clearTimeout(timer)
  }
}

/** `task` runs while the connections are there. */
export async function runIdle<T>(
  generator: LoadGenerator,
  server: BenchServer,
  options: { readonly idle: number; readonly subscriptions: number },
  task: () => Promise<T>,
): Promise<{ readonly result: IdleResult; readonly seen: T }> {
  const { child, ended, line } = start(generator, server, 'tcp', { ...options, hold: 1 })
  const [text] = await line
  const seen = await task()
  child.stdin.end()
  await ended
  return { result: JSON.parse(text) as IdleResult, seen }
}
