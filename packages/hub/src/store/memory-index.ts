import { messageId } from '../domain/message.ts'
import type { StoredMessage } from '../domain/message.ts'
import type { Journal, Lsn } from '../domain/ports.ts'
import type { Index } from './stored-index.ts'
import { MemoryHistory } from './memory-history.ts'
import { MemoryRegistry } from './memory-registry.ts'
import { decodeMessageRecord } from './record.ts'

/** Registry and history for `data: ':memory:'`, fed from the journal as the ones on disk are. */
export class MemoryIndex implements Index {
  readonly registry: MemoryRegistry = new MemoryRegistry()
  readonly history: MemoryHistory
  readonly #journal: Journal
  readonly #hubId: string
  readonly #stop: () => void
  #applied = 0
  #following: Promise<void> = Promise.resolve()

  constructor(parts: { readonly journal: Journal; readonly hubId: string; readonly now: () => Date }) {
    this.#journal = parts.journal
    this.#hubId = parts.hubId
    this.history = new MemoryHistory(parts.now, () => this.#follow())
    this.#stop = parts.journal.onSettled(() => void this.#follow())
  }

  get applied(): Lsn {
    return this.#applied
  }

  async close(): Promise<void> {
    this.#stop()
    await this.#following
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #follow(): Promise<void> {
    this.#following = this.#following.then(async () => {
      for await (const batch of this.#journal.replay(this.#applied)) {
        for (const { lsn, payload } of batch) {
          const draft = decodeMessageRecord(payload)
          if (draft) this.history.add([stored(draft, lsn, this.#hubId)])
          this.#applied = lsn
        }
      }
      await this.#journal.dropBelow(this.#applied + 1)
    })
    return this.#following
  }
}

function stored(draft: Omit<StoredMessage, 'id'>, lsn: Lsn, hubId: string): StoredMessage {
  return { ...draft, id: messageId(lsn, hubId) }
}
