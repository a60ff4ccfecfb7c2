import type { Passing } from './passing.ts'
import type { Delivery } from './delivery.ts'
import type { Session } from './session.ts'
import type { Space } from './space.ts'
import type { Targets } from './targets.ts'

/** What became of a message as a whole. */
export type Routed = 'delivered' | 'nobody' | 'rejected'

/** From a message and its targets to their connections and queues. */
export class Router {
  readonly #delivery: Delivery

  constructor(delivery: Delivery) {
    this.#delivery = delivery
  }

  /** `from`: the session that published it. `echo`: whether it may have it back. `once`: {@link PublishPlan} */
  route(message: Passing, targets: Targets, from: Session | undefined, echo: boolean, once = false): Routed {
    const { sessions, groups } = targets
    const many = sessions.length > 1
    let routed: Routed = 'nobody'
    for (const target of sessions) {
      const isOwn = target.session === from
      const wanted = isOwn ? (echo ? target.own : undefined) : target
      if (wanted === undefined) continue
      const terms = wanted.terms(message.qos, message.retain)
      const { holder } = wanted
      const delivered =
        holder === undefined ? this.#delivery.send(target.session, message, terms, many) : holder.hold(message, terms)
      if (delivered === 'rejected') routed = 'rejected'
      else if (routed === 'nobody') routed = 'delivered'
    }
    const served = once && groups.length > 0 ? new Set(sessions.map(({ session }) => session)) : undefined
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
