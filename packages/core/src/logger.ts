import { UsageError } from './errors.ts'

/** Where diagnostics go. pino fits as it is. Nothing is logged unless one is given or HALYARD_LOG is set. */
export interface Logger {
  debug(object: object, message: string): void
  info(object: object, message: string): void
  warn(object: object, message: string): void
  error(object: object, message: string): void
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * The logger of a class: the one given, else standard error in the documented form
 * `INFO:CustomCloud:Connecting to cloudsocket.hologram.io` if HALYARD_LOG names a level, else silence.
 *
 * @throws {UsageError} `ERR_USAGE` for what is no logger.
 */
export function loggerFor(className: string, given?: Logger): Logger {
  if (given) return checkLogger(given)
  const level = LEVELS.indexOf(environment('HALYARD_LOG') as LogLevel)
  return level < 0 ? silentLogger : consoleLogger(className, level)
}

function checkLogger(given: Logger): Logger {
  const missing = (['debug', 'info', 'warn', 'error'] as const).find((name) => typeof given[name] !== 'function')
  if (missing === undefined) return given
  throw new UsageError(
    'ERR_USAGE',
    `logger has no method ${missing}; pass pino, or an object with debug, info, warn and error`,
  )
}

function consoleLogger(className: string, level: number): Logger {
  const at = (name: LogLevel): ((object: object, message: string) => void) => {
    if (LEVELS.indexOf(name) > level) return () => {}
    const prefix = `${name === 'warn' ? 'WARNING' : name.toUpperCase()}:${className}:`
    return (_object, message) => {
      // oxlint-disable-next-line no-console -- standard error in Node, the console of a page: the one sink both have
      console.error(prefix + message)
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function environment(name: string): string | undefined {
  const host = globalThis as { process?: { env?: Record<string, string | undefined> } }
  return host.process?.env?.[name]
}
