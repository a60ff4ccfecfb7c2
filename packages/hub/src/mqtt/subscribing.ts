import { REASON, checkFilter, isShared } from '@halyard/wire/mqtt'
import type { Qos, Subscribe, Subscription, Unsubscribe } from '@halyard/wire/mqtt'
import type { Broker } from './broker.ts'
import type { ClientOutput } from './client-output.ts'
import type { DialectConnection, Principal, ReasonCode, SubscribePlan } from './dialect.ts'
import type { Link } from './link.ts'
import type { FindRetained } from './replays.ts'
import { ClientSubscription } from './session.ts'
import type { Session } from './session.ts'

export interface SubscribingClient extends Pick<Link, 'replay'> {
  readonly version: 3 | 4 | 5
  /** docs/protocols/mqtt.md §6.2 */
  readonly isBridge: boolean
  readonly session: Session
  readonly principal: Principal
  readonly dialectConnection: DialectConnection
  readonly output: ClientOutput
  close(reason: ReasonCode, why: string): void
}

interface Granted {
  readonly reason: ReasonCode
  /** What comes right behind the SUBACK. */
  readonly retained?: FindRetained | undefined
  readonly qos: Qos
}

/** SUBSCRIBE (§3.8): the answer has one code for each filter, in their order ([MQTT-3.8.4-6]). */
export function subscribe(broker: Broker, client: SubscribingClient, packet: Subscribe): void {
  const { packetId, subscriptions, properties } = packet
  const identifier = properties?.subscriptionIdentifier ?? 0
  // [MQTT-3.8.3-4]
  if (subscriptions.some(({ filter, noLocal }) => noLocal && isShared(filter))) {
    return client.close(REASON.protocolError, 'a shared subscription has No Local')
  }
  const granted = subscriptions.map((wanted) =>
    grant(broker, client, client.isBridge ? asBridge(wanted) : wanted, identifier),
  )
  const reasonCodes = granted.map(({ reason }) =>
    client.version === 5 || reason < REASON.unspecifiedError ? reason : FAILURE,
  )
  client.output.send({ type: 'suback', packetId, reasonCodes })
  for (const { retained, qos } of granted) if (retained) replay(broker, client, retained, qos, identifier)
}

/** Before 5.0 a bridge cannot say it, and means it: nothing of its own comes back, and what is retained stays so. */
function asBridge(wanted: Subscription): Subscription {
  return { ...wanted, noLocal: !isShared(wanted.filter), retainAsPublished: true }
}

/** UNSUBSCRIBE (§3.10). */
export function unsubscribe(broker: Broker, client: SubscribingClient, { packetId, filters }: Unsubscribe): void {
  const reasonCodes = filters.map((filter) =>
    endSubscription(broker, client, filter) ? REASON.success : REASON.noSubscriptionExisted,
  )
  // Before 5.0 UNSUBACK has no codes (3.1.1 §3.11.3).
  client.output.send({ type: 'unsuback', packetId, reasonCodes: client.version === 5 ? reasonCodes : [] })
}

/** 3.1.1 has one code for all failures ([MQTT-3.9.3-2]). */
const FAILURE = 0x80

function grant(broker: Broker, client: SubscribingClient, wanted: Subscription, identifier: number): Granted {
  const { limits, logger } = broker
  const { session, principal } = client
  const { filter, noLocal, retainAsPublished, retainHandling } = wanted
  const refuse = (reason: ReasonCode, why: string): Granted => {
    logger.debug({ clientId: session.clientId, filter }, `mqtt: a subscription was refused: ${why}`)
    return { reason, qos: 0 }
  }
  const problem = checkFilter(filter, { maxLevels: limits.topicLevels })
  if (problem !== undefined) return refuse(REASON.topicFilterInvalid, problem)
  const isNew = !session.subscriptions.has(filter)
  if (isNew && session.subscriptions.size >= limits.subscriptions) {
    return refuse(REASON.quotaExceeded, `the session has ${limits.subscriptions} subscriptions already`)
  }
  const plan = principal.dialect.subscribe(principal, filter, wanted)
  if (plan.kind === 'refuse') return refuse(plan.reason, plan.why)
  const { qos, validUntil } = plan
  const subscription = new ClientSubscription(session, { qos, noLocal, retainAsPublished, identifier, validUntil })
  broker.space(plan.space).subscribe(plan.filter, plan.share, subscription)
  // [MQTT-3.8.4-3]: the same filter again takes the place of the one before, which goes last: a shared group that were
  // empty in between would lose what waits in it.
  if (!isNew) dropSubscription(broker, session, filter)
  session.subscriptions.set(filter, subscription)
  broker.endInTime(filter, subscription)
  if (isNew) principal.dialect.subscribed?.(client.dialectConnection, filter)
  const wantsRetained = plan.share === undefined && (retainHandling === 0 || (retainHandling === 1 && isNew))
  return { reason: qos, retained: wantsRetained ? retainedOf(broker, plan) : undefined, qos }
}

/** Those of now, whenever they are looked up: what comes later, the subscription brings itself. */
function retainedOf(
  broker: Broker,
  { space, filter }: Extract<SubscribePlan, { kind: 'subscribe' }>,
): FindRetained | undefined {
  const { retained } = broker.space(space)
  const { count, sets } = retained
  return count === 0 ? undefined : () => retained.match(filter, broker.now(), sets)
}

function replay(broker: Broker, client: SubscribingClient, find: FindRetained, granted: Qos, identifier: number): void {
  const identifiers = identifier === 0 ? undefined : [identifier]
  const { passing, delivery } = broker
  client.replay(find, (message) => {
    // [MQTT-3.3.2-5]: it may have waited for the client to read.
    if (message.expiresAt <= broker.now()) return
    passing.beginAgain(message, 0)
    // [MQTT-3.3.1-8]: RETAIN tells that it is an old one.
    const terms = { qos: message.qos < granted ? message.qos : granted, retain: true, identifiers }
    delivery.send(client.session, passing, terms, false)
    passing.end()
  })
}

/** A session keeps what its client may still have: its rights may be others than when it subscribed. */
export function recheck(broker: Broker, session: Session): void {
  const { principal } = session
  for (const [filter, { qos, noLocal, retainAsPublished }] of session.subscriptions) {
    const plan = principal.dialect.subscribe(principal, filter, { qos, noLocal, retainAsPublished, retainHandling: 2 })
    if (plan.kind === 'refuse') dropSubscription(broker, session, filter)
  }
}

type Leaving = Pick<SubscribingClient, 'session' | 'principal' | 'dialectConnection'>

/** False if there was none. */
export function endSubscription(broker: Broker, client: Leaving, filter: string): boolean {
  if (!dropSubscription(broker, client.session, filter)) return false
  client.principal.dialect.unsubscribed?.(client.dialectConnection, filter)
  return true
}

function dropSubscription(broker: Broker, session: Session, filter: string): boolean {
  const { principal } = session
  const subscription = session.subscriptions.get(filter)
  if (subscription === undefined) return false
  session.subscriptions.delete(filter)
  const plan = principal.dialect.unsubscribe(principal, filter)
  broker.space(plan.space).unsubscribe(plan.filter, plan.share, subscription)
  return true
}
