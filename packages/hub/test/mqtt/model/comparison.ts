import type { Packet, Publish } from '@halyard/wire/mqtt'
import type { Stage } from '../stage.ts'
import { textOf } from './actor.ts'
import type { Actor } from './actor.ts'
import type { Model } from './model.ts'
import type { Chosen, Expected, Flight, Session } from './state.ts'

/** What a client must be told in a step, besides messages. */
export type Answer = readonly [Actor, Packet]

/** What the engine gave to each client in a step, and what the model says that it must have got. */
export class Comparison {
  readonly #stage: Stage
  readonly #model: Model
  readonly #actors: readonly Actor[]

  constructor(stage: Stage, model: Model, actors: readonly Actor[]) {
    this.#stage = stage
    this.#model = model
    this.#actors = actors
  }

  /** Lets the engine work, then the model, and compares what each client got. */
  async compare(model: () => readonly Answer[]): Promise<void> {
    await this.#stage.settle()
    const got = new Map(this.#actors.map((actor) => [actor, this.#taken(actor)]))
    const chosen: Chosen[] = []
    for (const [{ name }, packets] of got) {
      for (const packet of packets) {
        if (packet.type !== 'publish' || packet.dup || !packet.topic.startsWith('$g/')) continue
        chosen.push({ client: name, topic: packet.topic, payload: textOf(packet.payload) })
      }
    }
    this.#model.begin(chosen)
    const answers = model()
    this.#model.end()
    for (const [actor, packets] of got) this.#compareActor(actor, packets, answers)
  }

  /** With their topics in full. */
  #taken(actor: Actor): Packet[] {
    const { connection } = actor
    if (!connection) return []
    if (connection.isOver) throw new Error(`${actor.name} was closed: ${JSON.stringify(connection.take())}`)
    return connection.take().map((packet) => {
      if (packet.type !== 'publish') return packet
      const { topicAlias, ...properties } = packet.properties ?? {}
      if (topicAlias === undefined) return packet
      if (topicAlias > actor.maxAliases) throw new Error(`the alias ${topicAlias} of ${actor.maxAliases}`)
      if (packet.topic !== '') actor.aliasesIn.set(topicAlias, packet.topic)
      const topic = actor.aliasesIn.get(topicAlias)
      if (topic === undefined) throw new Error(`the alias ${topicAlias} stands for nothing`)
      return { ...packet, topic, properties }
    })
  }

  #compareActor(actor: Actor, packets: readonly Packet[], answers: readonly Answer[]): void {
    const { name } = actor
    const session = this.#model.sessionOf(name)
    const others = packets.filter(({ type }) => type !== 'publish' && type !== 'pubrel').map(plain)
    same(
      `the answers to ${name}`,
      others,
      answers.filter(([to]) => to === actor).map(([, packet]) => packet),
    )
    const releases = this.#model.expectedReleases.get(name) ?? []
    const released = packets.flatMap((packet) => (packet.type === 'pubrel' ? [packet.packetId] : []))
    same(
      `the PUBRELs to ${name}`,
      released,
      releases.map(({ packetId }) => packetId),
    )
    actor.unacknowledged.push(...releases)
    const expected = [...(this.#model.expected.get(name) ?? [])]
    const sent: Flight[] = []
    for (const packet of packets) if (packet.type === 'publish') this.#match(actor, session, packet, expected, sent)
    if (session) reorder(session, sent)
    if (expected.length > 0) throw new Error(`${name} did not get ${show(expected)}`)
    if (session?.connection && session.queue.length === 0) {
      const missing = session.late.filter(({ message }) => message.expiresAt > this.#model.now)
      if (missing.length > 0)
        throw new Error(`${name} did not get what is retained: ${show(missing.map((late) => late.expected))}`)
      session.late = []
    }
  }

  /** It must be the next one that is expected of its topic, or a retained one, which come in any order. */
  #match(actor: Actor, session: Session | undefined, packet: Publish, expected: Expected[], sent: Flight[]): void {
    const at = expected.findIndex(({ topic }) => topic === packet.topic)
    const next = expected[at]
    const got = describe(packet)
    if (next && JSON.stringify(got) === JSON.stringify(describeExpected(next))) {
      expected.splice(at, 1)
      const { flight } = next
      if (!flight) return
      if (flight.packetId !== 0) same('the packet identifier of a repetition', packet.packetId, flight.packetId)
      else if (session?.flights.some((other) => other !== flight && other.packetId === packet.packetId)) {
        throw new Error(`the packet identifier ${packet.packetId} is in use`)
      }
      if (flight.packetId === 0) sent.push(flight)
      flight.packetId = packet.packetId ?? 0
      actor.unacknowledged.push(flight)
      return
    }
    const owed = session?.late.findIndex((late) => {
      const { expiresAt } = late.message
      const isLate = late.expected.expiry === undefined ? undefined : expiresAt - this.#model.now
      return JSON.stringify(got) === JSON.stringify(describeExpected({ ...late.expected, expiry: isLate }))
    })
    if (session && owed !== undefined && owed >= 0) {
      session.late.splice(owed, 1)
      return
    }
    throw new Error(`${actor.name} got ${JSON.stringify(got)}, expected were ${show(expected)}`)
  }
}

/** In flight for the first time, as they came: between topics the standard leaves the order to the hub, which repeats it. */
function reorder(session: Session, sent: readonly Flight[]): void {
  const flying = sent.filter((flight) => session.flights.includes(flight))
  const orders = flying.map(({ order }) => order).toSorted((a, b) => a - b)
  for (const [index, flight] of flying.entries()) flight.order = orders[index] ?? 0
  // Among themselves: others before or between them may not have been sent again yet.
  let next = 0
  session.flights = session.flights.map((flight) => (flying.includes(flight) ? (flying[next++] ?? flight) : flight))
}

function describe({ topic, payload, qos, retain, dup, properties }: Publish): object {
  return describeExpected({
    topic,
    payload: textOf(payload),
    qos,
    retain,
    dup,
    flight: undefined,
    identifiers: [...(properties?.subscriptionIdentifiers ?? [])].toSorted((a, b) => a - b),
    expiry: properties?.messageExpiryInterval,
    contentType: properties?.contentType,
  })
}

function describeExpected({ topic, payload, qos, retain, dup, identifiers, expiry, contentType }: Expected): object {
  return { topic, payload, qos, retain, dup, identifiers, expiry, contentType }
}

/** Without what only says how things are: CONNACK's properties. */
function plain(packet: Packet): Packet {
  if (packet.type !== 'connack') return packet
  const { properties: _, ...rest } = packet
  return rest
}

function show(expected: readonly Expected[]): string {
  return JSON.stringify(expected.map(describeExpected))
}

export function same(what: string, got: unknown, wanted: unknown): void {
  if (JSON.stringify(got) === JSON.stringify(wanted)) return
  throw new Error(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`)
}
