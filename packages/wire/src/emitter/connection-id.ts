/**
 * Ids of connections as the original makes them: 26 characters of base32, out of 16 bytes that PBKDF2 makes of the
 * numbers of node and connection. PBKDF2 is the caller's, since wire has no cryptography of a platform; a broker of our
 * own needs none and writes 16 random bytes, for any text of these characters will do, and 4,096 rounds for each
 * connection are time that a fleet which reconnects does not have. docs/protocols/emitter.md §4.2
 */
export const CONNECTION_ID_KDF = { hash: 'SHA-1', salt: 'emitter', rounds: 4096, length: 16 } as const

/** The password for PBKDF2: both numbers, big endian. */
export function connectionIdInput(node: bigint, local: bigint): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, node)
  view.setBigUint64(8, local)
  return bytes
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * The id of 16 bytes, which must be as hard to guess as it matters: an extended key's channel ends in it.
 *
 * @example
 * ```ts
 * import { formatConnectionId } from '@halyard/wire/emitter'
 * console.log(formatConnectionId(new Uint8Array(16).fill(255))) // 77777777777777777777777774
 * ```
 */
export function formatConnectionId(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31]!
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31]!
}
