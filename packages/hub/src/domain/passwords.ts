/** What is kept of a password that a person has chosen: nobody gets it back from there. */
export interface PasswordHash {
  readonly algorithm: 'scrypt'
  /** base64url */
  readonly salt: string
  readonly hash: string
  /** N, as a power of two */
  readonly cost: number
}

/** `busy`: so many passwords wait to be checked that this one was not looked at. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy'

export interface Passwords {
  /** Waits for its turn, however long the queue is: only those ask who look after the hub. */
  hash(password: Uint8Array): Promise<PasswordHash>
  /** At once for one that was right lately. `undefined`: there is no such account; takes as long as a wrong one. */
  check(
    account: string,
    password: Uint8Array,
    kept: PasswordHash | undefined,
    /** Asked when its turn has come; false: it is not looked at, which is `busy`. */
    isWanted?: () => boolean,
  ): PasswordVerdict | Promise<PasswordVerdict>
}
