import type { Qos } from '@halyard/wire/mqtt'
import type { Sent } from './server-window.ts'
import type { MessageStore, Position } from '../domain/positions.ts'
import type { Counters } from './counters.ts'
import type { Keeper } from './keeper.ts'
import type { MqttLimits } from './limits.ts'
import type { Delivered, DeliveryTerms, Link } from './link.ts'
import { Passing } from './passing.ts'
import { sizeOfPublication } from './publication.ts'
import type { Publication } from './publication.ts'
import { MARK_IDENTIFIERS, MARK_RETAIN, UNHELD } from './session.ts'
import type { Group, Owed, Session } from './session.ts'

export interface DeliveryParts {
  readonly store: MessageStore<Publication>
  readonly limits: MqttLimits
  readonly counters: Counters
  readonly keeper: Keeper
  /** What waits for it in rows that others read too goes into its queue: `Sharing.part`. */
  readonly part: (session: Session) => void
  /** Monotonic ms. */
  readonly now: () => number
  /** Of a session without a connection whose queue is full, under the policy `expire-session`. */
  readonly expire: (session: Session) => void
}

/**
 * A message to one session: over its connection if there is room, else into its queue (5.0 §4.4, §4.9).
 *
 * ```
 * send ──QoS 0────────────────▶ connection, or dropped
 *   └────QoS 1, 2──room──▶ in flight ──▶ connection ──PUBACK, PUBCOMP──▶ released
 *              └─no room, no connection──▶ queue ──room again, resumed──▲
 * ```
 */
export class Delivery {
  readonly #parts: DeliveryParts
  /** For what comes from a queue. */
  readonly #again = new Passing()

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  send(session: Session, message: Passing, terms: DeliveryTerms, many: boolean): Delivered {
    const { link } = session
    if (terms.qos === 0) {
      if (link === undefined || !this.isRead(link)) return this.#drop()
      return link.deliver(message, terms, 0, false, many) ? 'sent' : this.#drop()
    }
    // It has ended while room was made for this message.
    if (link === undefined && !session.lasts) return this.#drop()
    const { kept } = message
    if (kept !== undefined && kept.refused.has(session.number)) {
      return session.overflow === 'reject' ? 'rejected' : this.#lose(session)
    }
    // QoS 2 goes on when the record of its receipt lasts: else it would come twice after a crash.
    const mustWait = terms.qos === 2 && kept !== undefined && kept.lsn > this.#parts.keeper.committed
    if (!mustWait && session.queue.length === 0 && link !== undefined && this.hasRoom(session)) {
      return this.#start(session, link, message, terms, many)
    }
    return this.#enqueue(session, message, terms)
  }

  /** Whether a message of QoS 1 or 2 can go out to it now, the oldest first. */
  hasRoom({ link, outgoing, resending, sent }: Session): boolean {
    if (link === undefined || outgoing.room <= 0 || resending !== undefined) return false
    return outgoing.isFree(sent) && this.isRead(link)
  }

  /** Room for one more in its queue; false: there is none, or the session has ended over it. */
  admit(session: Session, size: number): boolean {
    const { expire, part, counters } = this.#parts
    if (session.tail !== undefined) part(session)
    // What goes out at once needs no place in the queue, though others may have filled the store.
    if (session.queue.length === 0 && this.hasRoom(session)) return true
    if (!this.#isFull(session, size)) return true
    if (session.overflow === 'expire-session' && session.link === undefined) {
      counters.dropped += session.queue.length
      expire(session)
      return false
    }
    if (session.overflow === 'drop-oldest') this.#makeRoom(session, size)
    return !this.#isFull(session, size)
  }

  /** Whether its client reads what it gets. */
  isRead({ waiting }: Link): boolean {
    return waiting <= this.#parts.limits.outputBytes
  }

  /** To one member of a shared group, which has it back if the member leaves. */
  sendShared(session: Session, message: Passing, terms: DeliveryTerms, group: Group): Delivered {
    const { link } = session
    if (terms.qos === 0 || link === undefined) return this.send(session, message, terms, false)
    const { retain, identifiers } = terms
    const { store, keeper } = this.#parts
    const position = message.hold(store)
    keeper.taken(group, session, position, terms)
    const owed = { ordinal: session.next, position, retain, identifiers, group }
    // As above; QoS 2 is never handed on, so it waits for this member.
    if (terms.qos === 2 && store.lsnOf(position) > keeper.committed) {
      session.enqueue(position, terms, message.size)
      this.#drainLater(session)
      return 'queued'
    }
    session.next++
    return this.#write(session, link, message, terms, owed, false)
  }

  /** There is room again: the oldest of its queue goes out. */
  drain(session: Session): void {
    const { queue, link } = session
    if (link !== undefined) {
      if (session.resending !== undefined) this.#resend(session, link, session.resending)
      while (queue.length > 0 && this.hasRoom(session)) {
        if (this.#mustWait(session)) {
          this.#drainLater(session)
          break
        }
        this.#sendQueued(session, link)
      }
    }
    for (const group of session.groups) group.drain()
  }

  /** A session has a connection again: what is in flight comes once more, first ([MQTT-4.4.0-1], [MQTT-4.6.0-1]). */
  resume(session: Session, link: Link): void {
    const inFlight = session.outgoing.inFlight()
    this.#releaseAgain(session, link, inFlight)
    const resending = inFlight.filter(({ released }) => !released)
    session.resending = resending.length > 0 ? resending.toReversed() : undefined
    this.drain(session)
  }

  /** Nobody waits for it any more. */
  settle(session: Session, { ordinal, position, group }: Owed): void {
    if (position === 0) return
    const { store, keeper } = this.#parts
    if (session.number !== 0) keeper.settled(session, ordinal)
    else group?.settled(position)
    store.release(position)
  }

  /**
   * Its connection is gone, or all of it: what shared groups gave it at QoS 1 goes to other members. QoS 2 never does
   * ([MQTT-4.8.2-4], [MQTT-4.8.2-5]).
   */
  handOn(session: Session, isOver: boolean): void {
    for (const [group, sent] of givenTo(session)) {
      const positions = sent.map(({ item }) => item.position)
      if (group.handOn(session, positions, isOver)) for (const { packetId } of sent) session.outgoing.remove(packetId)
    }
  }

  /** The session is about to leave the journal, and goes on. */
  lend(session: Session): void {
    for (const [group, sent] of givenTo(session)) {
      group.lend(
        session,
        sent.map(({ item }) => item.position),
      )
    }
  }

  /** The session has ended: nothing of it is owed. */
  forget(session: Session): void {
    const { store } = this.#parts
    for (const { packetId, item } of session.outgoing.inFlight()) {
      session.outgoing.remove(packetId)
      this.settle(session, item)
    }
    for (const position of session.queue) store.release(position)
    session.clearQueue()
    session.tail?.leave()
    session.tail = undefined
  }

  /** PUBRELs, when what says that PUBREC came for them lasts: a PUBLISH behind one would be another message. */
  #releaseAgain(session: Session, link: Link, inFlight: readonly Sent<Owed>[]): void {
    const { keeper } = this.#parts
    // Those of now: what is acknowledged from here on waits for a record of its own.
    const waiting = inFlight.filter(({ released }) => released)
    if (waiting.length === 0) return
    keeper.when(session.number === 0 ? 0 : keeper.latest, (error) => {
      if (session.link !== link) return
      if (error) return link.unkept()
      for (const { packetId } of waiting) if (session.outgoing.isReleased(packetId)) link.release(packetId)
    })
  }

  /** No more at a time than the client takes now: its Receive Maximum may be smaller than it was ([MQTT-3.3.4-9]). */
  #resend(session: Session, link: Link, resending: Sent<Owed>[]): void {
    const { outgoing } = session
    while (resending.length > 0 && outgoing.room + resending.length > 0 && this.isRead(link)) {
      const { packetId, qos, item } = resending.pop() as Sent<Owed>
      // Acknowledged before it was sent again: the client had it from the connection before.
      if (outgoing.get(packetId) !== item || outgoing.isReleased(packetId)) continue
      const publication = this.#parts.store.get(item.position)
      const { position, retain, identifiers } = item
      if (publication !== undefined) this.#again.beginAgain(publication, position)
      // [MQTT-3.3.1-1]: DUP, it may have been there before.
      const isSent = publication && link.deliver(this.#again, { qos, retain, identifiers }, packetId, true, false)
      if (isSent) continue
      outgoing.remove(packetId)
      this.settle(session, item)
      this.#drop()
    }
    this.#again.end()
    if (resending.length === 0) session.resending = undefined
  }

  #start(session: Session, link: Link, message: Passing, terms: DeliveryTerms, many: boolean): Delivered {
    const ordinal = session.next
    if (!session.lasts) {
      session.next++
      return this.#write(session, link, message, terms, UNHELD, many, ordinal)
    }
    const { retain, identifiers } = terms
    const position = this.#hold(session, message, terms)
    session.next++
    const owed = { ordinal, position, retain, identifiers, group: undefined }
    return this.#write(session, link, message, terms, owed, many)
  }

  /** And, if its own record does not say so, that this session is owed it. */
  #hold(session: Session, message: Passing, terms: DeliveryTerms): Position {
    const { store, keeper } = this.#parts
    const position = message.hold(store)
    const { kept } = message
    if (session.number !== 0 && (kept === undefined || kept.position === 0 || kept.except.has(session.number))) {
      message.owedAt = keeper.owed(session, position, terms)
    }
    return position
  }

  #write(
    session: Session,
    link: Link,
    message: Passing,
    terms: DeliveryTerms,
    owed: Owed,
    many: boolean,
    ordinal: number = owed.ordinal,
  ): Delivered {
    const packetId = session.outgoing.open(owed, terms.qos === 2 ? 2 : 1, ordinal)
    if (link.deliver(message, terms, packetId, false, many)) return 'sent'
    session.outgoing.remove(packetId)
    this.settle(session, owed)
    return this.#drop()
  }

  /** The oldest in the queue is of QoS 2, and its record does not last yet. */
  #mustWait({ queue }: Session): boolean {
    const { store, keeper } = this.#parts
    return (queue.firstMark & 3) === 2 && store.lsnOf(queue.first) > keeper.committed
  }

  #drainLater(session: Session): void {
    const { store, keeper } = this.#parts
    if (session.isDraining) return
    session.isDraining = true
    keeper.when(store.lsnOf(session.queue.first), () => {
      session.isDraining = false
      this.drain(session)
    })
  }

  #sendQueued(session: Session, link: Link): void {
    const { store, keeper, now } = this.#parts
    const { queue } = session
    const mark = queue.firstMark
    const ordinal = session.sent
    const position = queue.shift()
    const publication = store.get(position)
    if (publication === undefined) return
    session.queuedBytes -= sizeOfPublication(publication)
    const identifiers = mark & MARK_IDENTIFIERS ? session.queuedIdentifiers.get(position) : undefined
    if (identifiers) session.forgetIdentifiers(position)
    // [MQTT-3.3.2-5]
    if (publication.expiresAt <= now()) {
      keeper.settled(session, ordinal)
      return store.release(position)
    }
    this.#again.beginAgain(publication, position)
    const terms = { qos: (mark & 3) as Qos, retain: (mark & MARK_RETAIN) !== 0, identifiers }
    const owed = session.lasts ? { ordinal, position, retain: terms.retain, identifiers, group: undefined } : UNHELD
    this.#write(session, link, this.#again, terms, owed, false, ordinal)
    if (!session.lasts) store.release(position)
    this.#again.end()
  }

  #enqueue(session: Session, message: Passing, terms: DeliveryTerms): Delivered {
    const { size, kept } = message
    if (session.tail !== undefined) this.#parts.part(session)
    const isAdmitted =
      session.number !== 0 && kept !== undefined && kept.position !== 0 && !kept.except.has(session.number)
    if (!isAdmitted && !this.admit(session, size)) {
      return session.overflow === 'reject' ? 'rejected' : this.#lose(session)
    }
    session.enqueue(this.#hold(session, message, terms), terms, size)
    if (session.queue.length === 1 && this.#mustWait(session)) this.#drainLater(session)
    return 'queued'
  }

  #isFull({ queue, queuedBytes }: Session, size: number): boolean {
    const { limits } = this.#parts
    const isOwnFull = queue.length >= limits.queuedMessages || queuedBytes + size > limits.queuedBytes
    return isOwnFull || this.isStoreFull(size)
  }

  /** Whether all sessions together have no room for so much more. */
  isStoreFull(size: number): boolean {
    const { limits, store } = this.#parts
    return store.bytes + size > limits.totalQueuedBytes
  }

  /**
   * Gives up what is oldest, if that makes room. When it is the others who fill the store, no more than what it asks for
   * itself.
   */
  #makeRoom(session: Session, size: number): void {
    const { store, keeper, limits } = this.#parts
    if (size > limits.queuedBytes || (this.isStoreFull(size) && !this.#canFree(session, size))) return
    const least = session.queuedBytes - size
    while (session.queue.length > 0 && this.#isFull(session, size)) {
      const isOwnFull = session.queue.length >= limits.queuedMessages || session.queuedBytes + size > limits.queuedBytes
      if (!isOwnFull && session.queuedBytes <= least) return
      keeper.settled(session, session.sent)
      const position: Position = session.queue.shift()
      const publication = store.get(position)
      if (publication) session.queuedBytes -= sizeOfPublication(publication)
      session.forgetIdentifiers(position)
      store.release(position)
      this.#lose(session)
    }
  }

  /** Whether the store has room for so much if its oldest go, as many as make so much: what others wait for stays in it. */
  #canFree({ queue }: Session, size: number): boolean {
    const { store, limits } = this.#parts
    let given = 0
    let left = store.bytes
    for (const position of queue) {
      if (given >= size) return false
      const publication = store.get(position)
      const bytes = publication === undefined ? 0 : sizeOfPublication(publication)
      given += bytes
      if (store.isLast(position)) left -= bytes
      if (left + size <= limits.totalQueuedBytes) return true
    }
    return false
  }

  #lose(session: Session): Delivered {
    session.dropped++
    return this.#drop()
  }

  #drop(): Delivered {
    this.#parts.counters.dropped++
    return 'dropped'
  }
}

/** What shared groups have given it at QoS 1, oldest first. */
function givenTo(session: Session): Map<Group, Sent<Owed>[]> {
  const given = new Map<Group, Sent<Owed>[]>()
  for (const sent of session.outgoing.inFlight()) {
    const { group } = sent.item
    if (group === undefined || sent.qos === 2) continue
    const others = given.get(group)
    if (others === undefined) given.set(group, [sent])
    else others.push(sent)
  }
  return given
}
