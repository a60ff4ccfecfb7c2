/** Which broker, as whom, with which key: from options and environment. */
import { AbortError, ConnectionError, UsageError } from '@halyard/core'
import type { ConnectOptions, Emitter } from '@halyard/emitter'
import type { Context } from '../context.ts'
import { Interruption } from '../interrupt.ts'
import { readNamedFile } from '../read-named-file.ts'
import { secondsOption } from '../seconds-option.ts'
import { wholeNumber } from '../whole-number.ts'
import type { EmitterFlags } from './flags.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** seconds for a broker to answer */
const PATIENCE = '10'

/** @throws {UsageError} `ERR_USAGE`; {StorageError} `ERR_CONFIG_FILE` */
async function brokerOf(flags: EmitterFlags, environment: Environment): Promise<ConnectOptions> {
  const { tls, cafile, insecure, ws, username } = flags
  const host = flags.host ?? environment['HALYARD_EMITTER_HOST'] ?? '127.0.0.1'
  const port = flags.port ?? environment['HALYARD_EMITTER_PORT']
  const secure =
    tls === true || insecure === true || cafile !== undefined || port === '443' || host === 'api.emitter.io'
  const ca = cafile === undefined ? undefined : await readNamedFile('--cafile', cafile)
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

/** Seconds since 1970, or a date as `Date` reads it. */
export function timeOf(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const time = /^\d{1,10}$/.test(text) ? new Date(Number(text) * 1000) : new Date(text)
  if (!Number.isNaN(time.getTime())) return time
  throw new UsageError('ERR_USAGE', `${name} is a time as 2026-11-20T12:00:00Z, or seconds since 1970, not ${text}`)
}

/** What a command has besides its connection. */
export interface Waiting {
  readonly interruption: Interruption
  /** False: the broker is away, which only a command with an outbox bears. */
  readonly isThere: boolean
  /** From now on as long as the broker has to answer; an interrupt ends it too. */
  readonly patience: () => AbortSignal
  /** milliseconds of it */
  readonly timeout: number
}

/** Connects, runs the command, and ends the connection, however it goes. The first failure to connect ends the command. */
export async function withBroker(
  flags: EmitterFlags,
  { terminal, load }: Context,
  outbox: string | undefined,
  run: (emitter: Emitter, waiting: Waiting) => Promise<number>,
): Promise<number> {
  const options = await brokerOf(flags, terminal.environment)
  const timeout = secondsOption('--timeout', flags.timeout ?? PATIENCE)
  const { connect } = await load.emitter()
  using interruption = new Interruption(terminal)
  await using emitter = connect({ ...options, ...(outbox !== undefined && { outbox: { path: outbox } }) })
  const patience = (): AbortSignal => AbortSignal.any([interruption.signal, AbortSignal.timeout(timeout)])
  try {
    const isThere = await reached(emitter, patience(), nameOf(options), outbox !== undefined)
    const code = await run(emitter, { interruption, isThere, patience, timeout })
    return interruption.exitCode ?? code
  } catch (error) {
    if (interruption.exitCode !== undefined) return interruption.exitCode
    if (!(error instanceof AbortError)) throw error
    throw new ConnectionError('ERR_EMITTER_TIMEOUT', `${nameOf(options)} has not answered in ${timeout / 1000} s`, {
      cause: error,
    })
  }
}

/** Resolves with the signal; rejects when the broker takes back what it has granted. */
export function untilEnded(emitter: Emitter, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
    emitter.on('error', (error) => {
      // It is connected again by itself.
      if (error instanceof ConnectionError) return
      const why = 'the key was banned or revoked, or it has expired'
      reject(new ConnectionError('ERR_EMITTER_ENDED', `the broker sends nothing more: ${why}`, { cause: error }))
    })
  })
}

/** With an outbox, a broker that is away is no failure: what it does not get is kept. */
async function reached(emitter: Emitter, signal: AbortSignal, name: string, mayBeAway: boolean): Promise<boolean> {
  const connected = new Promise<boolean>((resolve, reject) => {
    emitter.on('connect', () => resolve(true))
    emitter.on('error', reject)
    signal.addEventListener('abort', () => reject(new AbortError(`${name} was waited for`)), { once: true })
  })
  // Before it is looked at the outbox is opened.
  connected.catch(() => {})
  try {
    await emitter.outbox
    return await connected
  } catch (error) {
    const isAway = error instanceof ConnectionError || error instanceof AbortError
    if (mayBeAway && isAway) return false
    throw error
  }
}

function nameOf({ host = '', port }: ConnectOptions): string {
  return `the broker ${port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`}`
}

function portOf(text: string): number {
  const port = wholeNumber('the port', text) ?? 0
  if (port >= 1 && port <= 65_535) return port
  throw new UsageError('ERR_USAGE', `the port is from 1 to 65535, not ${text}`)
}
