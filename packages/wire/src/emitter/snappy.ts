/** Snappy's block format (google/snappy, format_description.txt), as far as licences need it: a few dozen bytes. */

const LITERAL = 0
const COPY_1 = 1
const COPY_2 = 2
/** In the tag, 60 to 63 say how many bytes of length follow: 1 to 4. */
const LONG_LITERAL = 60

/** The block as one literal. */
export function encodeSnappy(bytes: Uint8Array): Uint8Array {
  const length = bytes.length
  const header = encodeUvarint(length)
  if (length === 0) return header
  const tag =
    length <= LONG_LITERAL
      ? [(length - 1) << 2]
      : length <= 0x100
        ? [LONG_LITERAL << 2, length - 1]
        : [(LONG_LITERAL + 1) << 2, (length - 1) & 0xff, (length - 1) >> 8]
  return Uint8Array.of(...header, ...tag, ...bytes)
}

/** `undefined` if the block is broken, or would unpack to more than `maxBytes`. */
export function decodeSnappy(block: Uint8Array, maxBytes: number): Uint8Array | undefined {
  const length = decodeUvarint(block, 0)
  if (!length || length.value > maxBytes) return undefined
  const out = new Uint8Array(length.value)
  let written = 0
  let at = length.end
  while (at < block.length) {
    const element = readElement(block, at)
    if (!element || written + element.length > out.length) return undefined
    const { from, offset, end } = element
    if (offset === 0) {
      if (end > block.length) return undefined
      out.set(block.subarray(from, end), written)
    } else {
      if (offset > written) return undefined
      // One at a time: a copy may read what it has just written.
      for (let i = 0; i < element.length; i++) out[written + i] = out[written + i - offset]!
    }
    written += element.length
    at = end
  }
  return written === out.length ? out : undefined
}

interface Element {
  readonly length: number
  /** Of a copy: how far back; 0: a literal, whose bytes begin at `from`. */
  readonly offset: number
  readonly from: number
  /** Where the next element begins. */
  readonly end: number
}

function readElement(block: Uint8Array, at: number): Element | undefined {
  const tag = block[at]!
  const high = tag >> 2
  const kind = tag & 3
  if (kind === LITERAL) {
    const extra = high < LONG_LITERAL ? 0 : high - LONG_LITERAL + 1
    const length = extra === 0 ? high + 1 : littleEndian(block, at + 1, extra) + 1
    const from = at + 1 + extra
    return { length, offset: 0, from, end: from + length }
  }
  const size = kind === COPY_1 ? 1 : kind === COPY_2 ? 2 : 4
  const end = at + 1 + size
  if (end > block.length) return undefined
  const low = littleEndian(block, at + 1, size)
  const offset = kind === COPY_1 ? ((tag >> 5) << 8) | low : low
  // An offset of 0 points at nothing.
  if (offset === 0) return undefined
  return { length: kind === COPY_1 ? ((tag >> 2) & 7) + 4 : high + 1, offset, from: end, end }
}

/** Beyond the end it reads zeros; whoever asks compares the end. */
function littleEndian(bytes: Uint8Array, at: number, size: number): number {
  let value = 0
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (bytes[at + i] ?? 0)
  return value
}

/** Seven bits a byte, the lowest first, of 32 bits at most. */
export function encodeUvarint(value: number): Uint8Array {
  const bytes: number[] = []
  let left = value
  for (; left >= 0x80; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80)
  return Uint8Array.of(...bytes, left)
}

export function decodeUvarint(bytes: Uint8Array, from: number): { value: number; end: number } | undefined {
  let value = 0
  for (let i = 0; i < 5; i++) {
    const byte = bytes[from + i]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return value <= 0xffff_ffff ? { value, end: from + i + 1 } : undefined
  }
  return undefined
}
