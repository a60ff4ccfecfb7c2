/** An answer that goes on: `text/event-stream` of the HTML standard, §9.2. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '@halyard/core'

/** A comment line this often (ms) keeps proxies from taking the connection for dead. */
const HEARTBEAT = 15_000
/** What a reader has (ms) to take the end of the stream; then it is cut. */
const END_TIME = 1000

export interface EventStreamParts {
  readonly response: ServerResponse
  readonly socket: Socket
  readonly headers: Readonly<Record<string, string>>
  /** Seconds a reader may leave what was sent unread; then it is cut. */
  readonly stallTimeout: number
  readonly clock: Clock
}

/** One reader. Nothing is held for it but what the socket holds: {@link send} waits until there is room again. */
export class EventStream {
  readonly #parts: EventStreamParts
  readonly #onClose: (() => void)[] = []
  #heartbeat: Timer | undefined
  #wake: (() => void) | undefined
  #over = false

  constructor(parts: EventStreamParts) {
    this.#parts = parts
    const { response } = parts
    response.on('error', () => {})
    response.once('close', () => this.#close())
    if (response.destroyed) this.#close()
  }

  /** Ended, or the reader is gone. */
  get over(): boolean {
    return this.#over
  }

  /** Called once when the stream is over; at once if it is. */
  onClose(listener: () => void): void {
    if (this.#over) listener()
    else this.#onClose.push(listener)
  }

  /** The head, and a first comment, so that the reader knows that it follows now. */
  open(): void {
    if (this.#over) return
    const { response, socket, headers } = this.#parts
    // It lives for hours; who stops reading is found out in send().
    socket.setTimeout(0)
    socket.setNoDelay(true)
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
      connection: 'close',
    })
    response.write(':\n\n')
    this.#scheduleHeartbeat()
  }

  /** Resolves when there is room for the next one. False: the stream is over. `data`: without line breaks. */
  async send(id: string, data: string): Promise<boolean> {
    if (this.#over) return false
    if (!this.#parts.response.write(`id: ${id}\ndata: ${data}\n\n`)) await this.#room()
    return !this.#over
  }

  /** In order: the reader has what was sent, then the end. */
  end(): void {
    if (this.#over) return
    const { response, headers, clock } = this.#parts
    this.#close()
    // Over before it began: the history failed, or the hub closes.
    if (!response.headersSent) response.writeHead(503, { ...headers, 'retry-after': '1', connection: 'close' })
    response.end()
    const timer = clock.setTimer(END_TIME, () => response.destroy())
    response.once('close', () => timer.cancel())
  }

  #room(): Promise<void> {
    const { response, clock, stallTimeout } = this.#parts
    return new Promise((resolve) => {
      const timer = clock.setTimer(stallTimeout * 1000, () => response.destroy())
      this.#wake = () => {
        timer.cancel()
        response.off('drain', this.#wake ?? resolve)
        this.#wake = undefined
        resolve()
      }
      response.once('drain', this.#wake)
    })
  }

  #scheduleHeartbeat(): void {
    this.#heartbeat = this.#parts.clock.setTimer(HEARTBEAT, () => {
      // A reader that has not taken the last one gets no more.
      if (!this.#wake) this.#parts.response.write(':\n\n')
      this.#scheduleHeartbeat()
    })
  }

  #close(): void {
    if (this.#over) return
    this.#over = true
    this.#heartbeat?.cancel()
    this.#wake?.()
    for (const listener of this.#onClose.splice(0)) listener()
  }
}
