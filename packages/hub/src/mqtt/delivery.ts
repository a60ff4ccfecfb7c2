import type { Qos } from '@halyard/wire/mqtt'
import type { Sent } from './server-window.ts'
import type { MessageStore, Position } from '../domain/positions.ts'
import type { Counters } from './counters.ts'
import type { MqttLimits } from './limits.ts'
import type { Delivered, DeliveryTerms, Link } from './link.ts'
import { Passing } from './passing.ts'
import { sizeOfPublication } from './publication.ts'
import type { Publication } from './publication.ts'
import { UNHELD } from './session.ts'
import type { Group, Owed, Session } from './session.ts'

export interface DeliveryParts {
  readonly store: MessageStore<Publication>
  readonly limits: MqttLimits
  readonly counters: Counters
  /** Monotonic ms. */
  readonly now: () => number
  /** Of a session without a connection whose queue is full, under the policy `expire-session`. */
  readonly expire: (session: Session) => void
}

const RETAIN = 4
const IDENTIFIERS = 8

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
    if (session.queue.length === 0 && link !== undefined && this.hasRoom(session)) {
      return this.#start(session, link, message, terms, many)
    }
    return this.#enqueue(session, message, terms)
  }

  /** Whether a message of QoS 1 or 2 can go out to it now. */
  hasRoom({ link, outgoing, resending }: Session): boolean {
    return link !== undefined && outgoing.room > 0 && resending === undefined && this.isRead(link)
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
    const position = message.hold(this.#parts.store)
    return this.#write(session, link, message, terms, { position, retain, identifiers, group }, false)
  }

  /** There is room again: the oldest of its queue goes out. */
  drain(session: Session): void {
    const { queue, link } = session
    if (link !== undefined) {
      if (session.resending !== undefined) this.#resend(session, link, session.resending)
      while (queue.length > 0 && this.hasRoom(session)) this.#sendQueued(session, link)
    }
    for (const group of session.groups) group.drain()
  }

  /** A session has a connection again: what is in flight comes once more, first ([MQTT-4.4.0-1], [MQTT-4.6.0-1]). */
  resume(session: Session, link: Link): void {
    const inFlight = session.outgoing.inFlight()
    for (const { packetId, released } of inFlight) if (released) link.release(packetId)
    const resending = inFlight.filter(({ released }) => !released)
    session.resending = resending.length > 0 ? resending.toReversed() : undefined
    this.drain(session)
  }

  /** Nobody waits for it any more. */
  settle({ position }: Owed): void {
    if (position !== 0) this.#parts.store.release(position)
  }

  /**
   * Its connection is gone, or all of it: what shared groups gave it at QoS 1 goes to other members. QoS 2 never does
   * ([MQTT-4.8.2-4], [MQTT-4.8.2-5]).
   */
  handOn(session: Session, isOver: boolean): void {
    const given = new Map<Group, Sent<Owed>[]>()
    for (const sent of session.outgoing.inFlight()) {
      const { group } = sent.item
      if (group === undefined || sent.qos === 2) continue
      const others = given.get(group)
      if (others === undefined) given.set(group, [sent])
      else others.push(sent)
    }
    for (const [group, sent] of given) {
      const positions = sent.map(({ item }) => item.position)
      if (group.handOn(positions, isOver)) for (const { packetId } of sent) session.outgoing.remove(packetId)
    }
  }

  /** The session has ended: nothing of it is owed. */
  forget(session: Session): void {
    const { store } = this.#parts
    for (const { packetId, item } of session.outgoing.inFlight()) {
      session.outgoing.remove(packetId)
      this.settle(item)
    }
    for (const position of session.queue) store.release(position)
    session.queue.clear()
    session.queuedIdentifiers.clear()
    session.queuedBytes = 0
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
      this.settle(item)
      this.#drop()
    }
    this.#again.end()
    if (resending.length === 0) session.resending = undefined
  }

  #start(session: Session, link: Link, message: Passing, terms: DeliveryTerms, many: boolean): Delivered {
    if (!session.lasts) return this.#write(session, link, message, terms, UNHELD, many)
    const { retain, identifiers } = terms
    const position = message.hold(this.#parts.store)
    return this.#write(session, link, message, terms, { position, retain, identifiers, group: undefined }, many)
  }

  #write(session: Session, link: Link, message: Passing, terms: DeliveryTerms, owed: Owed, many: boolean): Delivered {
    const packetId = session.outgoing.open(owed, terms.qos === 2 ? 2 : 1)
    if (link.deliver(message, terms, packetId, false, many)) return 'sent'
    session.outgoing.remove(packetId)
    this.settle(owed)
    return this.#drop()
  }

  #sendQueued(session: Session, link: Link): void {
    const { store, now } = this.#parts
    const { queue, queuedIdentifiers } = session
    const mark = queue.firstMark
    const position = queue.shift()
    const publication = store.get(position)
    if (publication === undefined) return
    session.queuedBytes -= sizeOfPublication(publication)
    const identifiers = mark & IDENTIFIERS ? queuedIdentifiers.get(position) : undefined
    if (identifiers) queuedIdentifiers.delete(position)
    // [MQTT-3.3.2-5]
    if (publication.expiresAt <= now()) return store.release(position)
    this.#again.beginAgain(publication, position)
    const terms = { qos: (mark & 3) as Qos, retain: (mark & RETAIN) !== 0, identifiers }
    const owed = session.lasts ? { position, retain: terms.retain, identifiers, group: undefined } : UNHELD
    this.#write(session, link, this.#again, terms, owed, false)
    if (!session.lasts) store.release(position)
    this.#again.end()
  }

  #enqueue(session: Session, message: Passing, terms: DeliveryTerms): Delivered {
    const { limits, store, expire } = this.#parts
    const { size } = message
    if (this.#isFull(session, size)) {
      if (limits.overflow === 'reject') return 'rejected'
      if (limits.overflow === 'expire-session' && session.link === undefined) {
        expire(session)
        return this.#drop()
      }
      if (limits.overflow === 'drop-oldest') this.#makeRoom(session, size)
      if (this.#isFull(session, size)) return this.#lose(session)
    }
    const position = message.hold(store)
    const { qos, retain, identifiers } = terms
    session.queue.push(position, qos | (retain ? RETAIN : 0) | (identifiers ? IDENTIFIERS : 0))
    if (identifiers) session.queuedIdentifiers.set(position, identifiers)
    session.queuedBytes += size
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

  /** Gives up what is oldest. When it is the others who fill the store, no more than what it asks for itself. */
  #makeRoom(session: Session, size: number): void {
    const { store, limits } = this.#parts
    const least = session.queuedBytes - size
    while (session.queue.length > 0 && this.#isFull(session, size)) {
      const isOwnFull = session.queue.length >= limits.queuedMessages || session.queuedBytes + size > limits.queuedBytes
      if (!isOwnFull && session.queuedBytes <= least) return
      const position: Position = session.queue.shift()
      const publication = store.get(position)
      if (publication) session.queuedBytes -= sizeOfPublication(publication)
      session.queuedIdentifiers.delete(position)
      store.release(position)
      this.#lose(session)
    }
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
