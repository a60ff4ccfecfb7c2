import { ERR_MSGINVALID } from '@halyard/wire/hologram'
import type { ReplyCode } from '@halyard/wire/hologram'

/** E.164, with or without its `+`: SDKs up to 0.5 let numbers without one through. */
const NUMBER = /^\+?\d{1,15}$/

/**
 * Why an SMS that could be read is not taken, if it is not: nobody could send it to a phone, and the device can only
 * learn it now. The frame itself would carry any word as a destination and any length of text. A text that is empty is one
 * (3GPP TS 23.040 has no least length), and the original SDKs send it.
 */
export function refusalOf(
  { destination, body }: { readonly destination: string; readonly body: string },
  maxCharacters: number,
): ReplyCode | undefined {
  if (!NUMBER.test(destination)) return ERR_MSGINVALID
  return isLonger(body, maxCharacters) ? ERR_MSGINVALID : undefined
}

/** In code points, as the SDK counts. */
function isLonger(text: string, characters: number): boolean {
  if (text.length <= characters) return false
  if (text.length > 2 * characters) return true
  let count = 0
  for (const _ of text) if (++count > characters) return true
  return false
}
