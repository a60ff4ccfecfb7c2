import { UsageError } from '@halyard/core'
import { holdsTerminator, MAX_SMS_CHARACTERS } from '@halyard/wire/hologram'

/** E.164: a plus, a country, at most 15 digits in all. */
const E164 = /^\+[1-9]\d{1,14}$/

/**
 * What can be sent as an SMS. Characters are code points, so that an emoji is one, as document 000 counts.
 *
 * @throws {UsageError} `ERR_HOLOGRAM_SMS`
 */
export function checkSms(destination: unknown, text: string): void {
  if (typeof destination !== 'string' || !E164.test(destination)) {
    throw complaint("an SMS goes to a number in E.164 form: a '+', the country and the number, as +11234567890")
  }
  const length = Array.from(text).length
  if (length > MAX_SMS_CHARACTERS) {
    throw complaint(`an SMS has at most ${MAX_SMS_CHARACTERS} characters, this one has ${length}; split it`)
  }
  if (holdsTerminator(text)) {
    throw complaint('an SMS can hold no blank line and no CR at its end: it would end there; use single line breaks')
  }
}

/** Letters of GSM 03.38, whose phones pack 160 of them into one SMS; of anything else there is room for 70. */
const GSM = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà^{}\\[~\]|€]*$/

/** A phone network cuts such a text into several parts, each of which is paid for. */
export function concernOfSms(text: string): string | undefined {
  if (text.length <= 70 || GSM.test(text)) return undefined
  return 'the SMS has letters beyond GSM 03.38 and more than 70 of them: it may travel in several parts'
}

function complaint(message: string): UsageError {
  return new UsageError('ERR_HOLOGRAM_SMS', message)
}
