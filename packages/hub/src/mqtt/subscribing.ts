import { REASON, checkFilter, isShared } from '@halyard/wire/mqtt'
import type { Subscribe, Subscription, Unsubscribe } from '@halyard/wire/mqtt'
import type { Broker } from './broker.ts'
import type { ClientOutput } from './client-output.ts'
import type { DialectConnection, Principal, ReasonCode, SubscribePlan } from './dialect.ts'
import type { Lsn } from '../domain/ports.ts'
import { UNKEPT } from './keeper.ts'
import type { Past } from './catching-up.ts'
import type { Openings } from './openings.ts'
import type { Publication } from './publication.ts'
import type { FindRetained } from './replays.ts'
import { ClientSubscription, HeldSubscription } from './session.ts'
import type { Session, SubscriptionTerms } from './session.ts'

type Grant = Extract<SubscribePlan, { kind: 'subscribe' }>

export interface SubscribingClient {
  readonly version: 3 | 4 | 5
  /** docs/protocols/mqtt.md §6.2 */
  readonly isBridge: boolean
  readonly session: Session
  readonly principal: Principal
  readonly dialectConnection: DialectConnection
  readonly output: ClientOutput
  readonly isOpen: boolean
  /** Made when somebody asks for it. */
  readonly openings: Openings
  /** Filters whose SUBACK waits for a history: a client may not pile them up. */
  readonly unanswered: number
  close(reason: ReasonCode, why: string): void
}

interface Granted {
  readonly reason: ReasonCode
  /** What the SUBACK waits for; 0. */
  readonly lsn?: Lsn
  /** What comes before the SUBACK. */
  readonly past?: Omit<Past, 'done'> | undefined
  /** What comes right behind the SUBACK. */
  readonly replay?: (() => void) | undefined
}

/** SUBSCRIBE (§3.8): the answer has one code for each filter, in their order ([MQTT-3.8.4-6]). */
export function subscribe(broker: Broker, client: SubscribingClient, packet: Subscribe): void {
  const { packetId, subscriptions, properties } = packet
  const identifier = properties?.subscriptionIdentifier ?? 0
  // [MQTT-3.8.3-4]
  if (subscriptions.some(({ filter, noLocal }) => noLocal && isShared(filter))) {
    return client.close(REASON.protocolError, 'a shared subscription has No Local')
  }
  if (client.unanswered > broker.limits.subscriptions) {
    return client.close(REASON.quotaExceeded, 'too many of its filters wait for what is stored')
  }
  const granted = subscriptions.map((wanted) =>
    grant(broker, client, { wanted: client.isBridge ? asBridge(wanted) : wanted, identifier, packetId }),
  )
  const reasonCodes = granted.map(({ reason }) =>
    client.version === 5 || reason < REASON.unspecifiedError ? reason : FAILURE,
  )
  // One filter twice in a packet: the second has taken the place of the first.
  const pasts = granted.flatMap(({ past }) => (past?.isCurrent() === true ? past : []))
  const replays = granted.flatMap(({ replay }) => replay ?? [])
  const lsn = lastOf(granted)
  const answer = (): void => {
    client.output.send({ type: 'suback', packetId, reasonCodes })
    for (const replay of replays) replay()
  }
  if (pasts.length === 0) return whenKept(broker, client, lsn, answer)
  // Both are asked for now: nobody is told of a commit that is over when the histories are.
  let left = 2
  const done = (): void => {
    if (--left === 0 && client.isOpen) answer()
  }
  whenKept(broker, client, lsn, done)
  client.openings.catchUp(pasts, subscriptions.length, done)
}

/** `UNKEPT` if one of them is. */
function lastOf(granted: readonly { readonly lsn?: Lsn }[]): Lsn {
  let last: Lsn = 0
  for (const { lsn = 0 } of granted) {
    if (lsn === UNKEPT) return UNKEPT
    last = Math.max(last, lsn)
  }
  return last
}

/** A session that lasts is told of what lasts. */
function whenKept(broker: Broker, client: SubscribingClient, lsn: Lsn, answer: () => void): void {
  if (lsn === 0) return answer()
  broker.keeper.when(lsn, (error) => {
    if (!client.isOpen) return
    if (error) client.close(REASON.quotaExceeded, 'its subscriptions could not be stored')
    else answer()
  })
}

/** Before 5.0 a bridge cannot say it, and means it: nothing of its own comes back, and what is retained stays so. */
function asBridge(wanted: Subscription): Subscription {
  return { ...wanted, noLocal: !isShared(wanted.filter), retainAsPublished: true }
}

/** UNSUBSCRIBE (§3.10). */
export function unsubscribe(broker: Broker, client: SubscribingClient, { packetId, filters }: Unsubscribe): void {
  const { dialect } = client.principal
  const ended = filters.map((filter) => {
    const names = dialect.meantBy?.(client.dialectConnection, filter, packetId) ?? [filter]
    return names.flatMap((name) => endSubscription(broker, client, name) ?? [])
  })
  const lsns = ended.flat().map((lsn) => ({ lsn }))
  // It may have been ended over a connection that has gone, by a record that does not last yet.
  if (lsns.length === 0 && client.session.number !== 0) lsns.push({ lsn: broker.keeper.latest })
  const reasonCodes = ended.map((each) => (each.length === 0 ? REASON.noSubscriptionExisted : REASON.success))
  whenKept(broker, client, lastOf(lsns), () => {
    // Before 5.0 UNSUBACK has no codes (3.1.1 §3.11.3).
    client.output.send({ type: 'unsuback', packetId, reasonCodes: client.version === 5 ? reasonCodes : [] })
  })
}

/** 3.1.1 has one code for all failures ([MQTT-3.9.3-2]). */
const FAILURE = 0x80

/** As if the client had asked; it gets no answer, and nothing of what was. */
export function give(broker: Broker, client: SubscribingClient, filter: string): boolean {
  const wanted: Subscription = { filter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 2 }
  return grant(broker, client, { wanted, identifier: 0, packetId: 0, past: false }).reason < REASON.unspecifiedError
}

interface Wish {
  readonly wanted: Subscription
  readonly identifier: number
  /** Of the SUBSCRIBE. */
  readonly packetId: number
  /** Whether stored messages come first; true */
  readonly past?: boolean
}

function grant(broker: Broker, client: SubscribingClient, wish: Wish): Granted {
  const { limits, logger } = broker
  const { session, principal } = client
  const { wanted, identifier, packetId } = wish
  const { filter, noLocal, retainAsPublished, retainHandling } = wanted
  const refuse = (reason: ReasonCode, why: string): Granted => {
    // A filter of another grammar may hold a key.
    const shown = principal.ownTopics ? undefined : filter
    logger.debug({ clientId: session.clientId, filter: shown }, `mqtt: a subscription was refused: ${why}`)
    return { reason }
  }
  const problem = principal.ownTopics ? undefined : checkFilter(filter, { maxLevels: limits.topicLevels })
  if (problem !== undefined) return refuse(REASON.topicFilterInvalid, problem)
  const plan = principal.dialect.subscribe(principal, filter, wanted)
  if (plan.kind === 'refuse') {
    plan.tell?.(client.dialectConnection, packetId)
    return refuse(plan.reason, plan.why)
  }
  const { name = filter, qos, validUntil } = plan
  const isNew = !session.subscriptions.has(name)
  if (isNew && session.subscriptions.size >= limits.subscriptions) {
    return refuse(REASON.quotaExceeded, `the session has ${limits.subscriptions} subscriptions already`)
  }
  if (isNew && session.filterBytes + Buffer.byteLength(name) > limits.filterBytes) {
    return refuse(REASON.quotaExceeded, `the filters of the session have ${limits.filterBytes} bytes`)
  }
  const before = wish.past === false ? undefined : plan.before
  const terms = { qos, noLocal, retainAsPublished, identifier, validUntil }
  // As with retained messages, a member of a group gets its share of what is to come and nothing of what was.
  const isHeld = before !== undefined && plan.share === undefined
  const held = isHeld ? new HeldSubscription(session, terms, client.openings.holder) : undefined
  const subscription = held ?? new ClientSubscription(session, terms)
  broker.space(plan.space).subscribe(plan.filter, plan.share, subscription)
  // [MQTT-3.8.4-3]: the same filter again takes the place of the one before, which goes last: a shared group that were
  // empty in between would lose what waits in it.
  if (!isNew) dropSubscription(broker, session, name)
  session.setSubscription(name, subscription)
  const lsn = broker.keeper.subscribed(session, name, subscription)
  broker.timed.add(name, subscription)
  if (isNew) principal.dialect.subscribed?.(client.dialectConnection, name)
  const wantsRetained = plan.share === undefined && (retainHandling === 0 || (retainHandling === 1 && isNew))
  const find = wantsRetained ? retainedOf(broker, plan) : undefined
  return {
    reason: qos,
    lsn,
    past: held && before && pastOf(broker, plan, { name, held, terms, before }),
    replay: find && (() => replay(broker, client, find, terms)),
  }
}

interface Wanted {
  readonly name: string
  readonly held: HeldSubscription
  readonly terms: SubscriptionTerms
  readonly before: () => AsyncIterable<Publication>
}

/** Stored messages look as they did when they were live. */
function pastOf(broker: Broker, plan: Grant, { name, held, terms, before }: Wanted): Omit<Past, 'done'> {
  const { session } = held
  const isCurrent = (): boolean => session.subscriptions.get(name) === held
  return {
    subscription: held,
    before,
    isCurrent,
    send: (message) => sendOld(broker, session, message, terms, message.retain && terms.retainAsPublished),
    release: () => {
      if (!isCurrent()) return
      const space = broker.space(plan.space)
      const plain = new ClientSubscription(session, terms)
      space.subscribe(plan.filter, undefined, plain)
      space.unsubscribe(plan.filter, undefined, held)
      session.setSubscription(name, plain)
      broker.timed.remove(held)
      broker.timed.add(name, plain)
    },
  }
}

/** Those of now, whenever they are looked up: what comes later, the subscription brings itself. */
function retainedOf(broker: Broker, { space, filter }: Grant): FindRetained | undefined {
  const { retained } = broker.space(space)
  const { count, sets } = retained
  return count === 0 ? undefined : () => retained.match(filter, broker.now(), sets)
}

function replay(broker: Broker, client: SubscribingClient, find: FindRetained, terms: SubscriptionTerms): void {
  const { session } = client
  client.openings.replay(find, (message) => {
    // [MQTT-3.8.3-3]: docs/protocols/mqtt.md §6.7.
    if (terms.noLocal && message.publisher === session.key) return
    // [MQTT-3.3.1-8]: RETAIN tells that it is an old one.
    sendOld(broker, session, message, terms, true)
  })
}

function sendOld(
  { passing, delivery, now }: Broker,
  session: Session,
  message: Publication,
  { qos: granted, identifier }: SubscriptionTerms,
  retain: boolean,
): void {
  // [MQTT-3.3.2-5]: it may have waited for the client to read.
  if (message.expiresAt <= now()) return
  passing.beginAgain(message, 0)
  const qos = message.qos < granted ? message.qos : granted
  const identifiers = identifier === 0 ? undefined : [identifier]
  delivery.send(session, passing, { qos, retain, identifiers }, false)
  passing.end()
}

/** A session keeps what its client may still have: its rights may be others than when it subscribed. Gives what ended. */
export function recheck(broker: Broker, session: Session): readonly string[] {
  const { principal } = session
  const ended: string[] = []
  for (const [name, terms] of session.subscriptions) {
    if (mayKeep(principal, name, terms) || !dropSubscription(broker, session, name)) continue
    broker.keeper.unsubscribed(session, name)
    ended.push(name)
  }
  return ended
}

function mayKeep(principal: Principal, name: string, terms: SubscriptionTerms): boolean {
  const { dialect } = principal
  if (dialect.mayKeep) return dialect.mayKeep(principal, name)
  const { qos, noLocal, retainAsPublished } = terms
  return dialect.subscribe(principal, name, { qos, noLocal, retainAsPublished, retainHandling: 2 }).kind !== 'refuse'
}

type Leaving = Pick<SubscribingClient, 'session' | 'principal' | 'dialectConnection'>

/** The number of its record, 0 if it has none; `undefined` if there was no such subscription. */
export function endSubscription(broker: Broker, client: Leaving, filter: string): Lsn | undefined {
  if (!dropSubscription(broker, client.session, filter)) return undefined
  client.principal.dialect.unsubscribed?.(client.dialectConnection, filter)
  return broker.keeper.unsubscribed(client.session, filter)
}

function dropSubscription(broker: Broker, session: Session, filter: string): boolean {
  const { principal } = session
  const subscription = session.subscriptions.get(filter)
  if (subscription === undefined) return false
  session.removeSubscription(filter)
  broker.timed.remove(subscription)
  const plan = principal.dialect.unsubscribe(principal, filter)
  broker.space(plan.space).unsubscribe(plan.filter, plan.share, subscription)
  return true
}
