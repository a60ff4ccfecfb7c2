/** How a failure ends the command: 1 it could not be done, 2 it was not understood. */

/** Whatever carries an exit code of its own: errors of commander, and commands that were stopped. */
interface WithExitCode {
  readonly code: string
  readonly exitCode: number
}

/** Usage errors that are not about the words of the command line but about what a file or the machine holds. */
const NOT_BAD_USAGE: readonly unknown[] = [
  'ERR_CONFIG_FILE',
  'ERR_HUB_ACCOUNT_EXISTS',
  'ERR_HUB_ACCOUNT_UNKNOWN',
  'ERR_HUB_BACKUP',
  'ERR_HUB_BACKUP_RUNS',
  'ERR_HUB_CONFIG',
  'ERR_HUB_DEVICE_UNKNOWN',
  'ERR_HUB_TARGET',
  'ERR_HUB_TLS',
  'ERR_EMITTER_REVOKED',
  'ERR_HUB_EMITTER_KEY',
  'ERR_HUB_EMITTER_KEYS_FULL',
  'ERR_HUB_EMITTER_KEY_UNKNOWN',
  'ERR_HUB_EMITTER_LICENSE',
  'ERR_HUB_HOST',
  'ERR_INBOUND_HOST',
  'ERR_INBOUND_PORT',
  'ERR_HUB_TOKEN_UNKNOWN',
  'ERR_OUTBOX_UNKNOWN',
]

/** Errors of other kinds that are about the words of the command line: a channel that is none. */
const BAD_USAGE: readonly unknown[] = ['ERR_EMITTER_UNENCODABLE']

export function exitCodeOf(error: unknown): number {
  if (isCommanderError(error)) return error.exitCode === 0 ? 0 : 2
  if (BAD_USAGE.includes((error as { code?: unknown }).code)) return 2
  const isUsage = error instanceof Error && error.name === 'UsageError'
  return isUsage && !NOT_BAD_USAGE.includes((error as { code?: unknown }).code) ? 2 : 1
}

/** The one line a person reads; empty if it has been said already. */
export function describeFailure(
  error: unknown,
  environment: Readonly<Record<string, string | undefined>> = {},
): string {
  if (isCommanderError(error)) return ''
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && code.startsWith('ERR_') && !isBug(error)) {
    return `${error.message.replaceAll(/\s*\n\s*/g, ' ')} (${code})`
  }
  const stack = environment['HALYARD_LOG'] === 'debug' ? `\n${error.stack ?? ''}` : '; HALYARD_LOG=debug shows where'
  return `this should not have happened: ${error.message}${stack}`
}

/** Node's own errors have codes of the same form: they are no answer to what a person did. */
function isBug(error: Error): boolean {
  return error instanceof TypeError || error instanceof RangeError
}

/** Told by its code: the class itself would have to be loaded first. */
function isCommanderError(error: unknown): error is WithExitCode {
  const { code, exitCode } = error as Partial<WithExitCode>
  return typeof code === 'string' && code.startsWith('commander.') && typeof exitCode === 'number'
}
