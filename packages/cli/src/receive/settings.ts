/** Where to listen and for how long, from options and environment; as whom, from the file too. */
import { loadConfig, portSetting, textSetting } from '@halyard/core/node'
import type { CredentialsInit } from '@halyard/hologram'
import { ACCOUNT_SETTINGS, accountOptions, credentialsOf } from '../account/credentials.ts'
import { secondsSetting } from '../seconds-setting.ts'
import type { ReceiveFlags } from './flags.ts'

export interface Reception {
  /** Receiving needs none; if there are some they are checked, and the client is that of the cloud. */
  readonly credentials: CredentialsInit | undefined
  readonly host: string
  /** 0: a free one */
  readonly port: number
  /** `undefined`: until it is interrupted */
  readonly seconds: number | undefined
}

/** As the document has it. */
const DEFAULTS = { host: '0.0.0.0', port: 4010, timeout: 10 }
/** As the original has it. */
const FOR_EVER = -1

/** No keys of the file: `host` and `port` in it are where messages are sent to. */
const SETTINGS = {
  host: textSetting({ variable: 'HALYARD_RECEIVE_HOST' }),
  port: portSetting({ variable: 'HALYARD_RECEIVE_PORT', least: 0 }),
  timeout: secondsSetting('timeout', 'HALYARD_RECEIVE_TIMEOUT', FOR_EVER),
}

/** @throws {UsageError} `ERR_CONFIG_FILE`, `ERR_CONFIG_VALUE`, `ERR_USAGE_SECONDS`, `ERR_HOLOGRAM_CREDENTIALS` */
export async function readReception(
  flags: ReceiveFlags,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Reception> {
  const { host, port, timeout, file } = flags
  const found = await loadConfig(SETTINGS, { options: { host, port, timeout }, environment })
  const account = await loadConfig(ACCOUNT_SETTINGS, { options: accountOptions(flags), environment, file })
  const seconds = found.timeout ?? DEFAULTS.timeout
  return {
    credentials: credentialsOf(account, flags),
    host: found.host ?? DEFAULTS.host,
    port: found.port ?? DEFAULTS.port,
    seconds: seconds === FOR_EVER ? undefined : seconds,
  }
}
