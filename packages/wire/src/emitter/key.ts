import { readExpiry, writeExpiry } from './epoch.ts'
import { PERMISSION } from './permissions.ts'
import type { KeyTarget } from './target.ts'

/**
 * What a key says, once it is decrypted. docs/protocols/emitter.md §3.3
 *
 * ```
 * 0       2       4               8              12          15  16              20             24
 * | salt  |master |   contract    |  signature   |target path|pm | target hash   |   expires    |   big endian
 * ```
 */
export interface SecurityKey {
  /** Random, 16 bits */
  readonly salt: number
  /** Which of the contract's master keys made it */
  readonly master: number
  readonly contract: number
  readonly signature: number
  /** Bits of {@link PERMISSION} */
  readonly permissions: number
  readonly target: KeyTarget
  /** Unix seconds, 0: never. On the wire it is counted from 2010. */
  readonly expires: number
}

export const KEY_BYTES = 24
/** Of a key as text. */
export const KEY_CHARACTERS = 32

/** An `expires` before 2010 becomes its first second and one after 2146 the last, so that what ends does end. */
export function encodeKey(key: SecurityKey): Uint8Array {
  const bytes = new Uint8Array(KEY_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, key.salt)
  view.setUint16(2, key.master)
  view.setUint32(4, key.contract)
  view.setUint32(8, key.signature)
  // Three bytes of path and one of permissions.
  view.setUint32(12, (key.target.path << 8) | (key.permissions & 0xff))
  view.setUint32(16, key.target.hash)
  view.setUint32(20, writeExpiry(key.expires))
  return bytes
}

/** Of exactly {@link KEY_BYTES}. */
export function decodeKey(bytes: Uint8Array): SecurityKey {
  const view = new DataView(bytes.buffer, bytes.byteOffset, KEY_BYTES)
  return {
    salt: view.getUint16(0),
    master: view.getUint16(2),
    contract: view.getUint32(4),
    signature: view.getUint32(8),
    permissions: view.getUint8(15),
    target: { path: view.getUint32(12) >>> 8, hash: view.getUint32(16) },
    expires: readExpiry(view.getUint32(20)),
  }
}

/** Exactly the master bit: with any other beside it, a key is none. */
export function isMasterKey(key: SecurityKey): boolean {
  return key.permissions === PERMISSION.master
}

/** Strictly after the second in which it ends. `now` is unix seconds. */
export function isExpired(key: Pick<SecurityKey, 'expires'>, now: number): boolean {
  return key.expires !== 0 && key.expires < now
}
