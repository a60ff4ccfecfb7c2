import type { Clock, Timer, WaitOptions } from '@halyard/core'
import { describeError } from '@halyard/core'
import type { Connection, ConnectionEvents, Connector } from './connector.ts'
import type { Endpoint } from './endpoint.ts'
import { GrowingBytes } from './growing-bytes.ts'

/** One request on one connection. docs/protocols/hologram.md §1.1 */
export interface ExchangeRequest {
  readonly endpoint: Endpoint
  readonly bytes: Uint8Array
  /** milliseconds for the connection, and of silence after it */
  readonly timeout: number
  /** The whole response must be there within `timeout`: pieces of it buy a peer that drips no time. */
  readonly answersAtOnce?: boolean
  /** bytes of the response at which reading ends */
  readonly maxResponse: number
  /** Whether a response says all that is to be known, so that nobody waits for the peer to close. */
  readonly isComplete: (response: Uint8Array) => boolean
}

export interface ExchangeResult {
  /** Everything has left this process. */
  readonly written: boolean
  /** Everything was given to the connection: whether the end of it has left is not known unless it was `written`. */
  readonly handed: boolean
  readonly response: Uint8Array
  readonly end: 'complete' | 'closed' | 'silence' | 'full' | 'failed' | 'aborted'
  /** For a person: why nothing more came. */
  readonly problem: string
}

/** A long request is written in parts, so that a slow link which gets on is told from one that stands still. */
const WRITE_PART = 16 * 1024

/**
 * After so many milliseconds the signal is asked for: the outbox makes it then, which costs more than the frame and the
 * reply together, and most exchanges are over before anybody could want to end them.
 */
const SIGNAL_AFTER = 250

/**
 * Connects, writes everything, reads until the response is complete, the peer closes, or nothing happened for `timeout`.
 * It never half-closes: some servers take that for a broken connection. Resolves always, with what came about.
 */
export function exchange(
  request: ExchangeRequest,
  connector: Connector,
  clock: Clock,
  options: WaitOptions = {},
): Promise<ExchangeResult> {
  return new Promise((resolve) => {
    const run = new Exchange(request, clock, options, resolve)
    run.start(connector)
  })
}

class Exchange implements ConnectionEvents {
  readonly #request: ExchangeRequest
  readonly #clock: Clock
  readonly #options: WaitOptions
  readonly #resolve: (result: ExchangeResult) => void
  #connection: Connection | undefined
  #signal: AbortSignal | undefined
  #timer: Timer | undefined
  /** When silence is too long, on the monotonic clock; moved by everything that happens, the timer follows late. */
  #deadline = 0
  #open = false
  #offset = 0
  #written = false
  readonly #response = new GrowingBytes()
  #over = false

  constructor(request: ExchangeRequest, clock: Clock, options: WaitOptions, resolve: (result: ExchangeResult) => void) {
    this.#request = request
    this.#clock = clock
    this.#options = options
    this.#resolve = resolve
  }

  start(connector: Connector): void {
    this.#progress()
    this.#watch(Math.min(SIGNAL_AFTER, this.#request.timeout))
    try {
      this.#connection = connector.connect(this.#request.endpoint, this)
    } catch (error) {
      this.failed(error as Error)
    }
  }

  opened(): void {
    this.#open = true
    this.#progress()
    this.#writePart()
  }

  written(): void {
    this.#progress()
    if (this.#offset < this.#request.bytes.length) return this.#writePart()
    this.#written = true
  }

  received(bytes: Uint8Array): void {
    if (this.#over) return
    const { maxResponse, isComplete, answersAtOnce = false } = this.#request
    if (!answersAtOnce) this.#progress()
    const response = this.#response.append(bytes.subarray(0, maxResponse - this.#response.length))
    if (isComplete(response)) return this.#finish('complete', '')
    if (response.length >= maxResponse) this.#finish('full', `the answer has more than ${maxResponse} bytes`)
  }

  ended(): void {
    this.#finish('closed', 'the peer closed the connection')
  }

  failed(error: Error): void {
    this.#finish('failed', describeError(error))
  }

  readonly #onAbort = (): void => this.#finish('aborted', 'the sending was ended')

  #writePart(): void {
    const { bytes } = this.#request
    const part = bytes.subarray(this.#offset, this.#offset + WRITE_PART)
    this.#offset += part.length
    if (part.length === 0) this.#written = true
    else this.#connection?.write(part)
  }

  #progress(): void {
    this.#deadline = this.#clock.monotonic() + this.#request.timeout
  }

  /** One timer for the whole exchange: on time it looks whether the deadline has moved, and waits for the rest. */
  #watch(milliseconds: number): void {
    this.#timer = this.#clock.setTimer(milliseconds, () => {
      this.#heedSignal()
      const left = this.#deadline - this.#clock.monotonic()
      if (left <= 0) return this.#fallSilent()
      if (!this.#over) this.#watch(Math.ceil(left))
    })
  }

  #heedSignal(): void {
    if (this.#signal !== undefined) return
    this.#signal = this.#options.signal
    if (this.#signal?.aborted) this.#onAbort()
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  #fallSilent(): void {
    const seconds = this.#request.timeout / 1000
    this.#finish('silence', this.#open ? `no answer within ${seconds} s` : `no connection within ${seconds} s`)
  }

  #finish(end: ExchangeResult['end'], problem: string): void {
    if (this.#over) return
    this.#over = true
    this.#timer?.cancel()
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#connection?.destroy()
    const handed = this.#open && this.#offset >= this.#request.bytes.length
    this.#resolve({ written: this.#written, handed, response: this.#response.bytes, end, problem })
  }
}
