import { StorageError } from '@halyard/core'
import type { Clock } from '@halyard/core'
import type {
  HistoryDraft,
  HistoryWish,
  KeepWaiter,
  KeptMessage,
  KeptMessageCodec,
  MessageHistory,
} from '../domain/message-history.ts'
import type { MessageLog } from '../domain/message-log.ts'
import { lsnOfMessage, messageId } from '../domain/message.ts'
import type { Origin, StoredMessage } from '../domain/message.ts'
import { MAX_PAGE } from '../domain/ports.ts'
import type { History, HistoryQuery, Journal, Lsn } from '../domain/ports.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Of one page: so much is in memory for each reader that is slow. */
const PAGE_BYTES = 256 * KIB
/** That wait for the disk. Whoever waits for an acknowledgement is not read long before; this is for those who do not. */
const UNCOMMITTED_BYTES = 64 * MIB

export interface JournalMessageHistoryParts<M> {
  /** The way into the journal, past whoever watches. */
  readonly log: MessageLog
  readonly journal: Journal
  /** Follows the journal. */
  readonly history: History
  readonly hubId: string
  readonly codec: KeptMessageCodec<M>
  /** By the name of a space. */
  readonly originOf: (space: string) => Origin
  /** The data directory has no room left. */
  readonly isFull: () => boolean
  readonly clock: Clock
  /** 64 MiB */
  readonly uncommittedBytes?: number
}

/**
 * Stored messages that last: each is a record of the journal like those of other services, and is read from the history
 * that is made of it.
 *
 * ```
 * keep ──▶ journal ── commit ──▶ waiter, and whoever watches
 *             └──▶ history ── page by page ──▶ read
 * ```
 */
export class JournalMessageHistory<M> implements MessageHistory<M> {
  readonly #parts: JournalMessageHistoryParts<M>
  /** The newest that was handed in. */
  #last: Lsn = 0

  constructor(parts: JournalMessageHistoryParts<M>) {
    this.#parts = parts
  }

  keep(draft: HistoryDraft<M>, waiter: KeepWaiter): number {
    const { log, codec, originOf, clock } = this.#parts
    const refusal = this.#refusal()
    if (refusal) {
      waiter.failed(refusal)
      return 0
    }
    try {
      const { space, channel, message, lifetime } = draft
      const now = clock.now()
      const lsn = log.accept(
        {
          ...originOf(space),
          space,
          channel,
          direction: 'in',
          ...codec.encode(message, channel),
          receivedAt: new Date(now),
          expiresAt: new Date(now + lifetime * 1000),
        },
        { accepted: () => waiter.kept(), failed: (error) => waiter.failed(error) },
      )
      if (lsn > 0) this.#last = lsn
      return lsn
    } catch (error) {
      waiter.failed(error instanceof Error ? error : new Error(String(error)))
      return 0
    }
  }

  read(space: string, filter: string, wish: HistoryWish = {}): AsyncIterable<KeptMessage<M>> {
    const { journal, hubId } = this.#parts
    const { last, bytes, from, until, before = Infinity } = wish
    // Now, not when the first is pulled.
    const newest = Math.max(this.#last, journal.committed)
    const query = {
      space,
      filter,
      before: messageId(Math.min(newest + 1, before), hubId),
      bytes: bytes ?? PAGE_BYTES,
      ...(from !== undefined && { from: new Date(from) }),
      ...(until !== undefined && { until: new Date(until) }),
    }
    if (last === undefined) return this.#read(newest, this.#forward(query))
    return this.#read(newest, bytes === undefined ? this.#newest(query, last) : this.#page(query, last))
  }

  async *#read(newest: Lsn, pages: AsyncIterable<readonly StoredMessage[]>): AsyncGenerator<KeptMessage<M>> {
    // What is not kept, its publisher was told; what was handed in before it is settled all the same.
    await this.#parts.journal.whenCommitted(newest).catch(() => {})
    for await (const messages of pages) {
      for (const message of messages) {
        const { channel, receivedAt } = message
        const kept = this.#parts.codec.decode(message, channel)
        yield { id: lsnOfMessage(message.id), channel, at: receivedAt.getTime(), message: kept }
      }
    }
  }

  async *#forward(query: HistoryQuery): AsyncGenerator<readonly StoredMessage[]> {
    const { history } = this.#parts
    for (let cursor: string | undefined; ;) {
      const page = await history.query({ ...query, limit: MAX_PAGE, ...(cursor !== undefined && { cursor }) })
      yield page.messages
      cursor = page.cursor
      if (cursor === undefined) return
    }
  }

  async *#page(query: HistoryQuery, last: number): AsyncGenerator<readonly StoredMessage[]> {
    if (last > 0) yield (await this.#parts.history.query({ ...query, last: Math.min(last, MAX_PAGE) })).messages
  }

  /** Back to where the newest so many begin, then forward: mostly they are one page, and that is there already. */
  async *#newest(query: HistoryQuery, count: number): AsyncGenerator<readonly StoredMessage[]> {
    const { history, hubId } = this.#parts
    let found = 0
    let first: string | undefined
    let newest: readonly StoredMessage[] = []
    while (found < count) {
      const last = Math.min(count - found, MAX_PAGE)
      const { messages } = await history.query({ ...query, last, ...(first !== undefined && { before: first }) })
      const [oldest] = messages
      // A page may be short because its messages are large: only an empty one is the end.
      if (oldest === undefined) break
      if (found === 0) newest = messages
      found += messages.length
      first = oldest.id
    }
    if (found === newest.length) yield newest
    else if (first !== undefined) yield* this.#forward({ ...query, after: messageId(lsnOfMessage(first) - 1, hubId) })
  }

  #refusal(): StorageError | undefined {
    const { journal, isFull, uncommittedBytes = UNCOMMITTED_BYTES } = this.#parts
    if (isFull()) {
      const what = 'the data directory has no room for a message that is to be stored'
      return new StorageError('ERR_STORE_FULL', `${what}; raise disk.maxBytes, or free some space`)
    }
    if (journal.pendingBytes <= uncommittedBytes) return undefined
    const what = `the disk is too slow: ${journal.pendingBytes} bytes wait to be written, and one more is to be stored`
    return new StorageError('ERR_HUB_BEHIND', `${what}; publish slower, or put the data directory on a faster disk`)
  }
}
