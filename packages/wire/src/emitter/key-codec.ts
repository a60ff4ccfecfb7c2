import { fromBase64Url, toBase64Url } from './base64.ts'
import type { Problem } from './errors.ts'
import type { KeyCipher } from './key-cipher.ts'
import { decodeKey, encodeKey, KEY_CHARACTERS } from './key.ts'
import type { SecurityKey } from './key.ts'
import { checkLengths } from './license-type.ts'
import type { License } from './license-type.ts'
import { shuffleCipher } from './shuffle-cipher.ts'
import { xsalsaCipher } from './xsalsa-cipher.ts'
import { xteaCipher } from './xtea.ts'

/** Keys as text, under one licence. */
export interface KeyCodec {
  /**
   * What a key says; `undefined` only if the text is not 32 characters of base64url. A key of another licence, or a
   * forged one, decrypts to something too: contract, signature and master tell, and not even they can be trusted.
   */
  decrypt(text: string): SecurityKey | undefined
  encrypt(key: SecurityKey): string
}

/**
 * Reads and writes the keys of a licence.
 *
 * @example
 * ```ts
 * import { formatPermissions, keyCodec, parseLicense } from '@halyard/wire/emitter'
 * const license = parseLicense('zT83oDV0DWY5_JysbSTPTDr8KB0AAAAAAAAAAAAAAAI')
 * if ('problem' in license) throw new Error(license.problem)
 * const codec = keyCodec(license)
 * if ('problem' in codec) throw new Error(codec.problem)
 * const key = codec.decrypt('xm54Sj0srWlSEctra-yU6ZA6Z2e6pp7c')
 * console.log(key && formatPermissions(key.permissions), key?.expires) // rw 1497621358
 * ```
 */
export function keyCodec(license: License): KeyCodec | Problem {
  const wrong = checkLengths(license)
  if (wrong) return { problem: wrong }
  const cipher = cipherOf(license)
  return {
    decrypt: (text) => {
      const bytes = text.length === KEY_CHARACTERS ? fromBase64Url(text) : undefined
      if (!bytes) return undefined
      cipher.decrypt(bytes)
      return decodeKey(bytes)
    },
    encrypt: (key) => {
      const bytes = encodeKey(key)
      cipher.encrypt(bytes)
      return toBase64Url(bytes)
    },
  }
}

function cipherOf(license: License): KeyCipher {
  if (license.version === 1) return xteaCipher(license.key)
  if (license.version === 2) return xsalsaCipher(license.key, license.salt)
  return shuffleCipher(license.key, license.salt)
}
