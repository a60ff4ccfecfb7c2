/** As whom a command speaks: from options, environment and file. */
import { UsageError } from '@halyard/core'
import { textSetting } from '@halyard/core/node'
import type { Config, Setting } from '@halyard/core/node'
import type { CredentialsInit } from '@halyard/hologram'
import type { AccountFlags } from './flags.ts'

export const ACCOUNT_SETTINGS: Readonly<Record<'cloud_id' | 'cloud_key' | 'devicekey', Setting<string>>> = {
  cloud_id: textSetting(),
  cloud_key: textSetting({ secret: true }),
  devicekey: textSetting({ secret: true }),
}

/** For errors: where they can stand. */
export const SOURCES = '--file FILE, HALYARD_CLOUD_ID and HALYARD_CLOUD_KEY, or --cloud_id and --cloud_key'

/** The options under the names of the settings. */
export function accountOptions(flags: AccountFlags): Record<keyof typeof ACCOUNT_SETTINGS, string | undefined> {
  const { cloudId, cloudKey, cloud_id = cloudId, cloud_key = cloudKey, devicekey } = flags
  return { cloud_id, cloud_key, devicekey }
}

/**
 * `undefined` if there are none anywhere.
 *
 * @throws {UsageError} `ERR_HOLOGRAM_CREDENTIALS` for one half of a pair, and for a file that was named and has none
 */
export function credentialsOf(
  { cloud_id, cloud_key, devicekey }: Config<typeof ACCOUNT_SETTINGS>,
  flags: AccountFlags,
): CredentialsInit | undefined {
  // Who gives a pair on the command line means it, whatever the file or the environment holds besides.
  if (cloud_id !== undefined && cloud_key !== undefined && flags.devicekey === undefined) {
    return { cloud_id, cloud_key }
  }
  if (devicekey !== undefined) return { devicekey }
  if (cloud_id !== undefined || cloud_key !== undefined) {
    const missing = cloud_id === undefined ? 'cloud_id' : 'cloud_key'
    throw new UsageError('ERR_HOLOGRAM_CREDENTIALS', `${missing} is missing; give both by ${SOURCES}`)
  }
  if (flags.file === undefined) return undefined
  throw new UsageError(
    'ERR_HOLOGRAM_CREDENTIALS',
    `${flags.file} holds neither cloud_id and cloud_key nor devicekey at its top level`,
  )
}
