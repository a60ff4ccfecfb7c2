/**
 * Names of the messages to which their senders gave none: letters of this process, then the number of the message. Who
 * has the number need not keep the name.
 */
export class Ids {
  /** Drawn for the first: Node loads a part of itself for it, which nobody waits for at the start. */
  #prefix = ''

  /**
   * A sender gave this name. If it is one that would be made some day, other letters are drawn: two messages of one name
   * would be one on disk. Who has but the number of a message must have made its name by now.
   */
  given(id: string): void {
    if (this.#prefix !== '' && id.startsWith(this.#prefix)) this.#prefix = ''
  }

  of(order: number): string {
    return (this.#prefix ||= randomLetters()) + order.toString(36)
  }
}

/** 60 random bits; no vowels, so that they spell nothing. */
function randomLetters(): string {
  const letters = '0123456789bcdfghjklmnpqrstvwxyz_'
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => letters[byte % 32]).join('') + '-'
}
