import { toBase64Url } from './base64.ts'
import type { Problem } from './errors.ts'
import type { License2, License3 } from './license-type.ts'
import { decodeSnappy, decodeUvarint, encodeSnappy, encodeUvarint } from './snappy.ts'

/**
 * Versions 2 and 3: a snappy block of
 *
 * ```
 * uvarint length, key;  uvarint length, salt;  uvarint contract;  uvarint signature;  uvarint master
 * ```
 *
 * docs/protocols/emitter.md §3.2
 */
export function encodeLicenseBlock({ version, key, salt, contract, signature, master }: License2 | License3): string {
  const content = Uint8Array.of(
    ...encodeUvarint(key.length),
    ...key,
    ...encodeUvarint(salt.length),
    ...salt,
    ...encodeUvarint(contract),
    ...encodeUvarint(signature),
    ...encodeUvarint(master),
  )
  return `${toBase64Url(encodeSnappy(content))}:${version}`
}

/** Ten times what a licence takes. */
const MAX_CONTENT = 1024

const BROKEN: Problem = { problem: 'the licence is damaged or cut off; copy it whole' }

export function parseLicenseBlock(bytes: Uint8Array, version: 2 | 3): License2 | License3 | Problem {
  const content = decodeSnappy(bytes, MAX_CONTENT)
  if (!content) return BROKEN
  let at = 0
  const number = (): number | undefined => {
    const read = decodeUvarint(content, at)
    at = read?.end ?? content.length
    return read?.value
  }
  const text = (): Uint8Array | undefined => {
    const length = number()
    if (length === undefined || at + length > content.length) return undefined
    return content.slice(at, (at += length))
  }
  const key = text()
  const salt = text()
  const contract = number()
  const signature = number()
  const master = number()
  if (!key || !salt || contract === undefined || signature === undefined || master === undefined) return BROKEN
  return { version, key, salt, contract, signature, master }
}
