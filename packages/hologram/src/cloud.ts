import type { Outbox } from '@halyard/core'
import type { CloudParts } from './assemble.ts'
import type { EventBus, NetworkManager } from './types.ts'
import { VERSION } from './version.ts'

/** What `CustomCloud` and `HologramCloud` have in common. */
export abstract class Cloud implements AsyncDisposable {
  readonly event: EventBus
  readonly network: NetworkManager
  /** Rejects if the outbox cannot be opened; whoever does not ask learns it from the event `error`. */
  readonly outbox: Promise<Outbox>
  readonly #parts: CloudParts

  constructor(parts: CloudParts) {
    this.#parts = parts
    this.event = parts.event
    this.network = parts.network
    this.outbox = parts.outbox
  }

  /** The version of this package: `0.1.0`. */
  getSDKVersion(): string {
    return VERSION
  }

  /**
   * Waits for what is on the wire and sends nothing more. What is queued stays, if the outbox has a path; in memory it
   * is dropped. An outbox that was handed in stays open. Listens no more: what is coming in is broken off, iterators end
   * behind what they hold, and `consumeReceivedMessage()` still gives what is there. Idempotent.
   */
  async close(): Promise<void> {
    const { sender, inbound, periodic } = this.#parts
    await Promise.all([periodic.stop(), inbound.dispose(), sender.close()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
