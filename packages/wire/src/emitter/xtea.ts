import type { KeyCipher } from './key-cipher.ts'

/**
 * The cipher of version 1: three blocks of XTEA (Needham and Wheeler, 1997) with 32 cycles, each by itself; before that
 * the salt, the first two bytes, is XORed over the others. docs/protocols/emitter.md §3.5
 *
 * Two keys with the same salt may trade blocks, for nothing binds one to the next.
 */
export function xteaCipher(key: Uint8Array): KeyCipher {
  const view = new DataView(key.buffer, key.byteOffset, 16)
  const words = Uint32Array.of(view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12))
  return {
    encrypt: (bytes) => {
      spreadSalt(bytes)
      const blocks = viewOf(bytes)
      for (let at = 0; at < bytes.length; at += 8) encryptBlock(blocks, at, words)
    },
    decrypt: (bytes) => {
      const blocks = viewOf(bytes)
      for (let at = 0; at < bytes.length; at += 8) decryptBlock(blocks, at, words)
      spreadSalt(bytes)
    },
  }
}

const DELTA = 0x9e3779b9
const CYCLES = 32

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

function spreadSalt(bytes: Uint8Array): void {
  for (let i = 2; i < bytes.length; i++) bytes[i] = bytes[i]! ^ bytes[i & 1]!
}

function encryptBlock(view: DataView, at: number, key: Uint32Array): void {
  let left = view.getInt32(at)
  let right = view.getInt32(at + 4)
  let sum = 0
  for (let i = 0; i < CYCLES; i++) {
    left = (left + (mix(right) ^ (sum + key[sum & 3]!))) | 0
    sum = (sum + DELTA) | 0
    right = (right + (mix(left) ^ (sum + key[(sum >>> 11) & 3]!))) | 0
  }
  view.setInt32(at, left)
  view.setInt32(at + 4, right)
}

function decryptBlock(view: DataView, at: number, key: Uint32Array): void {
  let left = view.getInt32(at)
  let right = view.getInt32(at + 4)
  let sum = Math.imul(DELTA, CYCLES)
  for (let i = 0; i < CYCLES; i++) {
    right = (right - (mix(left) ^ (sum + key[(sum >>> 11) & 3]!))) | 0
    sum = (sum - DELTA) | 0
    left = (left - (mix(right) ^ (sum + key[sum & 3]!))) | 0
  }
  view.setInt32(at, left)
  view.setInt32(at + 4, right)
}

function mix(half: number): number {
  return (((half << 4) ^ (half >>> 5)) + half) | 0
}
