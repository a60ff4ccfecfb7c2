import { MqttEncodeError } from './errors.ts'
import { MAX_STRING_BYTES, utf8Length, writeUtf8 } from './utf8.ts'

/** The data types of 5.0 §1.5, written: sizes first, so that the caller reserves room, then bytes into that room. */

/** The largest value of a Variable Byte Integer, so also the largest remaining length (5.0 table 1-1). */
export const MAX_VARIABLE_BYTE_INTEGER = 268_435_455

/** The fewest bytes possible [MQTT-1.5.5-1]. */
export function sizeOfVariableByteInteger(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4
}

export function writeVariableByteInteger(value: number, out: Uint8Array, from: number): number {
  let at = from
  let rest = value
  while (rest > 127) {
    out[at++] = 0x80 | (rest & 0x7f)
    rest >>>= 7
  }
  out[at++] = rest
  return at
}

export function writeUint16(value: number, out: Uint8Array, at: number): number {
  out[at] = value >> 8
  out[at + 1] = value
  return at + 2
}

export function writeUint32(value: number, out: Uint8Array, at: number): number {
  out[at] = value >>> 24
  out[at + 1] = value >>> 16
  out[at + 2] = value >>> 8
  out[at + 3] = value
  return at + 4
}

export function sizeOfString(text: string): number {
  return 2 + utf8Length(text)
}

export function writeString(text: string, out: Uint8Array, at: number): number {
  const end = writeUtf8(text, out, at + 2)
  writeUint16(end - at - 2, out, at)
  return end
}

export function sizeOfBinary(bytes: Uint8Array): number {
  if (bytes.length > MAX_STRING_BYTES) {
    throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', `${bytes.length} bytes are more than a field of 65,535 takes`)
  }
  return 2 + bytes.length
}

export function writeBinary(bytes: Uint8Array, out: Uint8Array, at: number): number {
  writeUint16(bytes.length, out, at)
  out.set(bytes, at + 2)
  return at + 2 + bytes.length
}

/** Throws `ERR_MQTT_UNENCODABLE` unless `value` is a whole number from `least` to `most`. */
export function requireInteger(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new MqttEncodeError('ERR_MQTT_UNENCODABLE', `${what} must be from ${least} to ${most}, not ${value}`)
}

/** [MQTT-2.2.1-3], [MQTT-2.2.1-4]: never 0. */
export function requirePacketId(packetId: number | undefined): number {
  requireInteger('the packet identifier', packetId ?? 0, 1, 65_535)
  return packetId ?? 0
}

/** Below this many bytes a loop is faster than the two calls that copy a part of an array. */
const SHORT = 64

/** Copies `from[start, end)` to `out[at…)`; returns where it ends. */
export function copyBytes(from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  const length = end - start
  if (length > SHORT) out.set(start === 0 && end === from.length ? from : from.subarray(start, end), at)
  else for (let i = 0; i < length; i++) out[at + i] = from[start + i]!
  return at + length
}
