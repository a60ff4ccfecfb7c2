import type { MessageStore } from '../domain/positions.ts'
import type { Counters } from './counters.ts'
import { Gathering } from './gathering.ts'
import type { Keeper } from './keeper.ts'
import type { MqttLimits } from './limits.ts'
import type { Passing } from './passing.ts'
import { sizeOfPublication } from './publication.ts'
import type { Publication } from './publication.ts'
import type { Session } from './session.ts'
import { SharedTail, markOf, termsIn } from './shared-tail.ts'
import type { Shared, Target, Targets } from './targets.ts'

export interface SharingParts {
  readonly store: MessageStore<Publication>
  readonly limits: Pick<MqttLimits, 'queuedMessages' | 'queuedBytes' | 'totalQueuedBytes'>
  readonly counters: Counters
  readonly keeper: Keeper
}

/** Rows that one session reads at the most: it looks into all of them for the message that is next. */
const MOST_ROWS = 16
/** What waits for a session is looked at when this part of its limit has come, not with each message. */
const PART_OF_LIMIT = 64
const LOST = { qos: 1, retain: false, identifiers: undefined } as const

/**
 * Sessions without a connection that get the same messages share one row of them: a message is put there once, however
 * many they are. A session leaves its rows, and has all that waits for it in a queue of its own, when it is back or gets
 * something that not all get. docs/decisions/018-one-row-for-many-sessions.md
 *
 * ```
 * session 1   queue │ ─────────▶ from
 * session 2         queue │ ──────────────▶ from
 * row                              p p p p p p p p ◀── one push for both
 * ```
 *
 * Limits are each session's, as if it had a queue. Whoever drops the oldest may hold a 64th more than its limit until it
 * is looked at: then it has what it would have, had each message pushed out what it had to.
 */
export class Sharing {
  readonly #parts: SharingParts
  readonly #slack: { readonly messages: number; readonly bytes: number }
  /** All that ever went into rows: no session got more. */
  #messages = 0
  #bytes = 0

  constructor(parts: SharingParts) {
    const { queuedMessages, queuedBytes } = parts.limits
    this.#parts = parts
    this.#slack = {
      messages: Math.floor(queuedMessages / PART_OF_LIMIT),
      bytes: Math.floor(queuedBytes / PART_OF_LIMIT),
    }
  }

  /** Before a message of QoS 1 or 2 goes to them: whoever shares a row from here on has room for it. */
  prepare(targets: Targets, size: number, from: Session | undefined): void {
    if (!targets.isUsed) this.#look(targets)
    if (targets.shared?.gathering.isOver === true) this.#gather(targets, false)
    const { shared } = targets
    if (shared === undefined) return
    const { gathering } = shared
    // What it gets of its own messages is another matter.
    if (from?.tail !== undefined) this.part(from)
    if (!this.#hasRoomFor(shared, size)) return this.dissolve(targets)
    if (gathering.others.length > 0) {
      gathering.gather((target) => (this.#mayShare(shared, target, size, from) ? target.session.tail : undefined))
    }
    const isEnough = this.#messages + 1 > shared.messagesUntil || this.#bytes + size > shared.bytesUntil
    if (isEnough) this.#review(shared, size)
    if (gathering.size === 0) targets.shared = undefined
  }

  /** All who share the row get it. */
  push({ gathering }: Shared, message: Passing): void {
    const { size, qos, retain } = message
    gathering.row.push(message.hold(this.#parts.store), size, markOf(qos, retain))
    this.#messages++
    this.#bytes += size
  }

  /** It waits without a connection. */
  maySoon({ link, tail }: Session): boolean {
    return link === undefined && tail?.isScattered !== true
  }

  /** Some of them wait: what comes next they may share. */
  begin(targets: Targets): void {
    if (targets.shared === undefined && !this.#isStoreFull(0)) this.#gather(targets, false)
  }

  /** Nobody shares anything any more. */
  dissolve(targets: Targets): void {
    const { shared } = targets
    targets.shared = undefined
    if (shared === undefined) return
    for (const { session } of [...shared.gathering.followers]) this.part(session)
  }

  /** It has a queue of its own again. */
  part(session: Session): void {
    const { tail } = session
    if (tail === undefined || tail.parts.length === 0) return
    this.trim(session)
    const { store } = this.#parts
    for (const { position, mark, bytes, terms } of tail.entries()) {
      // What lost its message keeps its place.
      if (store.share(position)) session.enqueue(position, termsIn(mark, terms), bytes)
      else session.enqueue(0, LOST, 0)
    }
    tail.leave()
  }

  /** It is back. A process that was killed may have left it more than may wait. */
  returned(session: Session): void {
    this.trim(session)
    this.part(session)
    session.tail = undefined
  }

  /** What waits for it is no more than may: by as much as is to come. */
  trim(session: Session, messages = 0, bytes = 0): void {
    const { limits, store, keeper, counters } = this.#parts
    const { tail, queue } = session
    if (session.overflow !== 'drop-oldest') return
    let much = queue.length + (tail?.length ?? 0) + messages - limits.queuedMessages
    let muchBytes = session.queuedBytes + (tail?.bytes ?? 0) + bytes - limits.queuedBytes
    let dropped = 0
    for (; queue.length > 0 && (much > 0 || muchBytes > 0); dropped++, much--) {
      keeper.settled(session, session.sent)
      const position = queue.shift()
      const publication = store.get(position)
      const size = publication === undefined ? 0 : sizeOfPublication(publication)
      session.queuedBytes -= size
      muchBytes -= size
      session.forgetIdentifiers(position)
      store.release(position)
    }
    const first = session.next
    const more = tail?.drop(much, muchBytes) ?? 0
    if (more > 0) keeper.settled(session, first, more)
    session.next += more
    session.dropped += dropped + more
    counters.dropped += dropped + more
  }

  #look(targets: Targets): void {
    targets.isUsed = true
    if (targets.sessions.some(({ session }) => session.tail !== undefined)) this.#gather(targets, true)
  }

  /** `mayAdopt`: the row of a list before this one. Later that row would be somebody's who still needs it. */
  #gather(targets: Targets, mayAdopt: boolean): void {
    // Of a topic that is not remembered: made anew each time.
    if (targets.topics === 0) return
    const gathering = new Gathering<Target>({
      members: targets.sessions,
      mayAdopt,
      tailOf: ({ session }) => session.tail,
      release: (position) => this.#parts.store.release(position),
    })
    targets.shared = { gathering, messagesUntil: 0, bytesUntil: 0 }
  }

  #mayShare(shared: Shared, { session, qos, holder }: Target, size: number, from: Session | undefined): boolean {
    if (session.link !== undefined || !session.lasts || qos === 0 || holder !== undefined || session === from)
      return false
    const tail = (session.tail ??= new SharedTail())
    if (tail.isScattered) return false
    if (tail.parts.length >= MOST_ROWS) {
      this.part(session)
      tail.isScattered = true
      return false
    }
    return this.#fits(shared, session, size)
  }

  #review(shared: Shared, size: number): void {
    shared.messagesUntil = shared.bytesUntil = Infinity
    for (const { session } of [...shared.gathering.followers]) {
      if (!this.#fits(shared, session, size)) this.part(session)
    }
  }

  /** Whether it may share a row: it has room for so much more at the least. */
  #fits(shared: Shared, session: Session, size: number): boolean {
    const { limits } = this.#parts
    const dropsOldest = session.overflow === 'drop-oldest'
    if (dropsOldest) this.trim(session, 1, size)
    const { tail, queue } = session
    const messages = limits.queuedMessages - queue.length - (tail?.length ?? 0)
    const bytes = limits.queuedBytes - session.queuedBytes - (tail?.bytes ?? 0)
    const slack = this.#slack
    // Nearly full: each message would be looked at, so it is no worse off alone.
    if (!dropsOldest && (messages < Math.max(1, slack.messages) || bytes < Math.max(size, slack.bytes))) return false
    if (messages < 1 || bytes < size) return false
    shared.messagesUntil = Math.min(
      shared.messagesUntil,
      this.#messages + messages + (dropsOldest ? slack.messages : 0),
    )
    shared.bytesUntil = Math.min(shared.bytesUntil, this.#bytes + bytes + (dropsOldest ? slack.bytes : 0))
    return true
  }

  #hasRoomFor({ gathering }: Shared, size: number): boolean {
    if (size > this.#parts.limits.queuedBytes) return false
    if (!this.#isStoreFull(size)) return true
    for (const { session } of gathering.followers) this.trim(session, 1, size)
    return !this.#isStoreFull(size)
  }

  #isStoreFull(size: number): boolean {
    const { store, limits } = this.#parts
    return store.bytes + size > limits.totalQueuedBytes
  }
}
