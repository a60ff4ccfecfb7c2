import type { Qos } from '@halyard/wire/mqtt'
import type { Gathering } from './gathering.ts'
import type { DeliveryTerms } from './link.ts'
import { HeldSubscription } from './session.ts'
import type { ClientSubscription, Holder, Session } from './session.ts'
import { SharedGroup } from './shared-group.ts'

/** What an index of subscriptions holds. */
export type Subscriber = ClientSubscription | SharedGroup

/**
 * One session that gets a message: one copy, whatever the number of its subscriptions that fit, with the greatest QoS
 * and the identifiers of all (5.0 §3.3.4, [MQTT-3.3.4-2], [MQTT-3.3.4-3]; 3.1.1 §3.3.5, [MQTT-3.3.5-1]).
 */
export class Target {
  readonly session: Session
  /** What it gets of its own messages: subscriptions with No Local left out ([MQTT-3.8.3-3]); `undefined`: nothing. */
  readonly own: Target | undefined
  /** Who keeps it back for now: one of the subscriptions still gets what is stored. */
  readonly holder: Holder | undefined
  readonly retainAsPublished: boolean
  readonly qos: Qos
  readonly identifiers: readonly number[] | undefined
  /** By the QoS of the message, RETAIN 0. */
  readonly #terms: readonly [DeliveryTerms, DeliveryTerms, DeliveryTerms]

  /** Of at least one subscription. */
  constructor(session: Session, subscriptions: readonly ClientSubscription[]) {
    this.session = session
    let greatest: Qos = 0
    const identifiers: number[] = []
    for (const { qos, identifier } of subscriptions) {
      if (qos > greatest) greatest = qos
      if (identifier !== 0) identifiers.push(identifier)
    }
    this.qos = greatest
    this.identifiers = identifiers.length > 0 ? identifiers : undefined
    this.retainAsPublished = subscriptions.some(({ retainAsPublished }) => retainAsPublished)
    this.holder = subscriptions.find((one) => one instanceof HeldSubscription)?.holder
    this.#terms = [this.#make(0, false), this.#make(1, false), this.#make(2, false)]
    const foreign = subscriptions.filter(({ noLocal }) => !noLocal)
    if (foreign.length === subscriptions.length) this.own = this
    else this.own = foreign.length === 0 ? undefined : new Target(session, foreign)
  }

  /** [MQTT-3.8.4-8]: the smaller of both QoS; [MQTT-3.3.1-12], [MQTT-3.3.1-13]: RETAIN. */
  terms(qos: Qos, retain: boolean): DeliveryTerms {
    return retain && this.retainAsPublished ? this.#make(qos, true) : this.#terms[qos]
  }

  #make(qos: Qos, retain: boolean): DeliveryTerms {
    return { qos: qos < this.qos ? qos : this.qos, retain, identifiers: this.identifiers }
  }
}

/** Sessions that share a row, and how much more may go into it before one of them might have too much. */
export interface Shared {
  readonly gathering: Gathering<Target>
  /** Of all that goes into rows: {@link Sharing}. */
  messagesUntil: number
  bytesUntil: number
}

/** Those who remember it look at the epoch first: a list that is no longer good holds nobody, and no memory. */
export interface Targets {
  /** Of the index when it was asked; -1: no longer good. */
  epoch: number
  sessions: readonly Target[]
  groups: readonly SharedGroup[]
  /** What it was made of, as the index gave it. */
  found: readonly Subscriber[]
  /** Topics for which it is remembered. */
  topics: number
  /** Of those that wait; `undefined`: too few do. */
  shared: Shared | undefined
  /** Whether a message went to it before. */
  isUsed: boolean
}

export function forgetTargets(targets: Targets): void {
  targets.epoch = -1
  targets.shared?.gathering.end()
  targets.shared = undefined
  targets.sessions = targets.groups = targets.found = []
}

export function targetsOf(found: readonly Subscriber[], epoch: number): Targets {
  const groups: SharedGroup[] = []
  const bySession = new Map<Session, ClientSubscription[]>()
  for (const subscriber of found) {
    if (subscriber instanceof SharedGroup) {
      groups.push(subscriber)
      continue
    }
    const known = bySession.get(subscriber.session)
    if (known === undefined) bySession.set(subscriber.session, [subscriber])
    else known.push(subscriber)
  }
  const sessions = Array.from(bySession, ([session, subscriptions]) => new Target(session, subscriptions))
  return { epoch, sessions, groups, found, topics: 0, shared: undefined, isUsed: false }
}
