import { PositionQueue } from '../domain/position-queue.ts'
import type { MessageStore, Position } from '../domain/positions.ts'
import type { Counters } from './counters.ts'
import type { Delivery } from './delivery.ts'
import type { Delivered } from './link.ts'
import type { Keeper } from './keeper.ts'
import type { MqttLimits } from './limits.ts'
import { Passing } from './passing.ts'
import { sizeOfPublication } from './publication.ts'
import type { Publication } from './publication.ts'
import type { ClientSubscription, Group, Session } from './session.ts'

export interface SharedGroupParts {
  readonly delivery: Delivery
  readonly store: MessageStore<Publication>
  /** What waits while no member has room has the limits of a session's queue. */
  readonly limits: Pick<MqttLimits, 'queuedMessages' | 'queuedBytes' | 'overflow'>
  readonly counters: Counters
  readonly keeper: Keeper
  /** Monotonic ms. */
  readonly now: () => number
}

/**
 * A shared subscription (5.0 §4.8.2): each message goes to one member, in turn, those first that are connected and have
 * room. QoS 1 and 2 wait here while nobody can take them, so that nobody sits on what another could have.
 */
export class SharedGroup implements Group {
  readonly space: string
  readonly share: string
  readonly filter: string
  /** In the journal, from its first member that lasts on; 0: it is not there. */
  number = 0
  readonly #parts: SharedGroupParts
  readonly #members: ClientSubscription[] = []
  /** On the wire to members that do not last: for the journal they wait here. */
  readonly #lent = new Set<Position>()
  readonly #backlog = new PositionQueue()
  readonly #again = new Passing()
  #backlogBytes = 0
  #turn = 0

  constructor(
    name: { readonly space: string; readonly share: string; readonly filter: string },
    parts: SharedGroupParts,
  ) {
    this.space = name.space
    this.share = name.share
    this.filter = name.filter
    this.#parts = parts
  }

  /** What it has and no member that lasts has taken, oldest first. */
  get unsettled(): readonly Position[] {
    return [...this.#lent, ...this.#backlog]
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
    member.session.joined(this)
    if (this.number === 0 && member.session.number !== 0 && member.qos > 0) this.#parts.keeper.groupBegan(this)
    this.drain()
  }

  /** A member of an earlier process: it has no connection. */
  restoreMember(member: ClientSubscription): void {
    this.#members.push(member)
    member.session.joined(this)
  }

  /** What it had then. */
  restore(number: number, backlog: readonly Position[]): void {
    const { store } = this.#parts
    this.number = number
    for (const position of backlog) {
      const publication = store.get(position)
      if (publication !== undefined && store.share(position)) this.#keep(position, sizeOfPublication(publication))
    }
  }

  remove(member: ClientSubscription): void {
    const at = this.#members.indexOf(member)
    if (at >= 0) this.#members.splice(at, 1)
    if (!this.#members.some(({ session }) => session === member.session)) member.session.left(this)
    if (this.isEmpty) this.#clear()
    else this.drain()
  }

  /** `nobody`: nobody gets it, now or later. `except`: who must not have it. `served`: who has it already. */
  deliver(message: Passing, except?: Session, served?: Set<Session>): Delivered | 'nobody' {
    if (except !== undefined && this.#members.every(({ session }) => session === except))
      return this.#forNobody(message)
    const mustWait = this.#backlog.length > 0 && message.qos > 0
    const member = mustWait ? undefined : this.#next(message.qos, except)
    if (member !== undefined && served?.has(member.session) === true) {
      this.#forNobody(message)
      return 'sent'
    }
    if (member !== undefined) {
      served?.add(member.session)
      return this.#send(member, message)
    }
    if (message.qos === 0) return this.#members.some(({ session }) => session.link) ? this.#drop() : 'nobody'
    const { size } = message
    if (!this.#isAwaited || !this.#makeRoom(size)) {
      this.#forNobody(message)
      if (!this.#isAwaited) return 'nobody'
      return this.#parts.limits.overflow === 'reject' ? 'rejected' : this.#drop()
    }
    this.#keep(message.hold(this.#parts.store), size)
    return 'queued'
  }

  /** What was written for the group is settled. */
  #forNobody({ kept }: Passing): 'nobody' {
    if (kept !== undefined && kept.position !== 0) this.#parts.keeper.groupSettled(this, kept.position)
    return 'nobody'
  }

  drain(): void {
    const { store, keeper, now } = this.#parts
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
      } else {
        keeper.groupSettled(this, position)
      }
      store.release(position)
    }
  }

  /** They are older than what waits here, and come before it. */
  handOn(from: Session, positions: readonly Position[], isOver: boolean): boolean {
    const isTaken = isOver ? this.#isAwaited : this.#members.some(({ session }) => session.link !== undefined)
    if (!isTaken) return false
    const { store, keeper } = this.#parts
    // What was only lent was here all the time, as far as the journal knows.
    const given = positions.filter((position) => !this.#lent.delete(position))
    if (given.length > 0) keeper.handedBack(this, from, given)
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

  /** A member lasts no longer than its connection from now on: in the journal what it has waits here. */
  lend(to: Session, positions: readonly Position[]): void {
    if (this.number === 0) return
    this.#parts.keeper.handedBack(this, to, positions)
    for (const position of positions) this.#lent.add(position)
  }

  /** Whether a member can take QoS 1 and 2, now or when it is back. */
  get #isAwaited(): boolean {
    return this.#members.some(({ session, qos }) => session.link !== undefined || (qos > 0 && session.lasts))
  }

  settled(position: Position): void {
    if (this.#lent.delete(position)) this.#parts.keeper.groupSettled(this, position)
  }

  #send({ session, qos, identifier, retainAsPublished }: ClientSubscription, message: Passing): Delivered {
    const terms = {
      qos: message.qos < qos ? message.qos : qos,
      retain: message.retain && retainAsPublished,
      identifiers: identifier === 0 ? undefined : [identifier],
    }
    const { delivery, keeper } = this.#parts
    if (this.number !== 0 && message.qos > 0 && message.position !== 0) {
      // [MQTT-4.8.2-5]: QoS 2 is this member's alone, and with QoS 0 nobody has it back.
      if (terms.qos === 0 || (terms.qos === 2 && session.number === 0)) keeper.groupSettled(this, message.position)
      else if (session.number === 0) this.#lent.add(message.position)
    }
    return delivery.sendShared(session, message, terms, this)
  }

  /** Whose turn it is of those that can take it now. */
  #next(qos: number, except?: Session): ClientSubscription | undefined {
    const { delivery } = this.#parts
    const members = this.#members
    for (let step = 0; step < members.length; step++) {
      const at = (this.#turn + step) % members.length
      const member = members[at]
      const link = member?.session.link
      if (member === undefined || link === undefined) continue
      const { session } = member
      if (session === except) continue
      const mayHave =
        qos > 0 && member.qos > 0 ? session.queue.length === 0 && delivery.hasRoom(session) : delivery.isRead(link)
      if (!mayHave) continue
      this.#turn = at + 1
      return member
    }
    return undefined
  }

  /** False: there is none. */
  #makeRoom(size: number): boolean {
    const { limits, delivery, keeper, store } = this.#parts
    const isFull = (): boolean =>
      this.#backlog.length >= limits.queuedMessages || this.#backlogBytes + size > limits.queuedBytes
    const mayDropOldest = limits.overflow === 'drop-oldest' || limits.overflow === 'expire-session'
    while (this.#backlog.length > 0 && isFull()) {
      if (!mayDropOldest) return false
      const position = this.#shift()
      keeper.groupSettled(this, position)
      store.release(position)
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
    const { store, keeper } = this.#parts
    for (const position of this.unsettled) keeper.groupSettled(this, position)
    for (const position of this.#backlog) store.release(position)
    this.#lent.clear()
    this.#backlog.clear()
    this.#backlogBytes = 0
  }

  #drop(): 'dropped' {
    this.#parts.counters.dropped++
    return 'dropped'
  }
}
