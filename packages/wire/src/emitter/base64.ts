/** Base64 in both alphabets (RFC 4648 §4 and §5) over bytes: browsers have `atob`, which knows neither. */

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const URL_SAFE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** With `=` at the end. */
export function toBase64(bytes: Uint8Array): string {
  const text = write(bytes, STANDARD)
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** Without `=`. */
export function toBase64Url(bytes: Uint8Array): string {
  return write(bytes, URL_SAFE)
}

/** `undefined` for what is not base64 with its `=`. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  const end = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length
  return read(text, end, 0x2b, 0x2f)
}

/** `undefined` for what is not base64url, `=` included. Bits that fill up the last character are not looked at. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  return read(text, text.length, 0x2d, 0x5f)
}

function write(bytes: Uint8Array, alphabet: string): string {
  let text = ''
  let at = 0
  for (; at + 3 <= bytes.length; at += 3) {
    const three = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    text +=
      alphabet[three >> 18]! + alphabet[(three >> 12) & 63]! + alphabet[(three >> 6) & 63]! + alphabet[three & 63]!
  }
  const left = bytes.length - at
  if (left === 0) return text
  const rest = (bytes[at]! << 16) | (left === 2 ? bytes[at + 1]! << 8 : 0)
  text += alphabet[rest >> 18]! + alphabet[(rest >> 12) & 63]!
  return left === 2 ? text + alphabet[(rest >> 6) & 63]! : text
}

function read(text: string, end: number, sixtyTwo: number, sixtyThree: number): Uint8Array | undefined {
  if (end % 4 === 1) return undefined
  const bytes = new Uint8Array((end * 3) >> 2)
  let held = 0
  let bits = 0
  let at = 0
  for (let i = 0; i < end; i++) {
    const six = valueOf(text.charCodeAt(i), sixtyTwo, sixtyThree)
    if (six < 0) return undefined
    held = ((held << 6) | six) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = held >> bits
  }
  return bytes
}

function valueOf(unit: number, sixtyTwo: number, sixtyThree: number): number {
  if (unit >= 0x61 && unit <= 0x7a) return unit - 0x61 + 26
  if (unit >= 0x41 && unit <= 0x5a) return unit - 0x41
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30 + 52
  if (unit === sixtyTwo) return 62
  return unit === sixtyThree ? 63 : -1
}
