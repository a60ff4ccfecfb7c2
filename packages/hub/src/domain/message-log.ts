import { messageId } from './message.ts'
import type { HubMessage, MessageDraft } from './message.ts'
import type { MessageBus } from './message-bus.ts'
import type { Journal, Lsn } from './ports.ts'

/** Bytes of a message in the journal, and back: `store/` knows the format. */
export interface MessageCodec {
  encode(draft: MessageDraft): Uint8Array
}

export interface AcceptWaiter {
  /** It lasts: the acknowledgement may leave. */
  accepted(message: HubMessage): void
  /** It is not kept. */
  failed(error: Error): void
}

/** The one way of a message into the hub: journal, then whoever waits for it, then whoever watches. */
export class MessageLog {
  readonly #journal: Journal
  readonly #codec: MessageCodec
  readonly #bus: MessageBus
  readonly #hubId: string

  constructor(parts: {
    readonly journal: Journal
    readonly codec: MessageCodec
    readonly bus: MessageBus
    readonly hubId: string
  }) {
    this.#journal = parts.journal
    this.#codec = parts.codec
    this.#bus = parts.bus
    this.#hubId = parts.hubId
  }

  /**
   * Synchronous up to the journal's queue. Gives the number that the message has there, 0 if the journal does not take it.
   * Never throws: what goes wrong is told to the waiter.
   */
  accept(draft: MessageDraft, waiter: AcceptWaiter): Lsn {
    const { service, account, channel, direction, payload, receivedAt } = draft
    try {
      return this.#journal.append(this.#codec.encode(draft), {
        committed: (lsn) => {
          const id = messageId(lsn, this.#hubId)
          const message: HubMessage = { id, service, account, channel, direction, payload, receivedAt }
          waiter.accepted(message)
          this.#bus.publish(message)
        },
        failed: (error) => waiter.failed(error),
      })
    } catch (error) {
      waiter.failed(error instanceof Error ? error : new Error(String(error)))
      return 0
    }
  }
}
