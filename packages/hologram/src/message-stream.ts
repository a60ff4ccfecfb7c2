import { AbortError, holdProcess } from '@halyard/core'
import { Queue } from './queue.ts'
import type { ReceivedMessage } from './types.ts'

/** What one iterator holds for a slow reader; one too many pushes the oldest out. */
const STREAM_MESSAGES = 1000
/** … and so many bytes. */
const STREAM_BYTES = 8 * 1024 * 1024

export interface MessageStreamOptions {
  readonly signal: AbortSignal | undefined
  /** Waited for before the first message: rejects if none can ever come. */
  readonly ready: () => Promise<void>
  readonly onDrop: (count: number) => void
  readonly onEnd: (stream: MessageStream) => void
}

interface Pending {
  readonly resolve: (result: IteratorResult<ReceivedMessage, undefined>) => void
  readonly reject: (error: Error) => void
}

/**
 * One reader of what comes in, from the moment it was made. While somebody waits in `next()` the process lives.
 * Its signal ends it with `ERR_ABORTED`, behind what is held.
 */
export class MessageStream implements AsyncIterableIterator<ReceivedMessage, undefined> {
  readonly #options: MessageStreamOptions
  readonly #held = new Queue<ReceivedMessage>(({ bytes }) => bytes.length, STREAM_MESSAGES, STREAM_BYTES)
  readonly #waiting: Pending[] = []
  #ready: Promise<void> | undefined
  #release: (() => void) | undefined
  #ended = false
  #error: Error | undefined

  constructor(options: MessageStreamOptions) {
    this.#options = options
    const { signal } = options
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  offer(message: ReceivedMessage): void {
    if (this.#ended) return
    const pending = this.#waiting.shift()
    if (pending) {
      pending.resolve({ value: message, done: false })
      return this.#rest()
    }
    const dropped = this.#held.put(message)
    if (dropped > 0) this.#options.onDrop(dropped)
  }

  async next(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    if (!this.#ended && this.#held.length === 0) await this.#prepare()
    const value = this.#held.take()
    if (value) return { value, done: false }
    if (this.#error !== undefined) {
      const error = this.#error
      this.#error = undefined
      throw error
    }
    if (this.#ended) return { value: undefined, done: true }
    this.#release ??= holdProcess()
    return await new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** Leaving the loop. */
  return(): Promise<IteratorResult<ReceivedMessage, undefined>> {
    this.#held.takeAll()
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** No more from now on; what is held can still be read. An error comes behind it. */
  end(error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#options.onEnd(this)
    const [first, ...others] = this.#waiting.splice(0)
    if (error === undefined) first?.resolve({ value: undefined, done: true })
    else if (first) first.reject(error)
    else this.#error = error
    for (const other of others) other.resolve({ value: undefined, done: true })
    this.#rest()
  }

  async #prepare(): Promise<void> {
    try {
      await (this.#ready ??= this.#options.ready())
    } catch (error) {
      this.end()
      throw error
    }
  }

  readonly #onAbort = (): void => this.end(new AbortError(this.#options.signal?.reason))

  #rest(): void {
    if (this.#waiting.length > 0) return
    this.#release?.()
    this.#release = undefined
  }
}
