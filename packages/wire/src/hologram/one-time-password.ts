/**
 * Requests that prove who sends with a one-time password. They are recognised, so that a server can refuse them in the
 * reply form that their sender reads, and not decoded. docs/protocols/hologram.md §6
 *
 * ```
 * totp            "C" device-id SP timestamp SP otp SP *("T" topic NUL) 1*("B" message NUL) NUL
 * sim-otp         "H" and further as totp
 * sim-otp-nonce   "N", one byte, to which the server answers a nonce
 * ```
 */
export interface OneTimePasswordRequest {
  readonly kind: 'one-time-password'
  readonly scheme: 'totp' | 'sim-otp' | 'sim-otp-nonce'
}

const SCHEMES: Readonly<Record<string, OneTimePasswordRequest['scheme']>> = {
  C: 'totp',
  H: 'sim-otp',
  N: 'sim-otp-nonce',
}

export function oneTimePasswordScheme(firstCharacter: string): OneTimePasswordRequest['scheme'] | undefined {
  return Object.hasOwn(SCHEMES, firstCharacter) ? SCHEMES[firstCharacter] : undefined
}
