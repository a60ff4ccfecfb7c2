import { toBase64Url } from './base64.ts'
import { readExpiry, writeExpiry } from './epoch.ts'
import type { Problem } from './errors.ts'
import type { License1 } from './license-type.ts'

/**
 * ```
 * 0                                16          20          24        28      32
 * |  key                            | contract  | signature | expires | type |    big endian
 * ```
 *
 * `expires` is counted from 2010. docs/protocols/emitter.md §3.2
 */
const LENGTH = 32

/** What stands behind the 32 bytes is passed over. */
export function parseLicense1(bytes: Uint8Array): License1 | Problem {
  if (bytes.length < LENGTH) return { problem: `the licence has ${bytes.length} bytes; version 1 has ${LENGTH}` }
  const view = new DataView(bytes.buffer, bytes.byteOffset, LENGTH)
  return {
    version: 1,
    key: bytes.slice(0, 16),
    contract: view.getUint32(16),
    signature: view.getUint32(20),
    master: 1,
    expires: readExpiry(view.getUint32(24)),
    type: view.getUint32(28),
  }
}

export function encodeLicense1({ key, contract, signature, expires, type }: License1): string {
  const bytes = new Uint8Array(LENGTH)
  bytes.set(key)
  const view = new DataView(bytes.buffer)
  view.setUint32(16, contract)
  view.setUint32(20, signature)
  view.setUint32(24, writeExpiry(expires))
  view.setUint32(28, type)
  return `${toBase64Url(bytes)}:1`
}
