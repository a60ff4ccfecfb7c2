import { describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { Journal } from '../../domain/ports.ts'
import { SharedRow } from '../../domain/shared-row.ts'
import type { Broker } from '../broker.ts'
import type { Dialect, Principal } from '../dialect.ts'
import { sizeOfPublication } from '../publication.ts'
import { ClientSubscription, Session } from '../session.ts'
import type { Owed } from '../session.ts'
import type { DeliveryTerms } from '../link.ts'
import type { SharedGroup } from '../shared-group.ts'
import { SharedTail } from '../shared-tail.ts'
import type { Part } from '../shared-tail.ts'
import { LedgerDecoder } from './decoder.ts'
import type { KeptGroup, KeptSession } from './kept.ts'
import { isLedgerRecord } from './kinds.ts'
import type { Ledger } from './ledger.ts'
import type { Ordinal, OwedState, Owner } from './records.ts'
import { LedgerState } from './state.ts'

export interface Replayed {
  readonly state: LedgerState
  readonly bytes: number
}

/** Records are read in turns, so that a long journal does not stop the process. */
export async function replayLedger(journal: Journal, clock: Clock): Promise<Replayed> {
  const state = new LedgerState(clock)
  const decoder = new LedgerDecoder()
  let bytes = 0
  for await (const batch of journal.replay(0)) {
    for (const { payload } of batch) {
      if (!isLedgerRecord(payload)) continue
      bytes += payload.length
      state.apply(decoder.decode(payload))
    }
  }
  return { state, bytes }
}

export interface RestoreParts {
  readonly broker: Broker
  readonly ledger: Ledger
  readonly dialects: readonly Dialect[]
  readonly clock: Clock
  readonly logger: Logger
}

export interface Restored {
  readonly sessions: number
  readonly messages: number
  readonly retained: number
  /** Of accounts that are no more. */
  readonly forgotten: number
}

/** From the records to a broker that has done nothing yet. */
export async function restore(state: LedgerState, parts: RestoreParts): Promise<Restored> {
  const { broker } = parts
  const { store } = broker
  for (const [message, publication] of state.messages()) {
    store.restore(message, publication, sizeOfPublication(publication))
  }
  const groups = new Map<number, SharedGroup>()
  const sessions = new Map<KeptSession, Session>()
  let forgotten = 0
  for (const kept of state.sessions.values()) {
    const principal = await restoredPrincipal(kept.owner, parts)
    if (principal === undefined) {
      forgotten++
      parts.ledger.append({ kind: 'ended', session: kept.number })
      continue
    }
    sessions.set(kept, restoreSession(broker, state, kept, principal))
  }
  const named = lastOfEach(state.groups.values())
  for (const kept of state.groups.values()) {
    const group = named.has(kept) ? broker.space(kept.space).group(kept.share, kept.filter) : undefined
    if (group === undefined) {
      // Its members went with the process: the next group of its name has nothing of it.
      if (kept.backlog.size > 0) {
        parts.ledger.append({ kind: 'group-settled', group: kept.number, messages: [...kept.backlog] })
      }
      continue
    }
    group.restore(kept.number, [...kept.backlog])
    groups.set(kept.number, group)
  }
  for (const [kept, session] of sessions) restoreOwed(broker, session, kept, groups)
  restoreRows(broker, sessions)
  store.forgetUnheld(state.lastMessage)
  let retained = 0
  for (const [space, channel, publication] of state.retained()) {
    retained++
    broker.space(space).retained.restore(channel, publication, sizeOfPublication(publication))
  }
  for (const session of broker.sessions) {
    // Its time runs from here on, however often the hub starts again before its client is back.
    if (state.sessions.get(session.number)?.leftAt === undefined) parts.ledger.left(session)
  }
  await restoreWills(state, parts)
  return { sessions: broker.sessions.size, messages: store.count, retained, forgotten }
}

/** A group that was empty for a while has another number since. */
function lastOfEach(groups: Iterable<KeptGroup>): ReadonlySet<KeptGroup> {
  const named = Array.from(
    groups,
    (group) => [JSON.stringify([group.space, group.share, group.filter]), group] as const,
  )
  return new Set(new Map(named).values())
}

async function restoredPrincipal(owner: Owner, { dialects, logger }: RestoreParts): Promise<Principal | undefined> {
  const dialect = dialects.find(({ name }) => name === owner.dialect)
  try {
    return await dialect?.restore?.(owner)
  } catch (error) {
    logger.error({ err: error }, `mqtt: the account of a session could not be looked up: ${describeError(error)}`)
    throw error
  }
}

function restoreSession(broker: Broker, state: LedgerState, kept: KeptSession, principal: Principal): Session {
  const { number, owner, expiry, received } = kept
  const session = broker.sessions.create(principal, owner.clientId, broker.limits.window)
  session.number = number
  session.expiry = expiry
  session.leftAt = state.leftAt(kept) ?? broker.now()
  session.endsAt = session.leftAt + expiry * 1000
  for (const packetId of received) session.incoming.receive(packetId)
  for (const { filter: sent, ...terms } of state.subscriptions(kept)) {
    const { space, filter, share } = principal.dialect.unsubscribe(principal, sent)
    const subscription = new ClientSubscription(session, terms)
    session.setSubscription(sent, subscription)
    broker.space(space).restore(filter, share, subscription)
    broker.timed.add(sent, subscription)
  }
  return session
}

/** What may have been on the wire is in flight again, under the same packet identifiers; the rest waits. */
function restoreOwed(
  broker: Broker,
  session: Session,
  kept: KeptSession,
  groups: ReadonlyMap<number, SharedGroup>,
): void {
  const { store, limits } = broker
  const sent = kept.leftAt === undefined ? sentBefore(kept, limits.window) : kept.sent
  for (const one of kept.owed.values()) {
    if (one.ordinal < sent) {
      if (!store.share(one.message)) continue
      session.outgoing.restore(owedOf(one, groups), one.qos === 2 ? 2 : 1, one.ordinal, one.released)
      continue
    }
    if (session.queue.length === 0) session.next = one.ordinal
    fillUp(session, one.ordinal)
    const publication = store.get(one.message)
    if (publication && store.share(one.message)) session.enqueue(one.message, one, sizeOfPublication(publication))
    else fillUp(session, one.ordinal + 1)
  }
  if (session.queue.length === 0) session.next = kept.next
  fillUp(session, kept.next)
}

/** Whoever waited in a row with others does so again. */
function restoreRows({ store }: Broker, sessions: ReadonlyMap<KeptSession, Session>): void {
  const readers = new Map<SharedRow, { readonly session: Session; readonly part: Part }[]>()
  for (const [{ tail }, session] of sessions) {
    for (const part of tail?.parts ?? []) {
      const others = readers.get(part.row)
      if (others === undefined) readers.set(part.row, [{ session, part }])
      else others.push({ session, part })
    }
  }
  for (const [kept, found] of readers) {
    const row = new SharedRow((position) => store.release(position), kept.start)
    const last = found.reduce((most, { part }) => Math.max(most, part.to), 0)
    for (let place = kept.start; place < Math.min(kept.end, last); place++) {
      const position = kept.positionAt(place)
      const publication = store.get(position)
      // What lost its message keeps its place.
      if (publication !== undefined) store.share(position)
      row.push(position, publication === undefined ? 0 : sizeOfPublication(publication), kept.markAt(place))
    }
    for (const { session, part } of found) {
      const { from, to, terms } = part
      const tail = (session.tail ??= new SharedTail())
      tail.enter({ row, from, to, terms, home: undefined })
    }
    row.tidy()
  }
}

/** The queue has no gaps: what lost its message keeps its place. */
function fillUp(session: Session, next: Ordinal): void {
  while (session.next < next) session.enqueue(0, LOST, 0)
}

const LOST: DeliveryTerms = { qos: 1, retain: false, identifiers: undefined }

/**
 * It had a connection to the end: so many as its window may have been sent. More if of the first some were settled that
 * were not yet written so: what PUBREC came for was sent for certain, and must never be a PUBLISH again.
 */
function sentBefore({ owed, sent }: KeptSession, window: number): number {
  let left = window
  let last = sent
  for (const { ordinal, released } of owed.values()) {
    if (left-- > 0 || released) last = Math.max(last, ordinal + 1)
  }
  return last
}

function owedOf(
  { ordinal, message, retain, identifiers, group }: OwedState,
  groups: ReadonlyMap<number, SharedGroup>,
): Owed {
  return {
    ordinal,
    position: message,
    retain,
    group: groups.get(group),
    identifiers: identifiers.length > 0 ? identifiers : undefined,
  }
}

/** Connections that were open at the end did not say goodbye. */
async function restoreWills(state: LedgerState, parts: RestoreParts): Promise<void> {
  const { broker, ledger } = parts
  for (const will of state.wills.values()) {
    const { owner, publication, lifetime, delay } = will
    const message = { publication, lifetime, delay }
    ledger.willKept(message, will)
    const principal = await restoredPrincipal(owner, parts)
    if (principal === undefined) {
      ledger.willGone(message)
      continue
    }
    const session = broker.sessions.find(principal, owner.clientId) ?? new Session(owner.clientId, principal, 1)
    // One that is not there any more ended without its will: it is due now.
    broker.wills.left(message, session, session.leftAt)
  }
}
