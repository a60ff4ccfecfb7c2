import type { EmitterMessage } from './message.ts'

const MAX_MESSAGES = 256
const MAX_BYTES = 1024 * 1024

/**
 * The last messages that came, within bounds. After a reconnection the broker is asked for what it stored since then, and
 * it counts in whole seconds: what it sends a second time is recognised here, each message once.
 */
export class Recent {
  #messages: EmitterMessage[] = []
  #bytes = 0
  /** Of them, those that have not come a second time since the last reconnection. */
  #unclaimed: EmitterMessage[] = []

  put(message: EmitterMessage): void {
    this.#messages.push(message)
    this.#bytes += message.binary.length
    while (this.#messages.length > MAX_MESSAGES || this.#bytes > MAX_BYTES) {
      this.#bytes -= this.#messages.shift()?.binary.length ?? 0
    }
  }

  /** From now on they come a second time. */
  again(): void {
    this.#unclaimed = [...this.#messages]
  }

  /** Whether it comes a second time. It stays among them: after the next cut it may come a third time. */
  take({ channel, binary }: EmitterMessage): boolean {
    const at = this.#unclaimed.findIndex((known) => known.channel === channel && isEqual(known.binary, binary))
    if (at < 0) return false
    this.#unclaimed.splice(at, 1)
    return true
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
