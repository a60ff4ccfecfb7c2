import type { Clock, Timer } from '@halyard/core'
import { GrowingBytes } from './growing-bytes.ts'
import type { Incoming, IncomingEvents } from './listener.ts'

/** What one connection may cost. */
export interface ReceivingLimits {
  /** milliseconds of silence that end a message; 5000, as in the original */
  readonly silence: number
  /** milliseconds that a message may take in all */
  readonly duration: number
  /** bytes of a message */
  readonly maxBytes: number
}

export interface ReceivingEvents {
  /** So many bytes more are held; false if there is no room for them. */
  hold(bytes: number): boolean
  /** Complete: the bytes are the receiver's own. */
  message(bytes: Uint8Array, remoteAddress: string): void
  /** What came is no message: why. */
  broken(problem: string, remoteAddress: string, held: number): void
  /** It holds nothing any more; always the last. */
  over(receiving: Receiving, held: number): void
}

/**
 * One connection on the way to one message: what it carried until its end or until it was silent for so long, nothing
 * included. docs/protocols/hologram.md §8.1
 *
 * A connection that breaks, or passes a limit, carried no message: it is reset, since a reset is the only answer that
 * this protocol has.
 */
export class Receiving implements IncomingEvents {
  readonly #incoming: Incoming
  readonly #limits: ReceivingLimits
  readonly #clock: Clock
  readonly #events: ReceivingEvents
  readonly #bytes = new GrowingBytes()
  readonly #began: number
  /** When silence is too long, on the monotonic clock; moved by every byte, the timer follows late. */
  #deadline: number
  #timer: Timer | undefined
  #over = false

  constructor(incoming: Incoming, limits: ReceivingLimits, clock: Clock, events: ReceivingEvents) {
    this.#incoming = incoming
    this.#limits = limits
    this.#clock = clock
    this.#events = events
    this.#began = clock.monotonic()
    this.#deadline = this.#began + limits.silence
    this.#watch()
  }

  received(bytes: Uint8Array): void {
    if (this.#over) return
    const { maxBytes, silence } = this.#limits
    if (this.#bytes.length + bytes.length > maxBytes) return this.#break(`it is longer than ${maxBytes} bytes`)
    if (!this.#events.hold(bytes.length)) return this.#break('too much is being received at once')
    this.#bytes.append(bytes)
    this.#deadline = this.#clock.monotonic() + silence
  }

  ended(): void {
    this.#complete()
  }

  failed(error: Error): void {
    this.#break(error.message)
  }

  /** Nobody wants it any more. */
  abandon(): void {
    if (this.#over) return
    this.#finish()
    this.#incoming.reset()
  }

  /** One timer: on time it looks whether the deadline has moved, and waits for the rest. */
  #watch(): void {
    const now = this.#clock.monotonic()
    const last = this.#began + this.#limits.duration
    if (now >= this.#deadline) return this.#complete()
    if (now >= last) return this.#break(`it took longer than ${this.#limits.duration / 1000} s`)
    this.#timer = this.#clock.setTimer(Math.ceil(Math.min(this.#deadline, last) - now), () => this.#watch())
  }

  #complete(): void {
    if (this.#over) return
    const bytes = this.#bytes.bytes.slice()
    this.#finish()
    // As the original does: whoever handles the message runs before the connection is closed.
    this.#events.message(bytes, this.#incoming.remoteAddress)
    this.#incoming.close()
  }

  #break(problem: string): void {
    if (this.#over) return
    const held = this.#bytes.length
    const { remoteAddress } = this.#incoming
    this.#finish()
    this.#incoming.reset()
    this.#events.broken(problem, remoteAddress, held)
  }

  #finish(): void {
    this.#over = true
    this.#timer?.cancel()
    this.#events.over(this, this.#bytes.length)
  }
}
