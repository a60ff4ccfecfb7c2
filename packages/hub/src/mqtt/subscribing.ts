import { REASON, checkFilter, isShared } from '@halyard/wire/mqtt'
import type { Qos, Subscribe, Subscription, Unsubscribe } from '@halyard/wire/mqtt'
import type { Broker } from './broker.ts'
import type { Principal, ReasonCode, SubscribePlan } from './dialect.ts'
import type { Link } from './link.ts'
import type { Publication } from './publication.ts'
import { ClientSubscription } from './session.ts'
import type { Session } from './session.ts'

export interface SubscribingClient {
  readonly version: 3 | 4 | 5
  /** docs/protocols/mqtt.md §6.2 */
  readonly isBridge: boolean
  readonly session: Session
  readonly principal: Principal
  readonly link: Link
  suback(packetId: number, reasons: readonly ReasonCode[]): void
  unsuback(packetId: number, reasons: readonly ReasonCode[]): void
  close(reason: ReasonCode, why: string): void
}

interface Granted {
  readonly reason: ReasonCode
  /** What comes right behind the SUBACK. */
  readonly retained: readonly Publication[]
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
  client.suback(
    packetId,
    granted.map(({ reason }) => (client.version === 5 || reason < REASON.unspecifiedError ? reason : FAILURE)),
  )
  for (const { retained, qos } of granted) if (retained.length > 0) replay(broker, client, retained, qos, identifier)
}

/** Before 5.0 a bridge cannot say it, and means it: nothing of its own comes back, and what is retained stays so. */
function asBridge(wanted: Subscription): Subscription {
  return { ...wanted, noLocal: !isShared(wanted.filter), retainAsPublished: true }
}

/** UNSUBSCRIBE (§3.10). */
export function unsubscribe(broker: Broker, client: SubscribingClient, { packetId, filters }: Unsubscribe): void {
  client.unsuback(
    packetId,
    filters.map((filter) => (dropSubscription(broker, client, filter) ? REASON.success : REASON.noSubscriptionExisted)),
  )
}

/** 3.1.1 has one code for all failures ([MQTT-3.9.3-2]). */
const FAILURE = 0x80

function grant(broker: Broker, client: SubscribingClient, wanted: Subscription, identifier: number): Granted {
  const { limits, logger } = broker
  const { session, principal } = client
  const { filter, noLocal, retainAsPublished, retainHandling } = wanted
  const refuse = (reason: ReasonCode, why: string): Granted => {
    logger.debug({ clientId: session.clientId, filter }, `mqtt: a subscription was refused: ${why}`)
    return { reason, retained: [], qos: 0 }
  }
  const problem = checkFilter(filter, { maxLevels: limits.topicLevels })
  if (problem !== undefined) return refuse(REASON.topicFilterInvalid, problem)
  const isNew = !session.subscriptions.has(filter)
  if (isNew && session.subscriptions.size >= limits.subscriptions) {
    return refuse(REASON.quotaExceeded, `the session has ${limits.subscriptions} subscriptions already`)
  }
  const plan = principal.dialect.subscribe(principal, filter, wanted)
  if (plan.kind === 'refuse') return refuse(plan.reason, plan.why)
  // [MQTT-3.8.4-3]: the same filter again takes the place of the one before.
  if (!isNew) dropSubscription(broker, client, filter)
  const { qos, validUntil } = plan
  const subscription = new ClientSubscription(session, { qos, noLocal, retainAsPublished, identifier, validUntil })
  session.subscriptions.set(filter, subscription)
  broker.space(plan.space).subscribe(plan.filter, plan.share, subscription)
  const wantsRetained = plan.share === undefined && (retainHandling === 0 || (retainHandling === 1 && isNew))
  return { reason: qos, retained: wantsRetained ? retainedOf(broker, plan) : [], qos }
}

function retainedOf(broker: Broker, { space, filter }: Extract<SubscribePlan, { kind: 'subscribe' }>): Publication[] {
  return broker.space(space).retained.match(filter, broker.now())
}

function replay(
  broker: Broker,
  { session, link }: SubscribingClient,
  messages: readonly Publication[],
  granted: Qos,
  identifier: number,
): void {
  const identifiers = identifier === 0 ? undefined : [identifier]
  const { passing, delivery } = broker
  link.replay(messages, (message) => {
    passing.beginAgain(message, 0)
    // [MQTT-3.3.1-8]: RETAIN tells that it is an old one.
    const terms = { qos: message.qos < granted ? message.qos : granted, retain: true, identifiers }
    delivery.send(session, passing, terms, false)
    passing.end()
  })
}

/** False if there was none. */
export function dropSubscription(
  broker: Broker,
  { session, principal }: Pick<SubscribingClient, 'session' | 'principal'>,
  filter: string,
): boolean {
  const subscription = session.subscriptions.get(filter)
  if (subscription === undefined) return false
  session.subscriptions.delete(filter)
  const plan = principal.dialect.unsubscribe(principal, filter)
  broker.space(plan.space).unsubscribe(plan.filter, plan.share, subscription)
  return true
}
