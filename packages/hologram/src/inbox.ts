import type { Logger, WaitOptions } from '@halyard/core'
import { MessageStream } from './message-stream.ts'
import { Queue } from './queue.ts'
import type { ReceivedMessage } from './types.ts'

/** What `consumeReceivedMessage()` finds at most. */
const BUFFER_BYTES = 1024 * 1024

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * What came in and was not fetched yet: once for `consumeReceivedMessage()`, and once for every iterator. None of them
 * takes anything from another, and none grows without bound: each drops its oldest, with a warning.
 */
export class Inbox {
  readonly #logger: Logger
  readonly #buffer = new Queue<ReceivedMessage>(({ bytes }) => bytes.length, Infinity, BUFFER_BYTES)
  readonly #streams = new Set<MessageStream>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  put(bytes: Uint8Array, remoteAddress: string, receivedAt: Date): ReceivedMessage {
    const message: ReceivedMessage = { text: decoder.decode(bytes), bytes, remoteAddress, receivedAt }
    for (const stream of this.#streams) stream.offer(message)
    // Nothing adds nothing to the text, but a million nothings would fill the memory.
    const dropped = bytes.length === 0 ? 0 : this.#buffer.put(message)
    if (dropped > 0) {
      const what = `consumeReceivedMessage() has not been called for more than ${BUFFER_BYTES} bytes: the oldest are dropped`
      this.#logger.warn({ dropped }, what)
    }
    return message
  }

  /** The text of everything since the last call. */
  consume(): string {
    return this.#buffer
      .takeAll()
      .map(({ text }) => text)
      .join('')
  }

  /** @param ready waited for before the first message */
  stream({ signal }: WaitOptions, ready: () => Promise<void>): MessageStream {
    let ended = false
    const stream = new MessageStream({
      signal,
      ready,
      onDrop: (dropped) =>
        this.#logger.warn({ dropped }, 'receivedMessages() is read too slowly: the oldest messages are dropped'),
      onEnd: (over) => {
        ended = true
        this.#streams.delete(over)
      },
    })
    if (!ended) this.#streams.add(stream)
    return stream
  }

  close(): void {
    for (const stream of this.#streams) stream.end()
  }
}
