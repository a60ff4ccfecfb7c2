import { PositionQueue } from '../domain/position-queue.ts'
import type { MessageStore, Position } from '../domain/positions.ts'
import type { Counters } from './counters.ts'
import type { Delivery } from './delivery.ts'
import type { Delivered } from './link.ts'
import type { MqttLimits } from './limits.ts'
import { Passing } from './passing.ts'
import { sizeOfPublication } from './publication.ts'
import type { Publication } from './publication.ts'
import type { ClientSubscription, Group } from './session.ts'

export interface SharedGroupParts {
  readonly delivery: Delivery
  readonly store: MessageStore<Publication>
  /** What waits while no member has room has the limits of a session's queue. */
  readonly limits: Pick<MqttLimits, 'queuedMessages' | 'queuedBytes' | 'overflow'>
  readonly counters: Counters
  /** Monotonic ms. */
  readonly now: () => number
}

/**
 * A shared subscription (5.0 §4.8.2): each message goes to one member, in turn, those first that are connected and have
 * room. QoS 1 and 2 wait here while nobody can take them, so that nobody sits on what another could have.
 */
export class SharedGroup implements Group {
  readonly #parts: SharedGroupParts
  readonly #members: ClientSubscription[] = []
  readonly #backlog = new PositionQueue()
  readonly #again = new Passing()
  #backlogBytes = 0
  #turn = 0

  constructor(parts: SharedGroupParts) {
    this.#parts = parts
  }

  /** Members. */
  get size(): number {
    return this.#members.length
  }

  get isEmpty(): boolean {
    return this.#members.length === 0
  }

  add(member: ClientSubscription): void {
    this.#members.push(member)
    member.session.groups.add(this)
    this.drain()
  }

  remove(member: ClientSubscription): void {
    const at = this.#members.indexOf(member)
    if (at >= 0) this.#members.splice(at, 1)
    if (!this.#members.some(({ session }) => session === member.session)) member.session.groups.delete(this)
    if (this.isEmpty) this.#clear()
    else this.drain()
  }

  /** `nobody`: nobody gets it, now or later. */
  deliver(message: Passing): Delivered | 'nobody' {
    const mustWait = this.#backlog.length > 0 && message.qos > 0
    const member = mustWait ? undefined : this.#next(message.qos)
    if (member !== undefined) return this.#send(member, message)
    if (message.qos === 0) return this.#members.some(({ session }) => session.link) ? this.#drop() : 'nobody'
    if (!this.#isAwaited) return 'nobody'
    const { size } = message
    if (!this.#makeRoom(size)) return this.#parts.limits.overflow === 'reject' ? 'rejected' : this.#drop()
    this.#keep(message.hold(this.#parts.store), size)
    return 'queued'
  }

  drain(): void {
    const { store, now } = this.#parts
    while (this.#backlog.length > 0) {
      const publication = store.get(this.#backlog.first)
      // [MQTT-3.3.2-5]
      const isOver = publication === undefined || publication.expiresAt <= now()
      const member = isOver ? undefined : this.#next(publication.qos)
      if (!isOver && member === undefined) return
      const position = this.#shift()
      if (publication !== undefined && member !== undefined) {
        this.#again.beginAgain(publication, position)
        this.#send(member, this.#again)
        this.#again.end()
      }
      store.release(position)
    }
  }

  /** They are older than what waits here, and come before it. */
  handOn(positions: readonly Position[], isOver: boolean): boolean {
    const isTaken = isOver ? this.#isAwaited : this.#members.some(({ session }) => session.link !== undefined)
    if (!isTaken) return false
    const { store } = this.#parts
    const waiting = [...this.#backlog]
    this.#backlog.clear()
    this.#backlogBytes = 0
    for (const position of [...positions, ...waiting]) {
      const publication = store.get(position)
      if (publication !== undefined) this.#keep(position, sizeOfPublication(publication))
    }
    this.drain()
    return true
  }

  /** Whether a member can take QoS 1 and 2, now or when it is back. */
  get #isAwaited(): boolean {
    return this.#members.some(({ session, qos }) => session.link !== undefined || (qos > 0 && session.lasts))
  }

  #send({ session, qos, identifier, retainAsPublished }: ClientSubscription, message: Passing): Delivered {
    const terms = {
      qos: message.qos < qos ? message.qos : qos,
      retain: message.retain && retainAsPublished,
      identifiers: identifier === 0 ? undefined : [identifier],
    }
    return this.#parts.delivery.sendShared(session, message, terms, this)
  }

  /** Whose turn it is of those that can take it now. */
  #next(qos: number): ClientSubscription | undefined {
    const { delivery } = this.#parts
    const members = this.#members
    for (let step = 0; step < members.length; step++) {
      const at = (this.#turn + step) % members.length
      const member = members[at]
      const link = member?.session.link
      if (member === undefined || link === undefined) continue
      if (qos > 0 && member.qos > 0 ? !delivery.hasRoom(member.session) : !delivery.isRead(link)) continue
      this.#turn = at + 1
      return member
    }
    return undefined
  }

  /** False: there is none. */
  #makeRoom(size: number): boolean {
    const { limits, delivery, store } = this.#parts
    const isFull = (): boolean =>
      this.#backlog.length >= limits.queuedMessages || this.#backlogBytes + size > limits.queuedBytes
    const mayDropOldest = limits.overflow === 'drop-oldest' || limits.overflow === 'expire-session'
    while (this.#backlog.length > 0 && isFull()) {
      if (!mayDropOldest) return false
      store.release(this.#shift())
      this.#drop()
    }
    return !isFull() && !delivery.isStoreFull(size)
  }

  #keep(position: Position, size: number): void {
    this.#backlog.push(position, 0)
    this.#backlogBytes += size
  }

  #shift(): Position {
    const publication = this.#parts.store.get(this.#backlog.first)
    if (publication !== undefined) this.#backlogBytes -= sizeOfPublication(publication)
    return this.#backlog.shift()
  }

  #clear(): void {
    for (const position of this.#backlog) this.#parts.store.release(position)
    this.#backlog.clear()
    this.#backlogBytes = 0
  }

  #drop(): 'dropped' {
    this.#parts.counters.dropped++
    return 'dropped'
  }
}
