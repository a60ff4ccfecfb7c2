import { fits, isServerTopic } from '../domain/topics/filter.ts'
import type { Clock } from '@halyard/core'
import type { HistoryDraft, HistoryWish, KeepWaiter, KeptMessage, MessageHistory } from '../domain/message-history.ts'

const MIB = 1_048_576

interface Kept<M> extends HistoryDraft<M> {
  readonly id: number
  /** Unix ms. */
  readonly at: number
  /** Monotonic ms. */
  readonly expiresAt: number
}

/** Stored messages in memory. When there are too many the oldest go, expired or not. */
export class MemoryMessageHistory<M> implements MessageHistory<M> {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #maxBytes: number
  /** In the order of their numbers. */
  readonly #kept = new Map<number, Kept<M>>()
  #last = 0
  #bytes = 0

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, maxBytes: number = 64 * MIB) {
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  keep(draft: HistoryDraft<M>, waiter: KeepWaiter): number {
    const id = ++this.#last
    const expiresAt = this.#clock.monotonic() + draft.lifetime * 1000
    this.#kept.set(id, { ...draft, id, at: this.#clock.now(), expiresAt })
    this.#bytes += draft.bytes
    for (const oldest of this.#kept.values()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#remove(oldest)
    }
    waiter.kept()
    return id
  }

  read(space: string, filter: string, wish: HistoryWish = {}): AsyncIterable<KeptMessage<M>> {
    const now = this.#clock.monotonic()
    const { from = -Infinity, until = Infinity, before = Infinity } = wish
    const found: Kept<M>[] = []
    for (const one of this.#kept.values()) {
      if (one.expiresAt <= now) this.#remove(one)
      else if (one.id >= before) break
      else if (one.space === space && one.at >= from && one.at < until && isMeant(filter, one.channel)) found.push(one)
    }
    return oneByOne(newest(found, wish))
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

function newest<M>(found: readonly Kept<M>[], { last = Infinity, bytes = Infinity }: HistoryWish): readonly Kept<M>[] {
  let at = found.length
  let size = 0
  while (at > 0 && found.length - at < last) {
    size += found[at - 1]?.bytes ?? 0
    if (size > bytes && at < found.length) break
    at--
  }
  return found.slice(at)
}

async function* oneByOne<M>(found: readonly Kept<M>[]): AsyncGenerator<KeptMessage<M>> {
  for (const { id, channel, at, message } of found) yield { id, channel, at, message }
}
