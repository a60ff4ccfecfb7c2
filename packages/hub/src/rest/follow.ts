/**
 * Stored messages, then live ones, none twice, none left out.
 *
 * ```
 * subscribe ──►│ held by the subscription (1,000, 4 MiB, then the oldest go) ────────►
 *              │
 *   history ───┼─── page ─── page ─┐
 *              │                   ▼
 *                        live ones with a later id ──► dropped some? history again from the last one sent ──► live …
 * ```
 *
 * Ids are in the order of acceptance, and a query sees everything committed before it was asked: whatever the
 * subscription does not hold, the history has.
 */
import { describeError } from '@halyard/core'
import type { Logger } from '@halyard/core'
import type { MessageBus, MessageFilter, MessageSubscription } from '../domain/message-bus.ts'
import type { HubMessage } from '../domain/message.ts'
import type { History, HistoryQuery } from '../domain/ports.ts'
import { messageJson } from './message-json.ts'
import type { EventStream } from './server-sent-events.ts'

/** The newest so many that are there, or everything behind an id (`''`: from the beginning). */
export type Start = { readonly last: number } | { readonly after: string }

export interface FollowQuery {
  readonly filter: MessageFilter
  readonly start: Start
  readonly from?: Date
  /** A topic filter for the history, and what it says of those that come. */
  readonly topics?: string
  readonly matches?: (message: HubMessage) => boolean
}

export interface FollowParts {
  readonly history: History
  readonly bus: MessageBus
  readonly logger: Logger
}

/** Of payloads held for one reader: a thousand large ones are served from the history instead. */
const HELD_BYTES = 4 * 1024 * 1024
/** Messages of one look at the history. */
const PAGE = 100

/** Resolves when the stream is over. Never rejects. */
export async function follow(stream: EventStream, query: FollowQuery, parts: FollowParts): Promise<void> {
  const live = parts.bus.subscribe(query.filter, { maxBytes: HELD_BYTES })
  stream.onClose(() => void live.return())
  try {
    await new Follower(stream, live, query, parts.history).run()
  } catch (error) {
    // The reader comes again with the id of the last one it has: nothing is lost.
    parts.logger.warn({ err: error }, `api: a stream was ended: the history failed: ${describeError(error)}`)
  } finally {
    stream.end()
    await live.return()
  }
}

class Follower {
  readonly #stream: EventStream
  readonly #live: MessageSubscription
  readonly #query: FollowQuery
  readonly #history: History
  /** Everything up to this id was sent, or was not asked for. */
  #position = ''
  /** Newest id that was read by this follower. Not the caller's: after a restore from a backup that may lie ahead. */
  #read = ''

  constructor(stream: EventStream, live: MessageSubscription, query: FollowQuery, history: History) {
    this.#stream = stream
    this.#live = live
    this.#query = query
    this.#history = history
  }

  async run(): Promise<void> {
    await this.#begin()
    let dropped = 0
    for await (const message of this.#live) {
      if (this.#live.dropped > dropped) {
        dropped = this.#live.dropped
        await this.#catchUp()
      }
      if (this.#stream.over) return
      if (message.id > this.#read && this.#isWanted(message)) await this.#send(message)
    }
  }

  async #begin(): Promise<void> {
    const { start } = this.#query
    if ('after' in start) {
      this.#position = start.after
      this.#stream.open()
      return this.#catchUp()
    }
    // Who wants none of them still begins behind the newest.
    const { messages } = await this.#history.query(this.#part({ last: Math.max(1, start.last) }))
    this.#stream.open()
    // Not before: whoever has seen the head sees every message from then on.
    this.#advance(messages.at(-1)?.id ?? '')
    if (start.last > 0) for (const message of messages) if (!(await this.#write(message))) return
  }

  /** Everything behind the position, to the end of the history. */
  async #catchUp(): Promise<void> {
    for (let more = true; more && !this.#stream.over;) {
      const after = this.#position === '' ? {} : { after: this.#position }
      const { messages, cursor } = await this.#history.query(this.#part({ ...after, limit: PAGE }))
      for (const message of messages) if (!(await this.#send(message))) return
      more = cursor !== undefined
    }
  }

  #send(message: HubMessage): Promise<boolean> {
    this.#advance(message.id)
    return this.#write(message)
  }

  #write(message: HubMessage): Promise<boolean> {
    return this.#stream.send(message.id, JSON.stringify(messageJson(message)))
  }

  #advance(id: string): void {
    this.#position = id
    this.#read = id
  }

  #part(part: Pick<HistoryQuery, 'last' | 'after' | 'limit'>): HistoryQuery {
    const { filter, from, topics } = this.#query
    return { ...filter, ...(from && { from }), ...(topics !== undefined && { filter: topics }), ...part }
  }

  #isWanted(message: HubMessage): boolean {
    const { from, matches } = this.#query
    return (from === undefined || message.receivedAt >= from) && (matches === undefined || matches(message))
  }
}
