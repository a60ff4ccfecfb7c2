import type { LogLevel, Logger } from '@halyard/core'

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']
const NAMES: Readonly<Record<LogLevel, string>> = { error: 'ERROR', warn: 'WARNING', info: 'INFO', debug: 'DEBUG' }

/**
 * The log of a hub that runs as a program, in the documented form with what is known besides:
 * `WARNING:Hub:connections were cut {"connections":2}`. HALYARD_LOG names the level; `warn`.
 */
export function hubLogger(
  write: (line: string, level: LogLevel) => void,
  environment: Readonly<Record<string, string | undefined>>,
): Logger {
  const named = LEVELS.indexOf(environment['HALYARD_LOG'] as LogLevel)
  const most = named < 0 ? LEVELS.indexOf('warn') : named
  const at = (level: LogLevel): ((object: object, message: string) => void) =>
    LEVELS.indexOf(level) > most
      ? () => {}
      : (object, message) => write(`${NAMES[level]}:Hub:${message}${fieldsOf(object)}`, level)
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

function fieldsOf(object: object): string {
  const text = JSON.stringify(object, (_key, value: unknown) => (value instanceof Error ? value.message : value))
  return text === '{}' ? '' : ` ${text}`
}
