import type { KeyCipher } from './key-cipher.ts'
import { hsalsa, salsaBlock, salsaByte, salsaWords } from './salsa20.ts'

/**
 * The cipher of version 3: the key's own salt, its first two bytes, stays readable and is XORed again and again over the
 * licence's salt (16 bytes). That is nonce for the derived key, and nonce and counter for the block which is XORed over
 * the other 22 bytes. docs/protocols/emitter.md §3.5
 */
export function shuffleCipher(key: Uint8Array, salt: Uint8Array): KeyCipher {
  const keyWords = salsaWords(key)
  const saltWords = salsaWords(salt)
  const apply = (bytes: Uint8Array): void => {
    const two = bytes[0]! | (bytes[1]! << 8)
    const four = two | (two << 16)
    const nonce = saltWords.map((word) => word ^ four)
    const stream = salsaBlock(hsalsa(keyWords, nonce), nonce)
    for (let i = 2; i < bytes.length; i++) bytes[i] = bytes[i]! ^ salsaByte(stream, i - 2)
  }
  return { encrypt: apply, decrypt: apply }
}
