import type { Passing } from './passing.ts'
import type { Delivery } from './delivery.ts'
import type { Session } from './session.ts'
import type { Sharing } from './sharing.ts'
import type { Space } from './space.ts'
import type { Targets } from './targets.ts'

/** What became of a message as a whole. */
export type Routed = 'delivered' | 'nobody' | 'rejected'

/** From a message and its targets to their connections and queues. */
export class Router {
  readonly #delivery: Delivery
  readonly #sharing: Sharing

  constructor(delivery: Delivery, sharing: Sharing) {
    this.#delivery = delivery
    this.#sharing = sharing
  }

  /**
   * `from`: the session that published it. `echo`: whether it may have it back. `once`: {@link PublishPlan}. Who of the targets shares a row with others
   * has been looked at before: {@link Sharing.prepare}.
   */
  route(message: Passing, targets: Targets, from: Session | undefined, echo: boolean, once = false): Routed {
    const { sessions, groups } = targets
    const shared = message.qos > 0 ? targets.shared : undefined
    const many = sessions.length > 1
    let routed: Routed = 'nobody'
    let queued = 0
    if (shared !== undefined) {
      this.#sharing.push(shared, message)
      routed = 'delivered'
    }
    for (const target of shared?.gathering.others ?? sessions) {
      const isOwn = target.session === from
      const wanted = isOwn ? (echo ? target.own : undefined) : target
      if (wanted === undefined) continue
      const terms = wanted.terms(message.qos, message.retain)
      const { holder } = wanted
      const delivered =
        holder === undefined ? this.#delivery.send(target.session, message, terms, many) : holder.hold(message, terms)
      if (delivered === 'rejected') routed = 'rejected'
      else if (routed === 'nobody') routed = 'delivered'
      if (delivered === 'queued' && this.#sharing.maySoon(target.session)) queued++
    }
    const served = once && groups.length > 0 ? new Set(sessions.map(({ session }) => session)) : undefined
    if (queued > 1) this.#sharing.begin(targets)
    for (const group of groups) {
      const delivered = group.deliver(message, echo ? undefined : from, served)
      if (delivered === 'rejected') routed = 'rejected'
      else if (delivered !== 'nobody' && routed === 'nobody') routed = 'delivered'
    }
    return routed
  }

  /** Whether {@link retain} would. */
  mayRetain(message: Passing, space: Space, channel: string): boolean {
    return message.payloadAt === message.payloadEnd || space.retained.hasRoomFor(channel, message.size)
  }

  /** [MQTT-3.3.1-5] to [MQTT-3.3.1-8]. False: there is no room for one more. */
  retain(message: Passing, space: Space, channel: string): boolean {
    if (message.payloadAt === message.payloadEnd) {
      space.retained.remove(channel)
      return true
    }
    const { publication } = message
    return space.retained.set(channel, publication, message.size)
  }
}
