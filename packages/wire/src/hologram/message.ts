import { encodeDeviceKeyMessage } from './device-key-message.ts'
import { encodeSharedKeyMessage } from './shared-key-message.ts'
import type { HologramAuth } from './auth.ts'
import type { JsonValue } from './python-json.ts'

/** A message to the cloud, whichever form its credentials give it on the wire. */
export interface CloudMessage {
  readonly auth: HologramAuth
  /** Text, or any JSON value: the original passes lists, objects and numbers through. */
  readonly data: JsonValue
  /** As given: one string stays a string, an empty list is sent as one. A decoded message always has a list. */
  readonly topics?: string | readonly string[]
  /** `<modem>-<version>`, with the device key alone: `agnostic-0.9.1` */
  readonly metadata?: string
}

/**
 * The whole request, terminator included, byte for byte as the Python SDK writes it.
 *
 * @example
 * ```ts
 * import { encodeMessage } from '@halyard/wire/hologram'
 * const bytes = encodeMessage({ auth: { cloudId: '1234', cloudKey: '5678' }, data: 'Hello, Python!' })
 * console.log(JSON.stringify(new TextDecoder().decode(bytes.subarray(-4)))) // "\"}\r\r"
 * ```
 *
 * @throws {HalyardError} `ERR_HOLOGRAM_JSON`, see `writePythonJson`.
 */
export function encodeMessage(message: CloudMessage): Uint8Array {
  const { auth, data, topics, metadata } = message
  return 'deviceKey' in auth
    ? encodeDeviceKeyMessage({ ...auth, data, topics, metadata })
    : encodeSharedKeyMessage({ ...auth, data, topics })
}
