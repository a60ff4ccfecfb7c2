/** Where a message goes and as whom, from options, environment and file. */
import { UsageError } from '@halyard/core'
import { loadConfig, numberSetting, portSetting, textSetting } from '@halyard/core/node'
import type { CredentialsInit } from '@halyard/hologram'
import type { SendFlags } from './flags.ts'

export interface Target {
  /** `undefined`: raw, to a server of the user's own */
  readonly credentials: CredentialsInit | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  /** seconds */
  readonly timeout: number | undefined
  readonly outbox: string | undefined
}

const MAX_SECONDS = 86_400

const SETTINGS = {
  cloud_id: textSetting(),
  cloud_key: textSetting({ secret: true }),
  devicekey: textSetting({ secret: true }),
  host: textSetting({ variable: 'HALYARD_SEND_HOST' }),
  port: portSetting({ variable: 'HALYARD_SEND_PORT' }),
  timeout: numberSetting({ least: 0, most: MAX_SECONDS, variable: 'HALYARD_SEND_TIMEOUT' }),
  outbox: textSetting({ variable: 'HALYARD_SEND_OUTBOX' }),
}

const SOURCES = '--file FILE, HALYARD_CLOUD_ID and HALYARD_CLOUD_KEY, or --cloud_id and --cloud_key'

/** @throws {UsageError} `ERR_CONFIG_FILE`, `ERR_CONFIG_VALUE`, `ERR_HOLOGRAM_CREDENTIALS`, `ERR_HOLOGRAM_ENDPOINT` */
export async function readTarget(
  flags: SendFlags,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Target> {
  const { file, cloudId, cloudKey, ...named } = flags
  const options = { ...named, cloud_id: flags.cloud_id ?? cloudId, cloud_key: flags.cloud_key ?? cloudKey }
  const { cloud_id, cloud_key, devicekey, ...rest } = await loadConfig(SETTINGS, { options, environment, file })
  const target = { host: rest.host, port: rest.port, timeout: rest.timeout, outbox: rest.outbox }
  // Who gives a pair on the command line means it, whatever the file or the environment holds besides.
  if (cloud_id !== undefined && cloud_key !== undefined && flags.devicekey === undefined) {
    return { ...target, credentials: { cloud_id, cloud_key } }
  }
  if (devicekey !== undefined) return { ...target, credentials: { devicekey } }
  if (cloud_id !== undefined || cloud_key !== undefined) {
    const missing = cloud_id === undefined ? 'cloud_id' : 'cloud_key'
    throw new UsageError('ERR_HOLOGRAM_CREDENTIALS', `${missing} is missing; give both by ${SOURCES}`)
  }
  if (file !== undefined) {
    throw new UsageError(
      'ERR_HOLOGRAM_CREDENTIALS',
      `${file} holds neither cloud_id and cloud_key nor devicekey at its top level`,
    )
  }
  if (target.host === undefined || target.port === undefined) {
    throw new UsageError(
      'ERR_HOLOGRAM_ENDPOINT',
      `no credentials: give ${SOURCES}; or, to send raw to a server of your own, --host and --port`,
    )
  }
  return { ...target, credentials: undefined }
}
