import { randomUUID } from 'node:crypto'
import { REASON, checkTopicName } from '@halyard/wire/mqtt'
import type { ConnackProperties, Connect, Will } from '@halyard/wire/mqtt'
import type { Broker } from './broker.ts'
import type { Lsn } from '../domain/ports.ts'
import type { Login, Principal, ReasonCode } from './dialect.ts'
import { topicOf } from './publication.ts'
import type { ForwardedProperties } from './publication.ts'
import type { MqttLimits } from './limits.ts'
import type { Session } from './session.ts'
import type { Transport } from '../domain/transport.ts'
import type { WillMessage } from './wills.ts'

/** Why a CONNECT is refused before anybody is asked who it is. */
export interface Objection {
  readonly reason: ReasonCode
  readonly why: string
}

/** What the standard itself has against it (§3.1). */
export function objectionTo(connect: Connect, maxLevels: number): Objection | undefined {
  const { version, clientId, cleanStart, will } = connect
  // [MQTT-3.1.3-8] of 3.1.1: no client id, and a session that is to last.
  if (clientId === '' && !cleanStart && version !== 5) {
    return { reason: REASON.clientIdentifierNotValid, why: 'it has no client id and wants a session that lasts' }
  }
  const problem = will && checkTopicName(will.topic, { maxLevels })
  if (problem !== undefined) return { reason: REASON.topicNameInvalid, why: `the topic of its will: ${problem}` }
  return undefined
}

export function loginOf(connect: Connect, transport: Transport): Login {
  const { version, clientId, username, password, cleanStart } = connect
  const { peer, door, kind, certificateName } = transport
  return {
    version,
    clientId,
    username,
    password,
    cleanStart,
    address: peer.address,
    door,
    transport: kind,
    certificateName,
  }
}

export interface Opened {
  readonly session: Session
  /** [MQTT-3.2.2-2], [MQTT-3.2.2-3] */
  readonly isPresent: boolean
  readonly keepAlive: number
  readonly properties: ConnackProperties
}

/** Ends what the client has if it wants a new one; the number to wait for before it is told that it has none, 0: none. */
export function endBefore(broker: Broker, { clientId, cleanStart }: Connect, principal: Principal): Lsn {
  const { sessions } = broker
  if (cleanStart) {
    sessions.find(principal, clientId)?.link?.takenOver()
    const session = sessions.find(principal, clientId)
    if (session !== undefined) broker.end(session)
  }
  // It may have ended over a connection that has gone, by a record that does not last yet.
  return sessions.find(principal, clientId) === undefined ? broker.endOf(principal, clientId) : 0
}

/** Finds or makes the session, and takes it over from whoever has it ([MQTT-3.1.4-3]). */
export function openSession(broker: Broker, connect: Connect, principal: Principal): Opened | Objection {
  const { sessions, limits } = broker
  const assigned = connect.clientId === '' ? randomUUID() : undefined
  const clientId = assigned ?? connect.clientId
  const asked = connect.properties ?? {}
  const expiry = expiryOf(broker, connect, principal)
  const window = Math.min(limits.window, asked.receiveMaximum ?? MAX_RECEIVE)

  let session = sessions.find(principal, clientId)
  session?.link?.takenOver()
  // A session that ended with its connection has gone by now; any other is gone if a new one is wanted ([MQTT-3.1.2-4]).
  session = sessions.find(principal, clientId)
  if (session !== undefined && connect.cleanStart) {
    broker.end(session)
    session = undefined
  }
  const isPresent = session !== undefined
  if (session === undefined) {
    if (sessions.size >= limits.sessions)
      return { reason: REASON.quotaExceeded, why: `there are ${limits.sessions} sessions` }
    session = sessions.create(principal, clientId, window)
  } else {
    broker.sharing.returned(session)
    session.outgoing.resize(window)
  }
  session.principal = principal
  session.expiry = expiry
  session.endsAt = Infinity
  if (!session.lasts) {
    broker.delivery.lend(session)
    broker.endsInJournal(session)
  } else if (session.number === 0) {
    broker.keeper.began(session)
  } else {
    broker.keeper.returned(session)
  }
  broker.wills.returned(session)
  const { dropped } = session
  session.dropped = 0
  if (dropped > 0) broker.logger.info({ clientId, dropped }, 'mqtt: a client is back whose queue has lost messages')

  const keepAlive = keepAliveOf(connect, limits)
  return {
    session,
    isPresent,
    keepAlive,
    properties: told(broker, connect, { assigned, expiry, keepAlive, principal, dropped }),
  }
}

/** What 5.0 tells in CONNACK: only what is not as the client would think. */
function told(
  { limits }: Broker,
  connect: Connect,
  granted: {
    readonly assigned: string | undefined
    readonly expiry: number
    readonly keepAlive: number
    readonly principal: Principal
    readonly dropped: number
  },
): ConnackProperties {
  if (connect.version !== 5) return {}
  const { assigned, expiry, keepAlive, principal, dropped } = granted
  return {
    ...(expiry !== (connect.properties?.sessionExpiryInterval ?? 0) && { sessionExpiryInterval: expiry }),
    ...(assigned !== undefined && { assignedClientIdentifier: assigned }),
    // [MQTT-3.1.2-21]
    ...(keepAlive !== connect.keepAlive && { serverKeepAlive: keepAlive }),
    receiveMaximum: limits.receiveMaximum,
    maximumPacketSize: principal.packetBytes ?? limits.packetBytes,
    topicAliasMaximum: limits.topicAliases,
    // §3.1.2.11.7: in CONNACK also for those who want no problem information.
    ...(dropped > 0 && { userProperties: [['halyard-dropped', String(dropped)]] as const }),
  }
}

/** Seconds; 0: none. Only a client of 5.0 can be told of a shorter one than it asks for ([MQTT-3.1.2-21]). */
function keepAliveOf({ version, keepAlive }: Connect, limits: MqttLimits): number {
  if (version !== 5 || limits.keepAlive >= MAX_KEEP_ALIVE) return keepAlive
  return keepAlive === 0 ? limits.keepAlive : Math.min(keepAlive, limits.keepAlive)
}

/** Seconds. Before 5.0 a session that is not clean lasts as long as the hub lets it. */
function expiryOf({ limits }: Broker, { version, cleanStart, properties }: Connect, principal: Principal): number {
  if (!principal.mayPersist) return 0
  if (version !== 5) return cleanStart ? 0 : limits.sessionExpiry
  return Math.min(properties?.sessionExpiryInterval ?? 0, limits.sessionExpiry)
}

/** The payload and the properties are copies already. */
export function willOf(will: Will | undefined, principal: Principal): WillMessage | undefined {
  if (will === undefined) return undefined
  const {
    willDelayInterval: delay = 0,
    messageExpiryInterval: lifetime = Infinity,
    ...properties
  } = will.properties ?? {}
  const { topic, payload, qos, retain } = will
  const isEmpty = Object.keys(properties).length === 0
  const kept: ForwardedProperties | undefined = isEmpty ? undefined : properties
  const name = principal.dialect.nameWill?.(principal, topic) ?? topic
  const publication = { topic: topicOf(name), payload, qos, retain, properties: kept, expiresAt: Infinity }
  return { publication, lifetime, delay }
}

const MAX_RECEIVE = 65_535
const MAX_KEEP_ALIVE = 65_535
