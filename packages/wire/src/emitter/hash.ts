/**
 * The hash by which keys name channels: MurmurHash3 x86 of 32 bits with seed 37, its four bytes reversed, of the text's
 * UTF-8. docs/protocols/emitter.md §3.1
 *
 * @example
 * ```ts
 * import { channelHash } from '@halyard/wire/emitter'
 * console.log(channelHash('hello world')) // 4008393376
 * ```
 */
export function channelHash(text: string): number {
  return isAscii(text) ? murmur(text.length, (at) => text.charCodeAt(at)) : hashBytes(new TextEncoder().encode(text))
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

function hashBytes(bytes: Uint8Array): number {
  return murmur(bytes.length, (at) => bytes[at]!)
}

const SEED = 37
const C1 = 0xcc9e2d51
const C2 = 0x1b873593

function murmur(length: number, byteAt: (at: number) => number): number {
  let hash = SEED
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const word = byteAt(at) | (byteAt(at + 1) << 8) | (byteAt(at + 2) << 16) | (byteAt(at + 3) << 24)
    hash = Math.imul(rotate(hash ^ scramble(word), 13), 5) + 0xe6546b64
  }
  let tail = 0
  for (let left = length - at; left > 0; left--) tail = (tail << 8) | byteAt(at + left - 1)
  hash ^= scramble(tail)
  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return reverseBytes(hash ^ (hash >>> 16))
}

function scramble(word: number): number {
  return Math.imul(rotate(Math.imul(word, C1), 15), C2)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function reverseBytes(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}
