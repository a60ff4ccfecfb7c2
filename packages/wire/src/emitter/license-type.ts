interface LicenseBase {
  readonly contract: number
  readonly signature: number
  /** Which master key is the valid one; always 1 in version 1. */
  readonly master: number
  /** Of the cipher: 16 bytes in version 1, else 32 */
  readonly key: Uint8Array
}

export interface License1 extends LicenseBase {
  readonly version: 1
  /** Unix seconds, 0: never. No broker looks at it. */
  readonly expires: number
  /** 2: on premise */
  readonly type: number
}

export interface License2 extends LicenseBase {
  readonly version: 2
  /** 24 bytes */
  readonly salt: Uint8Array
}

export interface License3 extends LicenseBase {
  readonly version: 3
  /** 16 bytes */
  readonly salt: Uint8Array
}

/** What a broker needs to read and make keys: a secret as great as all of them. docs/protocols/emitter.md §3.2 */
export type License = License1 | License2 | License3

/** What is wrong with the lengths of key and salt, or `undefined`. */
export function checkLengths(license: License): string | undefined {
  const key = license.version === 1 ? 16 : 32
  if (license.key.length !== key) return `the key of the licence has ${license.key.length} bytes and needs ${key}`
  if (license.version === 1) return undefined
  const salt = license.version === 2 ? 24 : 16
  if (license.salt.length === salt) return undefined
  return `the salt of the licence has ${license.salt.length} bytes and needs ${salt}`
}
