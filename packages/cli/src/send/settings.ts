/** Where a message goes and as whom, from options, environment and file. */
import { UsageError } from '@halyard/core'
import { loadConfig, portSetting, textSetting } from '@halyard/core/node'
import type { CredentialsInit } from '@halyard/hologram'
import { ACCOUNT_SETTINGS, SOURCES, accountOptions, credentialsOf } from '../account/credentials.ts'
import { secondsSetting } from '../seconds-setting.ts'
import type { SendFlags, SmsFlags } from './flags.ts'

export interface Target {
  /** `undefined`: raw, to a server of the user's own */
  readonly credentials: CredentialsInit | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  /** seconds */
  readonly timeout: number | undefined
  readonly outbox: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

const SETTINGS = {
  ...ACCOUNT_SETTINGS,
  host: textSetting({ variable: 'HALYARD_SEND_HOST' }),
  port: portSetting({ variable: 'HALYARD_SEND_PORT' }),
  timeout: secondsSetting('timeout', 'HALYARD_SEND_TIMEOUT'),
  outbox: textSetting({ variable: 'HALYARD_SEND_OUTBOX' }),
}

/**
 * Without credentials it is raw, and needs host and port.
 *
 * @throws {UsageError} `ERR_CONFIG_FILE`, `ERR_CONFIG_VALUE`, `ERR_USAGE_SECONDS`, `ERR_HOLOGRAM_CREDENTIALS`,
 * `ERR_HOLOGRAM_ENDPOINT`
 */
export async function readTarget(flags: SendFlags, environment: Environment): Promise<Target> {
  const target = await readAny(flags, environment)
  if (target.credentials !== undefined || (target.host !== undefined && target.port !== undefined)) return target
  throw new UsageError(
    'ERR_HOLOGRAM_ENDPOINT',
    `no credentials: give ${SOURCES}; or, to send raw to a server of your own, --host and --port`,
  )
}

/** @throws {UsageError} as `readTarget`; `ERR_HOLOGRAM_CREDENTIALS` if there are none: only the cloud knows telephones. */
export async function readSmsTarget(flags: SmsFlags, environment: Environment): Promise<Target> {
  const target = await readAny(flags, environment)
  if (target.credentials !== undefined) return target
  throw new UsageError(
    'ERR_HOLOGRAM_CREDENTIALS',
    `no credentials: an SMS goes through the Hologram cloud, or a hub in its place; give ${SOURCES}`,
  )
}

async function readAny(flags: SendFlags | SmsFlags, environment: Environment): Promise<Target> {
  const { file, host, port, timeout, outbox } = flags
  const options = { ...accountOptions(flags), host, port, timeout, outbox }
  const found = await loadConfig(SETTINGS, { options, environment, file })
  return {
    credentials: credentialsOf(found, flags),
    host: found.host,
    port: found.port,
    timeout: found.timeout,
    outbox: found.outbox,
  }
}
