import { REASON, countLevels } from '@halyard/wire/mqtt'
import type { IncomingPublish, PublishProperties, TopicName } from '@halyard/wire/mqtt'
import { Answers } from './answers.ts'
import type { Broker } from './broker.ts'
import type { DialectConnection, Principal, PublishPlan, ReasonCode } from './dialect.ts'
import type { Lsn } from '../domain/ports.ts'
import type { ForwardedProperties } from './publication.ts'
import { UNKEPT } from './keeper.ts'
import { topicOf } from './publication.ts'
import type { Session } from './session.ts'
import type { Space } from './space.ts'
import type { Targets } from './targets.ts'

/** What publishing needs of its connection. */
export interface PublishingClient {
  readonly version: 3 | 4 | 5
  readonly isOpen: boolean
  readonly session: Session
  readonly principal: Principal
  readonly dialectConnection: DialectConnection
  /** PUBACK or PUBREC, as the QoS wants. Their order is {@link Answers}' affair. */
  acknowledge(qos: 1 | 2, packetId: number, reason: ReasonCode): void
  close(reason: ReasonCode, why: string): void
}

type Routed = Extract<PublishPlan, { kind: 'route' }>

/** What a dialect said of a topic, and whom the index gave for it. */
interface Route {
  readonly plan: PublishPlan
  /** Of the principal, when the plan was made. */
  readonly epoch: number
  readonly space: Space | undefined
  /** As subscribers see it. */
  readonly topic: TopicName
  targets: Targets | undefined
}

/** Topics that a connection publishes to and that are remembered; then all are forgotten and learnt anew. */
const REMEMBERED = 4096
/** Longer topics are planned each time: what is remembered stays small, whatever a client sends. */
const REMEMBERED_CHARACTERS = 256

/** PUBLISH as it comes in (§3.3): alias, plan, acknowledgement. One for each connection that publishes. */
export class Publishing {
  readonly #broker: Broker
  readonly #client: PublishingClient
  readonly #routes = new Map<string, Route>()
  /** [MQTT-3.3.2-8]: what a client has named stays until its connection ends. */
  #aliases: Map<number, TopicName> | undefined
  readonly #answers: Answers
  #lastTopic: TopicName | undefined
  #lastRoute: Route | undefined

  constructor(broker: Broker, client: PublishingClient) {
    this.#broker = broker
    this.#client = client
    this.#answers = new Answers(broker.keeper, {
      send: (qos, packetId, reason) => client.acknowledge(qos, packetId, reason),
      failed: (packetId) => {
        if (client.version === 5) client.acknowledge(1, packetId, REASON.quotaExceeded)
        else client.close(REASON.quotaExceeded, 'its message could not be stored')
      },
    })
  }

  /** So much waits for an answer that no more should be read. */
  get isBusy(): boolean {
    return this.#answers.size >= this.#broker.limits.receiveMaximum
  }

  /** Before 5.0 there is no Receive Maximum to keep to; and whoever waits for a slow disk should bring it no more. */
  get isTooMuch(): boolean {
    if (this.#answers.size === 0) return false
    return (this.isBusy && this.#client.version !== 5) || this.#broker.keeper.isBehind
  }

  /** Valid until it returns: what lasts is copied. */
  receive(packet: IncomingPublish): void {
    const { counters } = this.#broker
    counters.publishReceived++
    counters.publishBytesReceived += packet.payloadEnd - packet.payloadAt
    // [MQTT-3.3.4-7]. Before 5.0 there is no such number: no more is read until they are fewer.
    if (packet.qos > 0 && this.isBusy && this.#client.version === 5) {
      return this.#client.close(REASON.receiveMaximumExceeded, 'too many messages wait for their acknowledgement')
    }
    const topic = this.#resolve(packet)
    if (topic === undefined) return
    const route = this.#routeOf(topic, packet)
    switch (route.plan.kind) {
      case 'route':
        return this.#pass(packet, route, route.plan)
      case 'request':
        return this.#request(packet, topic, route.plan)
      case 'refuse':
        return this.#refuse(packet, topic, route.plan)
    }
  }

  /** `undefined`: the connection was closed. */
  #resolve({ topic, properties }: IncomingPublish): TopicName | undefined {
    const { topicAlias } = properties
    if (topicAlias === undefined) return topic
    const { topicAliases } = this.#broker.limits
    // [MQTT-3.3.2-8], [MQTT-3.3.2-9]
    if (topicAlias === 0 || topicAlias > topicAliases) {
      this.#client.close(REASON.topicAliasInvalid, `the topic alias ${topicAlias} is not between 1 and ${topicAliases}`)
      return undefined
    }
    if (topic.text !== '') {
      this.#aliases ??= new Map()
      this.#aliases.set(topicAlias, topic)
      return topic
    }
    const known = this.#aliases?.get(topicAlias)
    // §3.3.4: an alias without a topic that was never set.
    if (known === undefined)
      this.#client.close(REASON.protocolError, `the topic alias ${topicAlias} stands for nothing`)
    return known
  }

  #routeOf(topic: TopicName, packet: IncomingPublish): Route {
    const { principal } = this.#client
    if (topic === this.#lastTopic && this.#lastRoute !== undefined && this.#isGood(this.#lastRoute, principal)) {
      return this.#lastRoute
    }
    if (topic.text.length > REMEMBERED_CHARACTERS) return this.#plan(topic, packet, principal)
    let route = this.#routes.get(topic.text)
    if (route === undefined || !this.#isGood(route, principal)) {
      route = this.#plan(topic, packet, principal)
      if (this.#routes.size >= REMEMBERED) this.#routes.clear()
      this.#routes.set(topic.text, route)
    }
    this.#lastTopic = topic
    this.#lastRoute = route
    return route
  }

  #isGood({ plan, epoch }: Route, principal: Principal): boolean {
    if (epoch !== principal.epoch) return false
    if (plan.kind === 'refuse') return true
    const { validUntil = Infinity } = plan
    return validUntil === Infinity || this.#broker.now() < validUntil
  }

  #plan(topic: TopicName, { qos, retain }: IncomingPublish, principal: Principal): Route {
    const { limits } = this.#broker
    const levels = countLevels(topic.text)
    const plan: PublishPlan =
      levels > limits.topicLevels && principal.ownTopics !== true
        ? {
            kind: 'refuse',
            reason: REASON.topicNameInvalid,
            acknowledged: false,
            why: `its topic has ${levels} levels, more than ${limits.topicLevels}`,
          }
        : principal.dialect.plan(principal, topic.text, { qos, retain })
    const isRoute = plan.kind === 'route'
    return {
      plan,
      epoch: principal.epoch,
      space: isRoute ? this.#broker.space(plan.space) : undefined,
      topic: isRoute && plan.topic !== topic.text ? topicOf(plan.topic) : topic,
      targets: undefined,
    }
  }

  #pass(packet: IncomingPublish, route: Route, plan: Routed): void {
    const { qos, packetId } = packet
    const { session } = this.#client
    const space = route.space as Space
    if (qos === 2 && !this.#takeOver(packetId)) return
    const broker = this.#broker
    const { passing, router, limits } = broker
    passing.begin(route.topic, packet.bytes, packet.payloadAt, packet.payloadEnd)
    passing.qos = qos
    passing.retain = packet.retain
    const { properties } = packet
    if (hasAny(properties)) {
      passing.forwarded = forwarded(properties)
      const { messageExpiryInterval } = properties
      if (messageExpiryInterval !== undefined) {
        passing.expiresAt = this.#broker.now() + messageExpiryInterval * 1000
      }
    }
    if (packet.retain) passing.publisher = session.key
    if (route.targets === undefined || route.targets.epoch !== space.epoch) {
      route.targets = space.targets(plan.channel)
    }
    const { targets } = route
    let reason: ReasonCode = REASON.success
    const retains = packet.retain && plan.mayRetain
    const isRetained = retains && router.mayRetain(passing, space, plan.channel)
    if (retains && !isRetained) reason = REASON.quotaExceeded
    const retained = isRetained ? { space: plan.space, channel: plan.channel } : undefined
    const written = broker.kept({
      targets,
      from: session,
      echo: plan.echo,
      packetId: qos === 2 ? packetId : 0,
      retained,
    })
    if (written === UNKEPT && qos > 0) {
      broker.passed()
      return this.#unkept(qos as 1 | 2, packetId)
    }
    const seconds = packet.retain ? (plan.storeRetained ?? plan.store) : plan.store
    const kept = seconds > 0 ? this.#keep(packet, plan, seconds) : undefined
    if (isRetained) router.retain(passing, space, plan.channel)
    const routed = router.route(passing, targets, session, plan.echo, plan.once)
    const { owedAt } = passing
    broker.passed()
    if (qos === 0) return
    if (owedAt === UNKEPT) return this.#unkept(qos, packetId)
    const lsn = Math.max(written, owedAt)
    if (routed === 'rejected') reason = REASON.quotaExceeded
    const isRejected = routed === 'rejected' || (reason !== REASON.success && limits.overflow === 'reject')
    // Before 5.0 there is no PUBACK that says no: without one the client keeps its message.
    if (isRejected && this.#client.version !== 5) {
      if (qos === 2) this.#giveUp(packetId)
      return this.#client.close(reason, 'a queue or the retained messages are full')
    }
    if (reason === REASON.success && routed === 'nobody') reason = REASON.noMatchingSubscribers
    if (kept !== undefined) broker.keeper.when(lsn, (error) => kept(error ? REASON.quotaExceeded : reason))
    else if (lsn === 0) this.#answer(qos, packetId, reason)
    else if (qos === 1) this.#answers.giveAt(lsn, packetId, reason)
    else {
      const settle = this.#later(2, packetId)
      broker.keeper.when(lsn, (error) => settle(error ? REASON.quotaExceeded : reason))
    }
  }

  /** The journal takes nothing. */
  #unkept(qos: 1 | 2, packetId: number): void {
    if (qos === 2) this.#client.session.incoming.release(packetId)
    if (this.#client.version !== 5) return this.#client.close(REASON.quotaExceeded, 'its message could not be stored')
    this.#answer(qos, packetId, REASON.quotaExceeded)
  }

  /** Into the history. Gives what is to be called with the reason code: the answer leaves when both are known. */
  #keep(
    { qos, packetId }: IncomingPublish,
    { space, channel }: Routed,
    seconds: number,
  ): ((reason: ReasonCode) => void) | undefined {
    if (qos === 0) {
      this.#broker.keep(space, channel, seconds, this.#broker.unacknowledged)
      return undefined
    }
    const settle = this.#later(qos, packetId)
    let routed: ReasonCode | undefined
    let kept: ReasonCode | undefined
    // Never in the middle of the message, whenever the history knows.
    const finish = (): void => {
      if (routed !== undefined && kept !== undefined) settle(kept === REASON.success ? routed : kept)
    }
    this.#broker.keep(space, channel, seconds, {
      kept: () => {
        kept = REASON.success
        finish()
      },
      failed: (error) => {
        this.#broker.unacknowledged.failed(error)
        kept = REASON.quotaExceeded
        finish()
      },
    })
    return (reason) => {
      routed = reason
      finish()
    }
  }

  /** The answer has its place behind the others. Gives what sends it; QoS 2 is settled for the session, whoever is there. */
  #later(qos: 1 | 2, packetId: number): (reason: ReasonCode) => void {
    const { keeping } = this.#client.session
    if (qos === 1) return this.#place(1, packetId)
    keeping.begin(packetId, this.#place(2, packetId))
    return (reason) => {
      const lsn = reason >= REASON.unspecifiedError ? this.#giveUp(packetId) : 0
      // Its client may use the identifier again as soon as it has the PUBREC.
      this.#broker.keeper.when(lsn, () => keeping.settle(packetId, reason))
    }
  }

  #place(qos: 1 | 2, packetId: number): (reason: ReasonCode) => void {
    const answer = this.#answers.open(qos, packetId)
    return (reason) => {
      if (!this.#client.isOpen) return
      // As above.
      if (reason >= REASON.unspecifiedError && this.#client.version !== 5) {
        return this.#client.close(reason, 'its message could not be stored')
      }
      this.#answers.settle(answer, reason)
    }
  }

  /** QoS 2. False: it has come before and is acknowledged again ([MQTT-4.3.3-10]), or is one too many. */
  #takeOver(packetId: number): boolean {
    const { session } = this.#client
    const { incoming } = session
    if (session.isKeeping(packetId)) {
      session.keeping.begin(packetId, this.#place(2, packetId))
      return false
    }
    const { receiveMaximum } = this.#broker.limits
    if (incoming.receive(packetId)) {
      // Before 5.0 there is no such number to keep to: its packet identifiers are the limit.
      if (incoming.size <= receiveMaximum || this.#client.version !== 5) return true
      // [MQTT-3.3.4-7]
      incoming.release(packetId)
      this.#client.close(REASON.receiveMaximumExceeded, `more than ${receiveMaximum} messages of QoS 2 are in flight`)
      return false
    }
    this.#answers.give(2, packetId, REASON.success)
    return false
  }

  #request(packet: IncomingPublish, topic: TopicName, plan: Extract<PublishPlan, { kind: 'request' }>): void {
    const { qos, packetId } = packet
    if (qos === 2 && !this.#takeOver(packetId)) return
    const settle = qos === 0 ? undefined : this.#place(qos, packetId)
    let isDone = false
    plan.handle({
      connection: this.#client.dialectConnection,
      topic: topic.text,
      payload: packet.copyPayload(),
      qos,
      packetId,
      done: (reason = REASON.success) => {
        if (isDone) return
        isDone = true
        // Before 5.0 there is no answer that says no.
        const told = this.#client.version === 5 ? reason : REASON.success
        if (qos === 2 && told >= REASON.unspecifiedError) this.#giveUp(packetId)
        settle?.(told)
      },
    })
  }

  #refuse({ qos, packetId }: IncomingPublish, topic: TopicName, plan: Extract<PublishPlan, { kind: 'refuse' }>): void {
    const { logger } = this.#broker
    const { session, version } = this.#client
    logger.debug({ clientId: session.clientId, topic: topic.text }, `mqtt: a message was refused: ${plan.why}`)
    // [MQTT-3.3.5-2] of 3.1.1: acknowledged as if all were well, or the connection ends.
    if (version !== 5 && !plan.acknowledged) return this.#client.close(plan.reason, plan.why)
    if (qos === 0) return
    this.#answers.give(qos, packetId, version === 5 ? plan.reason : REASON.success)
  }

  /** A failure ends a message of QoS 2 at once: no PUBREL comes for it (§4.3.3). */
  #answer(qos: 1 | 2, packetId: number, reason: ReasonCode): void {
    if (qos === 2 && reason >= REASON.unspecifiedError) this.#giveUp(packetId)
    this.#answers.give(qos, packetId, reason)
  }

  /**
   * A message of QoS 2 that is not taken: its record may have the receipt, for which the next one would be the same. Gives
   * the number to wait for.
   */
  #giveUp(packetId: number): Lsn {
    const { session } = this.#client
    return session.incoming.release(packetId) ? this.#broker.keeper.released(session, packetId) : 0
  }
}

function hasAny(properties: PublishProperties): boolean {
  for (const _ in properties) return true
  return false
}

function forwarded(properties: PublishProperties): ForwardedProperties | undefined {
  const { topicAlias: _alias, messageExpiryInterval: _expiry, subscriptionIdentifiers: _ids, ...rest } = properties
  return hasAny(rest) ? rest : undefined
}
