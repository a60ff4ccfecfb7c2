import type { Qos } from '@halyard/wire/mqtt'
import type { MessageStore, Position } from '../domain/positions.ts'
import type { Counters } from './counters.ts'
import type { MqttLimits } from './limits.ts'
import type { DeliveryTerms, Link } from './link.ts'
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

/** `rejected`: its queue is full, and the account's policy is to refuse what is published. */
export type Delivered = 'sent' | 'queued' | 'dropped' | 'rejected'

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
      if (link === undefined || link.waiting > this.#parts.limits.outputBytes) return this.#drop()
      return link.deliver(message, terms, 0, false, many) ? 'sent' : this.#drop()
    }
    if (session.queue.length === 0 && link !== undefined && this.hasRoom(session)) {
      return this.#start(session, link, message, terms, many)
    }
    return this.#enqueue(session, message, terms)
  }

  /** Whether a message of QoS 1 or 2 can go out to it now. */
  hasRoom({ link, outgoing }: Session): boolean {
    return link !== undefined && outgoing.room > 0 && link.waiting <= this.#parts.limits.outputBytes
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
    const { queue } = session
    while (queue.length > 0 && session.link !== undefined && this.hasRoom(session)) {
      this.#sendQueued(session, session.link)
    }
    for (const group of session.groups) group.drain()
  }

  /** A session has a connection again: what is in flight comes once more, first ([MQTT-4.4.0-1], [MQTT-4.6.0-1]). */
  resume(session: Session, link: Link): void {
    const { store } = this.#parts
    for (const { packetId, qos, released, item } of session.outgoing.inFlight()) {
      const publication = store.get(item.position)
      if (released) {
        link.release(packetId)
      } else if (publication === undefined) {
        session.outgoing.remove(packetId)
      } else {
        this.#again.beginAgain(publication, item.position)
        const { retain, identifiers } = item
        // [MQTT-3.3.1-1]: DUP, it may have been there before.
        if (!link.deliver(this.#again, { qos, retain, identifiers }, packetId, true, false)) {
          session.outgoing.remove(packetId)
          this.settle(item)
        }
      }
    }
    this.#again.end()
    this.drain(session)
  }

  /** Nobody waits for it any more. */
  settle({ position }: Owed): void {
    if (position !== 0) this.#parts.store.release(position)
  }

  /** Its connection is gone: what a shared group gave it at QoS 1 goes to another member (5.0 §4.8.2). */
  handOn(session: Session): void {
    if (session.groups.size === 0) return
    for (const { packetId, qos, item } of session.outgoing.inFlight()) {
      if (item.group === undefined || qos === 2) continue
      if (item.group.handOn(item.position)) session.outgoing.remove(packetId)
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
    const size = 100 + message.topic.bytes.length + message.payloadEnd - message.payloadAt
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

  #isFull(session: Session, size: number): boolean {
    const { limits, store } = this.#parts
    return (
      session.queue.length >= limits.queuedMessages ||
      session.queuedBytes + size > limits.queuedBytes ||
      store.bytes + size > limits.totalQueuedBytes
    )
  }

  #makeRoom(session: Session, size: number): void {
    const { store } = this.#parts
    while (session.queue.length > 0 && this.#isFull(session, size)) {
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
