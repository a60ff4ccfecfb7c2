/** Which broker, as whom, with which key: from options and environment. */
import { readFile } from 'node:fs/promises'
import { StorageError, UsageError, secondsToMilliseconds } from '@halyard/core'
import type { HalyardError } from '@halyard/core'
import type { ConnectOptions, Emitter } from '@halyard/emitter'
import type { Context } from '../context.ts'
import { Interruption } from '../interrupt.ts'
import type { EmitterFlags } from './flags.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** seconds for a broker to answer */
const PATIENCE = 10

/** @throws {UsageError} `ERR_USAGE`; {StorageError} `ERR_CONFIG_FILE` */
export async function brokerOf(flags: EmitterFlags, environment: Environment): Promise<ConnectOptions> {
  const { tls, cafile, insecure, ws, username } = flags
  const host = flags.host ?? environment['HALYARD_EMITTER_HOST'] ?? '127.0.0.1'
  const port = flags.port ?? environment['HALYARD_EMITTER_PORT']
  const secure = tls === true || cafile !== undefined || port === '443' || host === 'api.emitter.io'
  const ca =
    cafile === undefined ? undefined : await readFile(cafile).catch((error: unknown) => unreadable(cafile, error))
  return {
    host,
    ...(port !== undefined && { port: portOf(port) }),
    secure,
    ...(username !== undefined && { username }),
    ...(ws === true && { transport: 'websocket' as const }),
    ...(secure && { tls: { ...(ca && { ca }), ...(insecure === true && { rejectUnauthorized: false }) } }),
  }
}

/** @throws {UsageError} `ERR_USAGE` if there is none */
export function keyOf({ key }: EmitterFlags, environment: Environment): string {
  const found = key ?? environment['HALYARD_EMITTER_KEY']
  if (found !== undefined && found !== '') return found
  throw new UsageError('ERR_USAGE', 'there is no key; set HALYARD_EMITTER_KEY, or give one with --key')
}

export function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new UsageError('ERR_USAGE', `${name} is a whole number, not ${text}`)
}

/** Seconds since 1970, or a date as `Date` reads it. */
export function timeOf(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const time = /^\d{1,10}$/.test(text) ? new Date(Number(text) * 1000) : new Date(text)
  if (!Number.isNaN(time.getTime())) return time
  throw new UsageError('ERR_USAGE', `${name} is a time as 2026-11-20T12:00:00Z, or seconds since 1970, not ${text}`)
}

/** An interrupt, and the time that the broker has: signals for what waits. */
export interface Waiting {
  readonly interruption: Interruption
  /** fires with an interrupt, or when the broker took too long */
  readonly signal: AbortSignal
}

/** Connects, runs the command, and ends the connection, however it goes. */
export async function withBroker(
  flags: EmitterFlags,
  { terminal, load }: Context,
  more: Pick<ConnectOptions, 'outbox'>,
  run: (emitter: Emitter, waiting: Waiting) => Promise<number>,
): Promise<number> {
  const options = await brokerOf(flags, terminal.environment)
  const patience = secondsToMilliseconds('timeout', Number(flags.timeout ?? PATIENCE))
  const { connect } = await load.emitter()
  using interruption = new Interruption(terminal)
  await using emitter = connect({ ...options, ...more })
  const late = AbortSignal.timeout(patience)
  const signal = AbortSignal.any([interruption.signal, late])
  let problem: HalyardError | undefined
  emitter.on('error', (error) => (problem ??= error))
  try {
    const code = await run(emitter, { interruption, signal })
    return interruption.exitCode ?? code
  } catch (error) {
    if (interruption.exitCode !== undefined) return interruption.exitCode
    // That it took too long says less than why.
    if (late.aborted && problem !== undefined) throw problem
    throw error
  }
}

function portOf(text: string): number {
  const port = wholeNumber('--port', text) ?? 0
  if (port >= 1 && port <= 65_535) return port
  throw new UsageError('ERR_USAGE', `--port is from 1 to 65535, not ${text}`)
}

function unreadable(path: string, error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code ?? 'it cannot be read'
  throw new StorageError('ERR_CONFIG_FILE', `--cafile ${path}: ${code}; check the path and who may read it`, {
    cause: error,
  })
}
