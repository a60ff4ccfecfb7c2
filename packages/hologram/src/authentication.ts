import { UsageError } from '@halyard/core'
import { encodeMessage, encodeSms } from '@halyard/wire/hologram'
import { readCredentials } from './credentials.ts'
import { textOf } from './message-body.ts'
import type { Authentication } from './types.ts'
import { VERSION } from './version.ts'

/** The modem of a program that leaves the network to its machine. */
const METADATA = `agnostic-${VERSION}`

/**
 * The cloud id and key, or the device key, in every request. docs/protocols/hologram.md §3, §4
 *
 * @param credentials asked for each request, so that what was changed meanwhile counts
 */
export function csrpsk(credentials: () => unknown): Authentication {
  return {
    type: 'csrpsk',
    message(data, topics) {
      const auth = readCredentials(credentials())
      const text = typeof data === 'string' ? data : textOf({ bytes: data, text: false })
      return encodeMessage({ auth, data: text, topics, metadata: 'deviceKey' in auth ? METADATA : undefined })
    },
    sms: (destination, text) => encodeSms({ auth: readCredentials(credentials()), destination, body: text }),
  }
}

const METHODS = 'an object with the methods of Authentication: { type, message, sms }'

/**
 * Checks the `authentication` of a cloud's options.
 *
 * @throws {UsageError} `ERR_HOLOGRAM_AUTHENTICATION`
 */
export function readAuthentication(authentication: unknown = 'csrpsk'): 'csrpsk' | Authentication {
  if (authentication === 'csrpsk') return authentication
  const candidate = authentication as Partial<Authentication> | null
  if (typeof candidate === 'object' && typeof candidate?.message === 'function') {
    if (typeof candidate.sms === 'function') return candidate as Authentication
    throw complaint(`this authentication has no method sms; pass ${METHODS}`)
  }
  throw complaint(
    authentication === 'totp'
      ? `authentication 'totp' needs a plug-in: pass ${METHODS}`
      : `Invalid authentication type: ${String(authentication)}; use 'csrpsk', or ${METHODS}`,
  )
}

function complaint(message: string): UsageError {
  return new UsageError('ERR_HOLOGRAM_AUTHENTICATION', message)
}
