import { UsageError } from '@halyard/core'
import { CLOUD_ID_LENGTH, CLOUD_KEY_LENGTH, DEVICE_KEY_LENGTH, deviceKeyOf, isKey } from '@halyard/wire/hologram'
import type { HologramAuth } from '@halyard/wire/hologram'

/**
 * `cloud_id` and `cloud_key` (4 characters each): the form with `s` and `c` on the wire. `devicekey` (8 characters): the
 * form with `k`, `m`, `t`, `d`, the cloud's public contract today. `device_id` and `private_key`: for TOTP, with an
 * `Authentication` of your own.
 */
export type CredentialsInit =
  | { cloud_id: string; cloud_key: string }
  | { cloudId: string; cloudKey: string }
  | { devicekey: string }
  | { device_id: string; private_key: string }

/**
 * The cloud id and cloud key of a device, changed in place as in document 001. Each is empty or has 4 characters.
 * The key is not enumerable, so that no `console.log` and no `JSON.stringify` shows it.
 *
 * @example
 * ```ts
 * import { Credentials } from '@halyard/hologram'
 * const credentials = new Credentials('xxxx', 'xxxx')
 * credentials.cloudId = 'yyyy'
 * ```
 *
 * @throws {UsageError} `ERR_HOLOGRAM_CREDENTIALS` for another length, here and on assignment.
 */
export class Credentials {
  declare cloudId: string
  declare cloudKey: string

  constructor(cloudId = '', cloudKey = '') {
    define(this, 'cloudId', cloudId, CLOUD_ID_LENGTH, true)
    define(this, 'cloudKey', cloudKey, CLOUD_KEY_LENGTH, false)
  }
}

function define(target: Credentials, name: string, initial: string, length: number, enumerable: boolean): void {
  const checked = (value: unknown): string => {
    if (value === '' || isKey(value, length)) return value
    throw complaint(`${name} must be ${length} characters long`)
  }
  let current = checked(initial)
  Object.defineProperty(target, name, {
    enumerable,
    get: () => current,
    set: (value: unknown) => {
      current = checked(value)
    },
  })
}

/** The fields that any of the forms may have; programs in JavaScript pass whatever they like. */
type Fields = Partial<
  Record<'cloud_id' | 'cloud_key' | 'cloudId' | 'cloudKey' | 'devicekey' | 'device_id' | 'private_key', unknown>
>

const HOW = `pass { cloud_id, cloud_key } of ${CLOUD_ID_LENGTH} characters each, or { devicekey } of ${DEVICE_KEY_LENGTH}`

/**
 * What goes on the wire, checked.
 *
 * @throws {UsageError} `ERR_HOLOGRAM_CREDENTIALS`; the message never holds what was given.
 */
export function readCredentials(credentials: unknown): HologramAuth {
  const fields = fieldsOf(credentials)
  const { devicekey: deviceKey } = fields
  if (deviceKey !== undefined) {
    if (isKey(deviceKey, DEVICE_KEY_LENGTH)) return { deviceKey }
    throw complaint(`devicekey must be ${DEVICE_KEY_LENGTH} characters long; ${HOW}`)
  }
  const cloudId = fields.cloudId ?? fields.cloud_id
  const cloudKey = fields.cloudKey ?? fields.cloud_key
  if (isMissing(cloudId) && isMissing(cloudKey) && fields.device_id !== undefined) {
    throw complaint(`device_id and private_key are for TOTP, which needs an authentication of your own; ${HOW}`)
  }
  if (isMissing(cloudId)) throw complaint(`cloud_id is missing; ${HOW}`)
  if (isMissing(cloudKey)) throw complaint(`cloud_key is missing; ${HOW}`)
  if (!isKey(cloudId, CLOUD_ID_LENGTH)) throw complaint(`cloud_id must be ${CLOUD_ID_LENGTH} characters long; ${HOW}`)
  if (!isKey(cloudKey, CLOUD_KEY_LENGTH)) {
    throw complaint(`cloud_key must be ${CLOUD_KEY_LENGTH} characters long; ${HOW}`)
  }
  return { cloudId, cloudKey }
}

/** The public half of the credentials, which names the account: never the key. */
export function accountOf(credentials: unknown): string {
  const { device_id: deviceId } = fieldsOf(credentials)
  if (typeof deviceId === 'string' && /^[!-~]{1,64}$/.test(deviceId)) return deviceId
  return deviceKeyOf(readCredentials(credentials)).slice(0, CLOUD_ID_LENGTH)
}

/** A device key as the object of document 001: its halves are the id and the key, and it goes out as one word. */
class DeviceKeyCredentials extends Credentials {
  get devicekey(): string {
    return this.cloudId + this.cloudKey
  }
}

/** Of these only the name of the device is asked for: the secret is the authentication's. */
class OneTimeCredentials extends Credentials {
  readonly device_id: unknown

  constructor(deviceId: unknown) {
    super()
    this.device_id = deviceId
  }
}

/**
 * The object of document 001 for credentials in any form; null gives empty ones.
 *
 * @throws {UsageError} `ERR_HOLOGRAM_CREDENTIALS`
 */
export function asCredentials(given: unknown): Credentials {
  if (given instanceof Credentials) return given
  if (given === null) return new Credentials()
  const { device_id: deviceId } = fieldsOf(given)
  if (deviceId !== undefined) return new OneTimeCredentials(deviceId)
  const auth = readCredentials(given)
  if (!('deviceKey' in auth)) return new Credentials(auth.cloudId, auth.cloudKey)
  const { deviceKey } = auth
  return new DeviceKeyCredentials(deviceKey.slice(0, CLOUD_ID_LENGTH), deviceKey.slice(CLOUD_ID_LENGTH))
}

function fieldsOf(credentials: unknown): Fields {
  if (typeof credentials === 'object' && credentials !== null) return credentials
  throw complaint(`HologramCloud needs credentials: ${HOW}`)
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}

function complaint(message: string): UsageError {
  return new UsageError('ERR_HOLOGRAM_CREDENTIALS', message)
}
