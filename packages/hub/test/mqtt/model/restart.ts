import type { Publish } from '@halyard/wire/mqtt'
import type { Session as EngineSession } from '../../../src/mqtt/session.ts'
import { waitingOf } from '../ledger/dump.ts'
import type { KeptStage } from '../ledger/kept-stage.ts'
import type { Client } from '../stage.ts'
import { textOf } from './actor.ts'
import { same } from './comparison.ts'
import type { Model } from './model.ts'
import type { Step } from './script.ts'
import type { Flight, Group, Message, Recent, Session, Waiting, Will } from './state.ts'

/** The power goes while somebody publishes, and comes again. Whatever waits for the disk then is lost. */
export async function crash(
  stage: KeptStage,
  { snapshot, flush, seconds }: Extract<Step, { do: 'restart' }>,
  publisher: Client | undefined,
  lost: Publish,
): Promise<void> {
  if (snapshot) {
    await stage.kept.snapshot()
    await stage.journal.dropBelow(stage.keptFrom)
  }
  if (flush) await stage.flush()
  stage.journal.isHeld = true
  const before = stage.journal.pending
  publisher?.send(lost)
  await stage.settle()
  const answers = publisher?.take().filter(({ type }) => type === 'puback' || type === 'pubrec')
  // What concerns nobody who lasts waits for nothing.
  if (publisher && stage.journal.pending > before) same('answers to what is lost', answers, [])
  const found = stage.journal.cut()
  await stage.end()
  await stage.clock.advance(seconds * 1000)
  await stage.start(found)
}

/**
 * The same for the model: all connections are gone, and what does not last is. The hub may owe again what was settled
 * right before, since it writes that late: which of it, the model looks up, and checks that it may.
 */
export function restart(model: Model, seconds: number, { server, store }: KeptStage): void {
  model.now += seconds
  const engine = new Map([...server.broker.sessions].map((one) => [one.clientId, one]))
  const left = model.sessions.flatMap((session) => {
    const { connection } = session
    if (connection === undefined) return []
    Object.assign(session, { connection: undefined, late: [], resending: [], replays: [] })
    return { session, will: connection.will }
  })
  // In the order in which they were made.
  left.sort((a, b) => numberOf(a.will) - numberOf(b.will))
  const lent = new Map(model.groups.map((group) => [group, lentBy(group, model.sessions)]))
  for (const { session, will } of left) {
    if (will) {
      const wait = Math.min(will.delay, session.expiry)
      if (wait === 0) model.dueWills.push({ session, will })
      else model.wills.push({ session, will, dueAt: model.now + wait })
    }
    if (session.expiry === 0) model.endSession(session)
    else session.endsAt = model.now + session.expiry
  }
  const due = new Set(model.dueWills.map(({ will }) => will.message.payload))
  const nameOf = (position: number): string => {
    const publication = store.get(position)
    return publication === undefined ? 'nothing' : textOf(publication.payload)
  }
  for (const session of model.sessions) {
    const found = engine.get(session.client)
    if (found === undefined) throw new Error(`the session of ${session.client} is gone`)
    adopt(session, found, (position) => nameOf(position), due, model.limits.queued)
  }
  same('sessions that are left', engine.size, model.sessions.length)
  for (const group of model.groups) {
    const [space] = server.broker.spaces
    const found = space?.group(group.name, group.filter)
    adoptGroup(group, (found?.unsettled ?? []).map(nameOf), lent.get(group) ?? [], model.now)
  }
}

function numberOf(will: Will | undefined): number {
  return Number(will?.message.payload.slice(1) ?? 0)
}

/** What the engine has in flight and in its queue, in the order of the packet identifiers. */
function adopt(
  session: Session,
  found: EngineSession,
  nameOf: (position: number) => string,
  due: ReadonlySet<string>,
  queued: number,
): void {
  const flying = found.outgoing.inFlight().toSorted((a, b) => a.item.ordinal - b.item.ordinal)
  const all = waitingOf(found).map(({ position }) => nameOf(position))
  const waiting = all.filter((name) => !due.has(name))
  const isFull = due.size > 0 && all.length >= queued
  const there: Slot[] = [
    ...flying.map(({ item, packetId }) => ({ name: nameOf(item.position), packetId })),
    ...waiting.map((name) => ({ name, packetId: 0 })),
  ]
  const candidates = [...session.recent, ...session.flights, ...session.queue].toSorted((a, b) => a.order - b.order)
  // Of what was back behind an earlier restart, the hub may have given up once more what is beyond the limit.
  const optional = [...session.recent, ...session.queue.slice(0, Math.max(0, session.queue.length - queued))]
  const owed = align(candidates, there, {
    mayBeThere: (one) => optional.includes(one),
    // It had to go, since a will came.
    mayHaveGone: (one) => isFull && !session.flights.includes(one as Flight),
  })
  if (owed === undefined) {
    const should = candidates.map((one) => `${one.message.payload}${optional.includes(one) ? '?' : ''}`)
    const has = there.map(({ name }) => name)
    throw new Error(`${session.client} is owed ${should.join(' ') || 'nothing'}, not ${has.join(' ') || 'nothing'}`)
  }
  // What had to go was the oldest of those that waited: behind all that is in flight.
  const flights = owed.slice(0, flying.length).map((one, index): Flight => {
    const { released, packetId } = flying[index] as (typeof flying)[number]
    const wasReleased = 'released' in one && one.released
    // [MQTT-4.3.3]: behind a PUBREC comes no PUBLISH.
    if (wasReleased !== released)
      throw new Error(`${session.client}: the PUBREC of ${one.message.payload} is forgotten`)
    if (one.packetId !== 0) same('the packet identifier of what was in flight', packetId, one.packetId)
    const group = 'group' in one ? one.group : undefined
    return { ...one, group, released, packetId: one.packetId }
  })
  const queue = owed.slice(flying.length).map((one): Waiting => {
    if ('released' in one && one.released) throw new Error(`${session.client} gets ${one.message.payload} twice`)
    const { message, qos, retain, identifiers, order, packetId } = one
    return { message, qos, retain, identifiers, order, packetId }
  })
  Object.assign(session, { flights, queue, recent: [] })
}

/** A message that the engine has for a client. */
interface Slot {
  readonly name: string
  /** 0: it waits. */
  readonly packetId: number
}

/**
 * What of the candidates the client is owed: all that `there` names, in the same order, and what has gone since. A message
 * may be there twice, of which one is settled: then several ways are tried.
 */
function align(
  candidates: readonly Recent[],
  there: readonly Slot[],
  rules: { readonly mayBeThere: (one: Recent) => boolean; readonly mayHaveGone: (one: Recent) => boolean },
): Recent[] | undefined {
  const one = candidates.at(-1)
  if (one === undefined) return there.length === 0 ? [] : undefined
  const before = candidates.slice(0, -1)
  const slot = there.at(-1)
  const isSame =
    slot?.name === one.message.payload && (slot.packetId === 0 || one.packetId === 0 || slot.packetId === one.packetId)
  const taken = isSame ? align(before, there.slice(0, -1), rules) : undefined
  if (taken) return [...taken, one]
  if (rules.mayBeThere(one)) return align(before, there, rules)
  const gone = rules.mayHaveGone(one) ? align(before, there, rules) : undefined
  return gone && [...gone, one]
}

/** On the wire to members that do not last, which may not be there any more for all that the standard asks. */
function lentBy(group: Group, sessions: readonly Session[]): readonly Message[] {
  return sessions
    .filter(({ expiry }) => expiry === 0)
    .flatMap(({ flights }) => flights.filter((flight) => flight.group === group).map(({ message }) => message))
}

function adoptGroup(group: Group, names: readonly string[], lent: readonly Message[], now: number): void {
  const isKept = group.members.some(({ subscription, session }) => subscription.qos > 0 && session.expiry > 0)
  const possible = [...group.recent, ...lent, ...group.backlog]
  const backlog = names.map((name) => {
    const message = possible.find(({ payload }) => payload === name)
    if (message === undefined) throw new Error(`${group.name} has ${name} although it should not`)
    return message
  })
  if (new Set(names).size < names.length) throw new Error(`${group.name} has a message twice: ${names.join(' ')}`)
  // What is over may be given up when somebody looks at it ([MQTT-3.3.2-5]).
  const missing = group.backlog.find(
    ({ payload, expiresAt }) =>
      expiresAt > now && !names.includes(payload) && !lent.some((one) => one.payload === payload),
  )
  if (isKept && missing) throw new Error(`${group.name} does not have ${missing.payload} any more`)
  Object.assign(group, { backlog, recent: [] })
}
