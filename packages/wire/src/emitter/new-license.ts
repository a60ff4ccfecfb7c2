import { EmitterEncodeError } from './errors.ts'
import type { SecurityKey } from './key.ts'
import type { License, License3 } from './license-type.ts'
import { PERMISSION } from './permissions.ts'

/** How many random bytes {@link newLicense} takes. */
export const LICENSE_RANDOM_BYTES = 56

/**
 * A licence of version 3 out of random bytes, which the caller has from a generator for secrets.
 *
 * @throws {EmitterEncodeError} `ERR_EMITTER_UNENCODABLE` for another number of bytes.
 */
export function newLicense(random: Uint8Array): License3 {
  if (random.length !== LICENSE_RANDOM_BYTES) {
    throw new EmitterEncodeError(
      'ERR_EMITTER_UNENCODABLE',
      `a licence is made of ${LICENSE_RANDOM_BYTES} random bytes, not of ${random.length}`,
    )
  }
  const view = new DataView(random.buffer, random.byteOffset, random.length)
  return {
    version: 3,
    key: random.slice(0, 32),
    salt: random.slice(32, 48),
    // The broker counts its own channels as those of contract 0.
    contract: view.getUint32(48) || 1,
    signature: view.getUint32(52),
    master: 1,
  }
}

/** The master key of a licence: it makes keys and never ends. `salt` is random, 16 bits. */
export function masterKey(license: License, salt: number): SecurityKey {
  return {
    salt,
    master: license.master,
    contract: license.contract,
    signature: license.signature,
    permissions: PERMISSION.master,
    target: { path: 0, hash: 0 },
    expires: 0,
  }
}
