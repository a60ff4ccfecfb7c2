import { HalyardError } from '../errors.ts'
import { DEVICE_KEY_LENGTH, deviceKeyOf, isKey } from './auth.ts'
import type { DeviceKeyAuth, HologramAuth } from './auth.ts'
import { ERR_AUTHINVALID, ERR_MSGINVALID } from './reply.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { encodeText, holdsTerminator, TERMINATOR } from './terminator.ts'

/**
 * A text message to a telephone, over the same socket; nothing in it is escaped. docs/protocols/hologram.md §4
 *
 * ```
 * "S" cloud-id cloud-key destination SP body CR CR
 * "S" device-key         destination SP body CR CR
 * ```
 */
export interface Sms<Auth extends HologramAuth = HologramAuth> {
  readonly auth: Auth
  /** The SDK up to 0.5 lets any word through, later ones want a leading `+`. */
  readonly destination: string
  readonly body: string
}

/** The longest body the SDK sends; the frame itself has no such limit. */
export const MAX_SMS_CHARACTERS = 160

/** The longest destination that is taken: a telephone number has 15 digits. */
const MAX_DESTINATION = 32
const DESTINATION = /^[!-~]+$/

/**
 * @throws {HalyardError} `ERR_HOLOGRAM_SMS` for what cannot be framed: a destination that is empty, too long or not
 *   printable ASCII, a body that holds a terminator (a blank line, or CR as its last character).
 */
export function encodeSms(sms: Sms): Uint8Array {
  if (!isDestination(sms.destination)) {
    throw new HalyardError('ERR_HOLOGRAM_SMS', 'the destination of an SMS is a number as +11234567890, without spaces')
  }
  if (holdsTerminator(sms.body)) {
    throw new HalyardError('ERR_HOLOGRAM_SMS', 'the body of an SMS cannot hold a blank line: it would end there')
  }
  return encodeText(`S${deviceKeyOf(sms.auth)}${sms.destination} ${sms.body}${TERMINATOR}`)
}

/** Reads what stands before the terminator. Which form the 8 characters were written in cannot be told. */
export function decodeSms(text: string): Sms<DeviceKeyAuth> | Refusal {
  const deviceKey = text.slice(1, 1 + DEVICE_KEY_LENGTH)
  if (!isKey(deviceKey, DEVICE_KEY_LENGTH)) {
    return refuse(ERR_AUTHINVALID, 'compact', `an SMS starts with S and ${DEVICE_KEY_LENGTH} characters of keys`)
  }
  const space = text.indexOf(' ', 1 + DEVICE_KEY_LENGTH)
  const destination = text.slice(1 + DEVICE_KEY_LENGTH, space)
  if (space < 0 || !isDestination(destination)) {
    return refuse(ERR_MSGINVALID, 'compact', 'an SMS has a destination and a space before its body')
  }
  return { auth: { deviceKey }, destination, body: text.slice(space + 1) }
}

function isDestination(text: string): boolean {
  return text.length <= MAX_DESTINATION && DESTINATION.test(text)
}
