import type { Session } from './session.ts'
import { SharedGroup } from './shared-group.ts'
import type { ClientSubscription } from './subscription.ts'

/** What an index of subscriptions holds. */
export type Subscriber = ClientSubscription | SharedGroup

/**
 * One session that gets a message: one copy, whatever the number of its subscriptions that fit, with the greatest QoS
 * and the identifiers of all (5.0 §3.3.4, [MQTT-3.3.4-2], [MQTT-3.3.4-3]; 3.1.1 §3.3.5, [MQTT-3.3.5-1]).
 */
export interface Target {
  readonly session: Session
  readonly qos: 0 | 1 | 2
  readonly retainAsPublished: boolean
  readonly identifiers: readonly number[] | undefined
  /** What it gets of its own messages: subscriptions with No Local left out ([MQTT-3.8.3-3]); `undefined`: nothing. */
  readonly own: Omit<Target, 'own'> | undefined
}

export interface Targets {
  /** Of the index when it was asked. */
  readonly epoch: number
  readonly sessions: readonly Target[]
  readonly groups: readonly SharedGroup[]
}

export function targetsOf(found: readonly Subscriber[], epoch: number): Targets {
  const groups: SharedGroup[] = []
  const sessions: Target[] = []
  const several = new Map<Session, ClientSubscription[]>()
  for (const subscriber of found) {
    if (subscriber instanceof SharedGroup) {
      groups.push(subscriber)
      continue
    }
    const known = several.get(subscriber.session)
    if (known === undefined) several.set(subscriber.session, [subscriber])
    else known.push(subscriber)
  }
  for (const [session, subscriptions] of several) sessions.push(targetOf(session, subscriptions))
  return { epoch, sessions, groups }
}

/** Of at least one subscription. */
export function targetOf(session: Session, subscriptions: readonly ClientSubscription[]): Target {
  const all = joined(session, subscriptions)
  const foreign = subscriptions.filter(({ noLocal }) => !noLocal)
  if (foreign.length === subscriptions.length) return { ...all, own: all }
  return { ...all, own: foreign.length === 0 ? undefined : joined(session, foreign) }
}

function joined(session: Session, subscriptions: readonly ClientSubscription[]): Omit<Target, 'own'> {
  let qos: 0 | 1 | 2 = 0
  let retainAsPublished = false
  let identifiers: number[] | undefined
  for (const subscription of subscriptions) {
    if (subscription.qos > qos) qos = subscription.qos
    retainAsPublished ||= subscription.retainAsPublished
    if (subscription.identifier !== 0) (identifiers ??= []).push(subscription.identifier)
  }
  return { session, qos, retainAsPublished, identifiers }
}
