/**
 * Names of the messages to which their senders gave none: letters of this process, then the number of the message. Who
 * has the number need not keep the name.
 */
export class Ids {
  readonly #prefix = randomLetters()

  of(order: number): string {
    return this.#prefix + order.toString(36)
  }
}

/** 60 random bits; no vowels, so that they spell nothing. */
function randomLetters(): string {
  const letters = '0123456789bcdfghjklmnpqrstvwxyz_'
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => letters[byte % 32]).join('') + '-'
}
