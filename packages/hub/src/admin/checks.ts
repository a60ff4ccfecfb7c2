/** What is asked of an administration, checked the same way whoever does it. */
import { UsageError } from '@halyard/core'
import { isFourCharacters } from '../sample-file.ts'
import type { NewHologramAccount } from './api.ts'
import { accountUnknown, tokenUnknown } from './errors.ts'

const MAX_NAME = 100

/** @throws {UsageError} `ERR_USAGE` */
export function checkNewAccount({ cloudId, cloudKey }: NewHologramAccount): void {
  for (const [name, value] of Object.entries({ cloud_id: cloudId, cloud_key: cloudKey })) {
    if (value === undefined || isFourCharacters(value)) continue
    throw new UsageError(
      'ERR_USAGE',
      `${name} must be four printable ASCII characters without spaces; without it one is made`,
    )
  }
}

/** @throws {UsageError} `ERR_USAGE` */
export function checkTokenName(name: string): void {
  if (typeof name === 'string' && name.trim() !== '' && name.length <= MAX_NAME && !/\p{Cc}/u.test(name)) return
  throw new UsageError(
    'ERR_USAGE',
    `a token needs a name of 1 to ${MAX_NAME} characters that says who uses it, without control characters`,
  )
}

/** What cannot be an id is none that is known. @throws {UsageError} `ERR_HUB_DEVICE_UNKNOWN` */
export function checkCloudId(cloudId: string): void {
  if (!isFourCharacters(cloudId)) throw accountUnknown(printable(cloudId))
}

/** @throws {UsageError} `ERR_HUB_TOKEN_UNKNOWN` */
export function checkTokenId(id: string): void {
  if (typeof id !== 'string' || !/^[0-9a-f]{1,64}$/.test(id)) throw tokenUnknown(printable(id))
}

/** A word of the user's in a message: not longer than it needs to be, and without power over a terminal. */
function printable(value: unknown): string {
  const text = String(value).replaceAll(/\p{Cc}/gu, '?')
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
