import { PositionQueue } from '../domain/position-queue.ts'
import type { MessageStore, Position } from '../domain/positions.ts'
import type { Delivery } from './delivery.ts'
import { Passing } from './passing.ts'
import type { Publication } from './publication.ts'
import type { ClientSubscription, Group } from './session.ts'

export interface SharedGroupParts {
  readonly delivery: Delivery
  readonly store: MessageStore<Publication>
  /** Messages that wait while no member has room. */
  readonly queued: number
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
  #turn = 0

  constructor(parts: SharedGroupParts) {
    this.#parts = parts
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
  }

  /** False: nobody gets it, now or later. */
  deliver(message: Passing): boolean {
    const member = this.#backlog.length > 0 && message.qos > 0 ? undefined : this.#next(message.qos)
    if (member !== undefined) {
      this.#send(member, message)
      return true
    }
    if (message.qos === 0 || !this.#members.some(({ session }) => session.link !== undefined || session.lasts)) {
      return false
    }
    this.#keep(message.hold(this.#parts.store))
    return true
  }

  drain(): void {
    const { store, now } = this.#parts
    while (this.#backlog.length > 0) {
      const publication = store.get(this.#backlog.first)
      const isOver = publication === undefined || publication.expiresAt <= now()
      const member = isOver ? undefined : this.#next(1)
      if (!isOver && member === undefined) return
      const position = this.#backlog.shift()
      if (publication !== undefined && member !== undefined) {
        this.#again.beginAgain(publication, position)
        this.#send(member, this.#again)
        this.#again.end()
      }
      store.release(position)
    }
  }

  handOn(position: Position): boolean {
    if (!this.#members.some(({ session }) => session.link !== undefined)) return false
    this.#keep(position)
    this.drain()
    return true
  }

  #send({ session, qos }: ClientSubscription, message: Passing): void {
    const least = message.qos < qos ? message.qos : qos
    const terms = { qos: least, retain: false, identifiers: this.#identifiersOf(session) }
    this.#parts.delivery.sendShared(session, message, terms, this)
  }

  #identifiersOf(session: ClientSubscription['session']): readonly number[] | undefined {
    const identifier = this.#members.find((member) => member.session === session)?.identifier ?? 0
    return identifier === 0 ? undefined : [identifier]
  }

  /** Whose turn it is of those that can take it now. */
  #next(qos: number): ClientSubscription | undefined {
    const members = this.#members
    for (let step = 0; step < members.length; step++) {
      const at = (this.#turn + step) % members.length
      const member = members[at]
      const session = member?.session
      if (!session?.link) continue
      if (qos > 0 && member?.qos !== 0 && !this.#parts.delivery.hasRoom(session)) continue
      this.#turn = at + 1
      return member
    }
    return undefined
  }

  #keep(position: Position): void {
    if (this.#backlog.length >= this.#parts.queued) this.#parts.store.release(this.#backlog.shift())
    this.#backlog.push(position, 0)
  }

  #clear(): void {
    for (const position of this.#backlog) this.#parts.store.release(position)
    this.#backlog.clear()
  }
}
