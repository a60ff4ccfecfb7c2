import { MqttEncodeError } from './errors.ts'

/**
 * UTF-8 as MQTT has it (5.0 §1.5.4, 3.1.1 §1.5.3): no surrogates, no overlong forms, no U+0000, a BOM is a character
 * like any other. Control characters and non-characters are taken: docs/protocols/mqtt.md §1.4 says why.
 */

/** A string's length stands in two bytes. */
export const MAX_STRING_BYTES = 65_535

// Fatal refuses surrogates and overlong forms [MQTT-1.5.4-1]; ignoreBOM keeps the BOM [MQTT-1.5.4-3].
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Below this many bytes a loop is faster than the decoder's call. Measured on Node 20: docs/protocols/mqtt.md §1.4. */
const SHORT = 24

/** The text, or `undefined` if the bytes are not what MQTT calls a UTF-8 string. */
export function decodeUtf8(bytes: Uint8Array, at: number, end: number): string | undefined {
  const kind = scan(bytes, at, end)
  if (kind === 'broken') return undefined
  if (kind === 'ascii' && end - at <= SHORT) return shortAscii(bytes, at, end)
  try {
    return decoder.decode(bytes.subarray(at, end))
  } catch {
    return undefined
  }
}

function scan(bytes: Uint8Array, at: number, end: number): 'ascii' | 'other' | 'broken' {
  let all = 0
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!
    // No character but U+0000 has a zero byte [MQTT-1.5.4-2].
    if (byte === 0) return 'broken'
    all |= byte
  }
  return all < 0x80 ? 'ascii' : 'other'
}

function shortAscii(bytes: Uint8Array, from: number, end: number): string {
  let text = ''
  let at = from
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    )
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!)
  return text
}

/**
 * How many bytes a text takes. Throws `ERR_MQTT_UNENCODABLE` for what may not be written: U+0000 [MQTT-1.5.4-2], half a
 * surrogate pair [MQTT-1.5.4-1], more than 65,535 bytes.
 */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      if (unit === 0) throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'a text holds U+0000, which MQTT forbids')
    } else if (unit < 0x800) length++
    else if (unit < 0xd800 || unit > 0xdfff) length += 2
    else {
      const low = text.charCodeAt(i + 1)
      if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) {
        throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', 'a text holds half of a surrogate pair; mend the text')
      }
      // Two units of the text are four bytes.
      length += 2
      i++
    }
  }
  if (length > MAX_STRING_BYTES) {
    throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', `a text of ${length} bytes is longer than ${MAX_STRING_BYTES}`)
  }
  return length
}

/** Writes a text that {@link utf8Length} has passed, without its length; returns where it ends. */
export function writeUtf8(text: string, out: Uint8Array, from: number): number {
  let at = from
  for (let i = 0; i < text.length; i++) {
    let point = text.charCodeAt(i)
    if (point < 0x80) {
      out[at++] = point
      continue
    }
    if (point < 0x800) out[at++] = 0xc0 | (point >> 6)
    else {
      if (point >= 0xd800 && point <= 0xdfff) {
        point = 0x10000 + ((point & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff)
        out[at++] = 0xf0 | (point >> 18)
        out[at++] = 0x80 | ((point >> 12) & 0x3f)
      } else out[at++] = 0xe0 | (point >> 12)
      out[at++] = 0x80 | ((point >> 6) & 0x3f)
    }
    out[at++] = 0x80 | (point & 0x3f)
  }
  return at
}

/** The bytes of a text, checked. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text))
  writeUtf8(text, bytes, 0)
  return bytes
}
