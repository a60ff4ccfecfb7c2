import type { KeyCipher } from './key-cipher.ts'
import { hsalsa, salsaBlock, salsaByte, salsaWords } from './salsa20.ts'

/**
 * The cipher of version 2: XSalsa20 with the licence's salt (24 bytes) as nonce, over the whole key. The nonce never
 * changes, and so every key of a licence is XORed with the same 24 bytes. docs/protocols/emitter.md §3.5
 */
export function xsalsaCipher(key: Uint8Array, nonce: Uint8Array): KeyCipher {
  const words = salsaWords(nonce)
  const counted = Uint32Array.of(words[4]!, words[5]!, 0, 0)
  const stream = salsaBlock(hsalsa(salsaWords(key), words), counted)
  const apply = (bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = bytes[i]! ^ salsaByte(stream, i)
  }
  return { encrypt: apply, decrypt: apply }
}
