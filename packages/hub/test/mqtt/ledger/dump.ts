import type { MqttServer } from '../../../src/mqtt/server.ts'
import type { Session } from '../../../src/mqtt/session.ts'
import type { Publication } from '../../../src/mqtt/publication.ts'
import { termsIn } from '../../../src/mqtt/shared-tail.ts'
import type { KeptStage } from './kept-stage.ts'
import type { Journal } from '../../../src/domain/ports.ts'

type Broker = MqttServer['broker']

/** What of an engine must last, in a form of which two can be compared. */
export interface Dump {
  readonly sessions: readonly object[]
  readonly groups: readonly object[]
  readonly retained: readonly object[]
  readonly wills: readonly object[]
}

/** Of whom nobody knows how much was on the wire when the process went: whoever was connected. */
export function connectedIn({ server }: KeptStage<Journal>): ReadonlySet<string> {
  return new Set([...server.broker.sessions].flatMap((one) => (one.link === undefined ? [] : one.clientId)))
}

/** `connected`: of the process whose state it is, or was. */
export function dumpOf({ server, ledger }: KeptStage<Journal>, connected: ReadonlySet<string>): Dump {
  const { broker } = server
  const kept = [...broker.sessions].filter(({ number }) => number !== 0)
  const [space] = broker.spaces
  return {
    sessions: kept.map((session) => dumpSession(broker, session, connected)).toSorted(byJson),
    groups: dumpGroups(broker, kept),
    retained: (space?.retained.topics() ?? [])
      .map((channel) => ({ channel, ...dumpMessage(space?.retained.get(channel)) }))
      .toSorted(byJson),
    wills: Array.from(ledger.wills, ({ owner, publication, lifetime, delay }) => ({
      who: owner.clientId,
      lifetime,
      delay,
      ...dumpMessage(publication),
    })).toSorted(byJson),
  }
}

/** What waits for a session, oldest first: in its queue, then what it shares with others. */
export function waitingOf({ queue, queuedIdentifiers, tail }: Session): {
  readonly position: number
  readonly qos: number
  readonly retain: boolean
  readonly identifiers: readonly number[]
}[] {
  const own = Array.from(queue.entries(), ([position, mark]) => ({
    position,
    qos: mark & 3,
    retain: (mark & 4) !== 0,
    identifiers: queuedIdentifiers.get(position) ?? [],
  }))
  const shared = Array.from(tail?.entries() ?? [], ({ position, mark, terms }) => {
    const { identifiers = [], ...rest } = termsIn(mark, terms)
    return { position, ...rest, identifiers }
  })
  return [...own, ...shared]
}

function dumpSession({ store }: Broker, session: Session, connected: ReadonlySet<string>): object {
  const { clientId, expiry, leftAt, next, sent, outgoing, tail, incoming, subscriptions } = session
  const isConnected = connected.has(clientId)
  let ordinal = sent
  const flying = outgoing.inFlight().map(({ packetId, qos, released, item }) => ({
    packetId,
    ordinal: item.ordinal,
    qos,
    released,
    retain: item.retain,
    identifiers: item.identifiers ?? [],
    waits: false,
    ...dumpMessage(store.get(item.position)),
  }))
  const waiting = waitingOf(session).map(({ position, ...terms }) => ({
    packetId: 1 + (ordinal % 65_535),
    ordinal: ordinal++,
    released: false,
    ...terms,
    waits: true,
    ...dumpMessage(store.get(position)),
  }))
  const owed = [...flying, ...waiting].toSorted((a, b) => a.ordinal - b.ordinal)
  return {
    clientId,
    expiry,
    leftAt: isConnected ? 'connected' : leftAt,
    next: next + (tail?.length ?? 0),
    owed: owed.map(({ waits, ...one }) => (isConnected ? one : { ...one, waits })),
    received: incoming.packetIds.toSorted((a, b) => a - b),
    subscriptions: Array.from(subscriptions, ([filter, one]) => ({
      filter,
      qos: one.qos,
      noLocal: one.noLocal,
      retainAsPublished: one.retainAsPublished,
      identifier: one.identifier,
      validUntil: String(one.validUntil),
    })).toSorted(byJson),
  }
}

/** Of groups with a member that lasts. */
function dumpGroups(broker: Broker, kept: readonly Session[]): object[] {
  const names = new Set<string>()
  for (const { principal, subscriptions } of kept) {
    for (const [sent, { qos }] of subscriptions) {
      const { filter, share } = principal.dialect.unsubscribe(principal, sent)
      if (share !== undefined && qos > 0) names.add(JSON.stringify([share, filter]))
    }
  }
  const found: object[] = []
  for (const { groups } of broker.spaces) {
    for (const { share, filter, unsettled } of groups) {
      if (!names.has(JSON.stringify([share, filter]))) continue
      found.push({
        share,
        filter, // In no order: what members that do not last have on the wire waits on the disk, among the others.
        waiting: unsettled.map((position) => dumpMessage(broker.store.get(position))).toSorted(byJson),
      })
    }
  }
  return found.toSorted(byJson)
}

function dumpMessage(publication: Publication | undefined): object {
  if (publication === undefined) return { lost: true }
  const { topic, payload, qos, retain, properties, expiresAt } = publication
  return {
    topic: topic.text,
    payload: Buffer.from(payload).toString().trim(),
    published: qos,
    asRetained: retain,
    properties,
    expiresAt: String(expiresAt),
  }
}

function byJson(a: object, b: object): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}
