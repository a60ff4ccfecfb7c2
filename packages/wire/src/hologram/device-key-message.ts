import { writePythonJson } from './python-json.ts'
import type { JsonValue } from './python-json.ts'
import { encodeText, TERMINATOR } from './terminator.ts'

/**
 * Device to cloud with the device key, SDK 0.5 and later; `m` since 0.5.21. docs/protocols/hologram.md §3.3
 *
 * ```
 * {"k": device key, "m": U+0001 modem "-" version, "t": topics, "d": data} CR CR      m and t where there are some
 * ```
 */
export interface DeviceKeyMessage {
  readonly deviceKey: string
  readonly data: JsonValue
  readonly topics?: string | readonly string[]
  /** `<modem>-<version>`; `agnostic` is the modem of a program that knows of none */
  readonly metadata?: string
}

/** The character before the metadata; in JSON it takes the six bytes of its escape. */
export const METADATA_MARK = '\u0001'

export function encodeDeviceKeyMessage(message: DeviceKeyMessage): Uint8Array {
  const { deviceKey: k, data: d, topics: t, metadata } = message
  const m = metadata === undefined ? undefined : METADATA_MARK + metadata
  return encodeText(writePythonJson({ k, m, t, d }) + TERMINATOR)
}
