import { labelsOf } from '../domain/message.ts'
import type { StoredMessage } from '../domain/message.ts'
import { MAX_PAGE, MAX_PAGE_BYTES, pageSize, storedSize } from '../domain/ports.ts'
import type { History, HistoryLimits, HistoryPage, HistoryQuery } from '../domain/ports.ts'
import { checkQuery, filterMessages, isPlausible, parseCursor, tooOldBefore } from './history-rules.ts'

interface Kept {
  readonly seq: number
  readonly message: StoredMessage
}

export class MemoryHistory implements History {
  #kept: Kept[] = []
  readonly #ids = new Set<string>()
  readonly #now: () => Date
  readonly #ready: () => Promise<void>
  #seq = 0

  /** `ready`: resolves when everything that was committed before is here. */
  constructor(now: () => Date, ready: () => Promise<void> = () => Promise.resolve()) {
    this.#now = now
    this.#ready = ready
  }

  append(messages: readonly StoredMessage[]): Promise<void> {
    this.add(messages)
    return Promise.resolve()
  }

  add(messages: readonly StoredMessage[]): void {
    for (const message of messages) {
      if (this.#ids.has(message.id)) continue
      this.#ids.add(message.id)
      this.#kept.push({ seq: ++this.#seq, message })
    }
  }

  async query(query: HistoryQuery): Promise<HistoryPage> {
    checkQuery(query)
    const after = parseCursor(query.cursor)
    await this.#ready()
    const now = this.#now().getTime()
    const matches = query.filter === undefined ? () => true : filterMessages(query.filter)
    const found = this.#kept.filter(
      ({ seq, message }) => seq > after && !isExpired(message, now) && fits(query, message) && matches(message),
    )
    const bytes = Math.min(query.bytes ?? MAX_PAGE_BYTES, MAX_PAGE_BYTES)
    if (query.last !== undefined) {
      const newest = takePage(found.toReversed(), Math.min(query.last, MAX_PAGE), bytes)
      return { messages: newest.map(({ message }) => message).toReversed() }
    }
    const page = takePage(found, Math.min(query.limit ?? 100, MAX_PAGE), bytes)
    const messages = page.map(({ message }) => message)
    const end = page.at(-1)
    return page.length < found.length && end ? { messages, cursor: String(end.seq) } : { messages }
  }

  sweep(limits: HistoryLimits, now: Date): Promise<number> {
    const before = this.#kept.length
    const oldest = tooOldBefore(limits, now)
    const used = new Map<string, number>()
    const kept: Kept[] = []
    // From the newest on, so that the quota falls on the oldest.
    for (const entry of this.#kept.toReversed()) {
      const { message } = entry
      const received = message.receivedAt.getTime()
      const old = received < oldest && isPlausible(received)
      if (isExpired(message, now.getTime()) || old || this.#overQuota(message, used, limits)) {
        this.#ids.delete(message.id)
      } else {
        kept.push(entry)
      }
    }
    this.#kept = kept.toReversed()
    return Promise.resolve(before - kept.length)
  }

  /** Counts the message; once a space is over, everything older in it is, too. */
  #overQuota(message: StoredMessage, used: Map<string, number>, limits: HistoryLimits): boolean {
    const bytes = (used.get(message.space) ?? 0) + storedSize(message)
    used.set(message.space, bytes)
    return bytes > (limits.maxBytes ?? Infinity)
  }
}

function takePage(found: readonly Kept[], limit: number, most: number): readonly Kept[] {
  let bytes = 0
  let count = 0
  for (const { message } of found) {
    bytes += pageSize(message)
    if (count === limit || (count > 0 && bytes > most)) break
    count++
  }
  return found.slice(0, count)
}

function isExpired(message: StoredMessage, now: number): boolean {
  return message.expiresAt !== undefined && message.expiresAt.getTime() <= now
}

function fits(query: HistoryQuery, message: StoredMessage): boolean {
  return (
    (query.space === undefined || message.space === query.space) &&
    (query.after === undefined || message.id > query.after) &&
    (query.before === undefined || message.id < query.before) &&
    (query.service === undefined || message.service === query.service) &&
    (query.account === undefined || message.account === query.account) &&
    (query.direction === undefined || message.direction === query.direction) &&
    (query.from === undefined || message.receivedAt >= query.from) &&
    (query.until === undefined || message.receivedAt < query.until) &&
    (query.channel === undefined || labelsOf(message.service, message.channel).includes(query.channel))
  )
}
