/**
 * Salsa20 and what XSalsa20 makes its keys with (Bernstein, "Extending the Salsa20 nonce"). The state is a square of 16
 * words, little endian:
 *
 * ```
 * c0  k0  k1  k2
 * k3  c1  n0  n1
 * n2  n3  c2  k4       c "expand 32-byte k", k the key, n nonce and counter
 * k5  k6  k7  c3
 * ```
 */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const

/** A key of 32 bytes as eight words. */
export function salsaWords(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const words = new Uint32Array(bytes.length >> 2)
  for (let i = 0; i < words.length; i++) words[i] = view.getUint32(i * 4, true)
  return words
}

/** The 64 bytes that come of a key (8 words) with a nonce and counter (4 words), as 16 words. */
export function salsaBlock(key: Uint32Array, nonce: Uint32Array): Uint32Array {
  const state = square(key, nonce)
  const mixed = state.slice()
  mix(mixed)
  for (let i = 0; i < 16; i++) mixed[i] = mixed[i]! + state[i]!
  return mixed
}

/** The key (8 words) that stands for a key and the first 16 bytes of a nonce: the diagonal and the middle. */
export function hsalsa(key: Uint32Array, nonce: Uint32Array): Uint32Array {
  const z = square(key, nonce)
  mix(z)
  return Uint32Array.of(z[0]!, z[5]!, z[10]!, z[15]!, z[6]!, z[7]!, z[8]!, z[9]!)
}

/** Byte `at` of a block that is held in words. */
export function salsaByte(block: Uint32Array, at: number): number {
  return (block[at >> 2]! >>> ((at & 3) * 8)) & 0xff
}

function square(k: Uint32Array, n: Uint32Array): Uint32Array {
  const [c0, c1, c2, c3] = CONSTANTS
  return Uint32Array.of(
    ...[c0, k[0]!, k[1]!, k[2]!],
    ...[k[3]!, c1, n[0]!, n[1]!],
    ...[n[2]!, n[3]!, c2, k[4]!],
    ...[k[5]!, k[6]!, k[7]!, c3],
  )
}

/** Twenty rounds: ten times the columns, then the rows. */
function mix(x: Uint32Array): void {
  for (let i = 0; i < 10; i++) {
    quarter(x, 0, 4, 8, 12)
    quarter(x, 5, 9, 13, 1)
    quarter(x, 10, 14, 2, 6)
    quarter(x, 15, 3, 7, 11)
    quarter(x, 0, 1, 2, 3)
    quarter(x, 5, 6, 7, 4)
    quarter(x, 10, 11, 8, 9)
    quarter(x, 15, 12, 13, 14)
  }
}

function quarter(x: Uint32Array, a: number, b: number, c: number, d: number): void {
  const first = x[a]!
  const fourth = x[d]!
  const second = (x[b] = x[b]! ^ rotate(first + fourth, 7))
  const third = (x[c] = x[c]! ^ rotate(second + first, 9))
  const last = (x[d] = fourth ^ rotate(third + second, 13))
  x[a] = first ^ rotate(last + third, 18)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
