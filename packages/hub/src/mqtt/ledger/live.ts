/** What lives in the engine, as the ledger's records have it. */
import type { Qos } from '@halyard/wire/mqtt'
import type { SharedRow } from '../../domain/shared-row.ts'
import type { DeliveryTerms } from '../link.ts'
import { MARK_IDENTIFIERS, MARK_RETAIN } from '../session.ts'
import type { ClientSubscription, Group, Session } from '../session.ts'
import type { GroupState, LedgerRecord, OwedState, Owner, RowMessage, SubscriptionState, Terms } from './records.ts'

/** Bytes of one record, about, for what a session is owed: what it is owed beyond them follows in others. */
const MOST_OWED = 4 * 1024 * 1024
/** The same for its filters. */
const MOST_FILTERS = 4 * 1024 * 1024
/** Numbers and flags of one message, at the most; a subscription identifier has four. */
const OWED_BYTES = 26
const NONE: readonly number[] = []

export function ownerOf({ principal, clientId }: Pick<Session, 'principal' | 'clientId'>): Owner {
  const { dialect, space, account, name } = principal
  return { dialect: dialect.name, space, account, name, clientId }
}

export function subscriptionState(filter: string, subscription: ClientSubscription): SubscriptionState {
  const { qos, noLocal, retainAsPublished, identifier, validUntil } = subscription
  return { filter, qos, noLocal, retainAsPublished, identifier, validUntil }
}

/**
 * What was not written of a row since `from`; it may be in parts. `to`: of no more. Each twice, as many sessions hang on it:
 * a damaged record takes no more with it than itself.
 */
export function rowRecords(number: number, row: SharedRow, from: number, to: number): LedgerRecord[] {
  const messages: RowMessage[] = []
  for (let place = from; place < to; place++) {
    const mark = row.markAt(place)
    messages.push({ message: row.positionAt(place), qos: (mark & 3) as Qos, retain: (mark & MARK_RETAIN) !== 0 })
  }
  const record: LedgerRecord = { kind: 'row', row: number, first: from, messages }
  return [record, record]
}

/** What it shares with others: the end of {@link sessionRecords}. `numberOf`: of rows that were written as far as they go. */
export function waitsRecords({ number, tail }: Session, numberOf: (row: SharedRow) => number): LedgerRecord[] {
  if (tail === undefined || tail.parts.length === 0) return []
  const rows = tail.parts.map(({ row, from, to, terms }) => {
    const { qos, retainAsPublished, identifiers = [] } = terms
    return { row: numberOf(row), from, to: Math.min(to, row.end), qos, retainAsPublished, identifiers }
  })
  return [{ kind: 'waits', session: number, rows }]
}

/**
 * All of a session, written without anything between. `leftAt`: monotonic ms; `undefined`: it has a connection. `waits`:
 * what it shares with others.
 */
export function sessionRecords(
  session: Session,
  leftAt: number | undefined,
  waits: readonly LedgerRecord[] = [],
): LedgerRecord[] {
  const { number, expiry, incoming } = session
  const owed = owedBy(session)
  const count = countOf(owed, session.sent)
  const first = owed.slice(0, count)
  const rest = owed.slice(count)
  const [behind] = rest
  const subscriptions = Array.from(session.subscriptions, ([filter, one]) => subscriptionState(filter, one))
  const few = subscriptions.splice(0, fewOf(subscriptions))
  const records: LedgerRecord[] = [
    {
      kind: 'session',
      session: {
        number,
        owner: ownerOf(session),
        expiry,
        leftAt,
        next: behind?.ordinal ?? session.next,
        sent: session.sent,
        subscriptions: few,
        owed: first,
        received: incoming.packetIds,
      },
    },
    ...subscriptions.map((subscription): LedgerRecord => ({ kind: 'subscribed', session: number, subscription })),
    ...Array.from(inPieces(rest), (owed): LedgerRecord => ({ kind: 'queue', session: number, owed })),
    ...waits,
  ]
  return records.length === 1 ? records : [{ kind: 'parts', session: number, count: records.length }, ...records]
}

/** How many go into the record of the session; each of the others has its own, however long they are together. */
function fewOf(subscriptions: readonly SubscriptionState[]): number {
  let bytes = 0
  const many = subscriptions.findIndex(({ filter }) => (bytes += 3 * filter.length) > MOST_FILTERS)
  return many < 0 ? subscriptions.length : many
}

/**
 * How many go into the record of the session: all that are in flight, whose state no other record has. A client whose
 * thousands of subscriptions have an identifier each, and all fit, is not told again which they were.
 */
function countOf(owed: OwedState[], sent: number): number {
  let bytes = 0
  for (const [index, one] of owed.entries()) {
    bytes += OWED_BYTES + 4 * one.identifiers.length
    if (bytes <= MOST_OWED) continue
    if (one.ordinal >= sent) return index
    owed[index] = { ...one, identifiers: [] }
    bytes -= 4 * one.identifiers.length
  }
  return owed.length
}

/** As many in each as fit into a record. */
function* inPieces(owed: readonly OwedState[]): Generator<readonly OwedState[]> {
  let from = 0
  let bytes = 0
  for (const [index, { identifiers }] of owed.entries()) {
    const size = OWED_BYTES + 4 * identifiers.length
    if (index > from && bytes + size > MOST_OWED) {
      yield owed.slice(from, index)
      from = index
      bytes = 0
    }
    bytes += size
  }
  if (from < owed.length) yield owed.slice(from)
}

/** In flight first, then what waits, which is behind it. */
function owedBy({ outgoing, queue, queuedIdentifiers, sent }: Session): OwedState[] {
  const owed: OwedState[] = []
  for (const { qos, released, item } of outgoing.inFlight()) {
    const { ordinal, position: message, retain, identifiers = [], group } = item
    if (message === 0) continue
    owed.push({ ordinal, message, qos, released, retain, identifiers, group: group?.number ?? 0 })
  }
  owed.sort((a, b) => a.ordinal - b.ordinal)
  let ordinal = sent
  for (const [message, mark] of queue.entries()) {
    const identifiers = (mark & MARK_IDENTIFIERS) === 0 ? NONE : (queuedIdentifiers.get(message) ?? NONE)
    const qos = (mark & 3) as Qos
    owed.push({ ordinal, message, qos, released: false, retain: (mark & MARK_RETAIN) !== 0, identifiers, group: 0 })
    ordinal++
  }
  return owed
}

export function groupState(group: Group): GroupState {
  const { number, space, share, filter } = group
  return { number, space, share, filter, backlog: group.unsettled }
}

export function termsOf({ qos, retain, identifiers = [] }: DeliveryTerms): Terms {
  return { qos, retain, identifiers }
}
