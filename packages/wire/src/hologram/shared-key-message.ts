import { writePythonJson } from './python-json.ts'
import type { JsonValue } from './python-json.ts'
import { encodeText, TERMINATOR } from './terminator.ts'

/**
 * Device to cloud with cloud id and cloud key, SDK 0.1 to 0.4. docs/protocols/hologram.md §3.2
 *
 * ```
 * without topics   {"s": id, "c": key, "d": data} CR CR
 * with topics      {"d": data, "s": id, "c": key, "t": topics} CR CR
 * ```
 * The two orders are those of a CPython 2.7 dictionary.
 */
export interface SharedKeyMessage {
  readonly cloudId: string
  readonly cloudKey: string
  readonly data: JsonValue
  readonly topics?: string | readonly string[]
}

export function encodeSharedKeyMessage(message: SharedKeyMessage): Uint8Array {
  const { cloudId: s, cloudKey: c, data: d, topics: t } = message
  return encodeText(writePythonJson(t === undefined ? { s, c, d } : { d, s, c, t }) + TERMINATOR)
}
