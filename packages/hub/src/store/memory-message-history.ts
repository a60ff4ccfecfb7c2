import { fits, isServerTopic } from '../domain/topics/filter.ts'
import type { HistoryDraft, KeepWaiter, MessageHistory, KeptMessage } from '../domain/message-history.ts'

const MIB = 1_048_576

interface Kept<M> extends HistoryDraft<M> {
  readonly id: number
  /** Monotonic ms. */
  readonly expiresAt: number
}

/** Stored messages in memory. When there are too many the oldest go, expired or not. */
export class MemoryMessageHistory<M> implements MessageHistory<M> {
  readonly #now: () => number
  readonly #maxBytes: number
  /** In the order of their numbers. */
  readonly #kept = new Map<number, Kept<M>>()
  #last = 0
  #bytes = 0

  /** `now`: monotonic ms. */
  constructor(now: () => number, maxBytes: number = 64 * MIB) {
    this.#now = now
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  keep(draft: HistoryDraft<M>, waiter: KeepWaiter): number {
    const id = ++this.#last
    this.#kept.set(id, { ...draft, id, expiresAt: this.#now() + draft.lifetime * 1000 })
    this.#bytes += draft.bytes
    for (const oldest of this.#kept.values()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#remove(oldest)
    }
    waiter.kept()
    return id
  }

  read(space: string, filter: string, last?: number): AsyncIterable<KeptMessage<M>> {
    const now = this.#now()
    const found: Kept<M>[] = []
    for (const one of this.#kept.values()) {
      if (one.expiresAt <= now) this.#remove(one)
      else if (one.space === space && isMeant(filter, one.channel)) found.push(one)
    }
    return oneByOne(last === undefined ? found : found.slice(Math.max(0, found.length - last)))
  }

  #remove({ id, bytes }: Kept<M>): void {
    this.#kept.delete(id)
    this.#bytes -= bytes
  }
}

/** [MQTT-4.7.2-1] */
function isMeant(filter: string, channel: string): boolean {
  return fits(filter, 0, channel, 0) && (!isServerTopic(channel) || isServerTopic(filter))
}

async function* oneByOne<M>(found: readonly Kept<M>[]): AsyncGenerator<KeptMessage<M>> {
  for (const { id, message } of found) yield { id, message }
}
