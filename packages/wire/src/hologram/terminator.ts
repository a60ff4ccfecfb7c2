/**
 * What ends a request: the SDK writes CR CR, its public documentation says two newlines, and firmware in the field
 * sends those or CR LF CR LF. All three are taken, one is written. docs/protocols/hologram.md §1.2
 */
export const TERMINATOR = '\r\r'

const CR = 0x0d
const LF = 0x0a

const encoder = new TextEncoder()

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Where bytes were found to end: `end` is the length of what comes before the terminator, `size` includes it. */
export interface Ending {
  readonly end: number
  readonly size: number
}

/** The first text terminator that ends behind `from` in the first `length` bytes. */
export function findTerminator(bytes: Uint8Array, from: number, length: number): Ending | undefined {
  for (let at = Math.max(from, 1); at < length; at++) {
    const byte = bytes[at]
    if (byte !== CR && byte !== LF) continue
    if (bytes[at - 1] === byte) return { end: at - 1, size: at + 1 }
    if (byte === LF && at >= 3 && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) {
      return { end: at - 3, size: at + 1 }
    }
  }
  return undefined
}

/** NUL NUL, which ends the requests with a one-time password. */
export function findDoubleNul(bytes: Uint8Array, from: number, length: number): Ending | undefined {
  for (let at = Math.max(from, 1); at < length; at++) {
    if (bytes[at] === 0 && bytes[at - 1] === 0) return { end: at - 1, size: at + 1 }
  }
  return undefined
}

/** Whether a text would end a request before its own end. */
export function holdsTerminator(text: string): boolean {
  return /\r\r|\n\n|\r\n\r\n|\r$/.test(text)
}
