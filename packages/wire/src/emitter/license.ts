import { fromBase64Url } from './base64.ts'
import { EmitterEncodeError } from './errors.ts'
import type { Problem } from './errors.ts'
import { checkLengths } from './license-type.ts'
import type { License } from './license-type.ts'
import { encodeLicenseBlock, parseLicenseBlock } from './license-block.ts'
import { encodeLicense1, parseLicense1 } from './license-v1.ts'

const SHORTEST = 5

/**
 * Reads a licence of any version: `:1`, `:2` or `:3` at its end says which, and without it is of version 1. The problem
 * never quotes the text. A licence of version 2 or 3 may lack key and salt; {@link keyCodec} refuses such a one.
 *
 * @example
 * ```ts
 * import { parseLicense } from '@halyard/wire/emitter'
 * const license = parseLicense('zT83oDV0DWY5_JysbSTPTDr8KB0AAAAAAAAAAAAAAAI')
 * if ('problem' in license) throw new Error(license.problem)
 * console.log(license.version, license.contract) // 1 989603869
 * ```
 */
export function parseLicense(text: string): License | Problem {
  if (text.length < SHORTEST) return { problem: 'there is no licence; it has 40 characters and more' }
  const suffix = /:(\d+)$/.exec(text)
  const version = suffix ? Number(suffix[1]) : 1
  const bytes = fromBase64Url(suffix ? text.slice(0, suffix.index) : text)
  if (!bytes) return { problem: 'the licence is not base64url; copy it whole, without quotes or spaces' }
  if (version === 1) return parseLicense1(bytes)
  if (version === 2 || version === 3) return parseLicenseBlock(bytes, version)
  return { problem: `the licence is of version ${version}; 1, 2 and 3 are known` }
}

/**
 * The text of a licence, which always ends in its version.
 *
 * @throws {EmitterEncodeError} `ERR_EMITTER_UNENCODABLE` if key or salt have another length than the version's.
 */
export function formatLicense(license: License): string {
  const wrong = checkLengths(license)
  if (wrong) throw new EmitterEncodeError('ERR_EMITTER_UNENCODABLE', wrong)
  return license.version === 1 ? encodeLicense1(license) : encodeLicenseBlock(license)
}
