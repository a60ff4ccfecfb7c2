import { seededRandom } from '@halyard/testkit'
import type { SeededRandom } from '@halyard/testkit'
import { expect, it } from 'vitest'
import { groupState, sessionRecords } from '../../../src/mqtt/ledger/live.ts'
import { termsIn } from '../../../src/mqtt/shared-tail.ts'
import type { MqttLimits } from '../../../src/mqtt/limits.ts'
import type { MemoryClient } from '../stage.ts'
import { LedgerStage } from './ledger-stage.ts'
import type { Wish } from './ledger-stage.ts'

const NAMES = ['a', 'b', 'c', 'd']
const TOPICS = ['x', 'y', 'x/y']
const FILTERS = ['x', '#', 'x/#', '+', '$share/g/x', '$share/g/#', '$share/h/x', 'y']

/** Clients that do whatever they like, and the hub that is to remember it. */
class Chaos {
  readonly #random: SeededRandom
  readonly #stage: LedgerStage
  readonly #clients = new Map<string, MemoryClient>()
  #text = 0

  constructor(random: SeededRandom, stage: LedgerStage) {
    this.#random = random
    this.#stage = stage
  }

  async step(): Promise<void> {
    const name = this.#of(NAMES)
    const client = this.#clients.get(name)
    if (client === undefined || client.isOver) {
      this.#clients.set(name, await this.#stage.connect(name, this.#wish()))
      return
    }
    const random = this.#random.integer(21)
    if (random < 9) this.#publish(client)
    else if (random < 13) this.#subscribe(client)
    else if (random < 14) client.send({ type: 'unsubscribe', packetId: 2, filters: [this.#of(FILTERS)] })
    else if (random < 18) this.#answer(client)
    else if (random < 19) this.#leave(client)
    else if (random < 20) this.#clients.set(name, await this.#stage.connect(name, this.#wish()))
    else await this.#stage.clock.advance(1500)
    if (this.#random.integer(6) === 0) await this.#stage.settle()
    if (this.#random.integer(41) === 0) void this.#stage.ledger.snapshot()
  }

  #wish(): Wish {
    const random = this.#random
    return {
      cleanStart: random.integer(5) === 0,
      properties: {
        sessionExpiryInterval: this.#of([0, 3, 1000, 1000]),
        receiveMaximum: this.#of([1, 3, 100]),
        ...(random.integer(4) === 0 && { maximumPacketSize: 40 }),
      },
    }
  }

  #publish(client: MemoryClient): void {
    const random = this.#random
    const properties = random.integer(5) === 0 ? { messageExpiryInterval: 1 + random.integer(4) } : undefined
    const more = '.'.repeat(this.#of([0, 0, 30]))
    const text = random.integer(9) === 0 ? '' : `${++this.#text}${more}`
    const retain = random.integer(5) === 0
    client.send({
      type: 'publish',
      topic: this.#of(TOPICS),
      payload: Buffer.from(text),
      retain,
      dup: false,
      properties,
      qos: this.#of([0, 1, 1, 2, 2] as const),
      packetId: 1 + random.integer(6),
    })
  }

  #subscribe(client: MemoryClient): void {
    const filter = this.#of(FILTERS)
    const noLocal = !filter.startsWith('$') && this.#random.integer(3) === 0
    const qos = this.#of([0, 1, 2, 2] as const)
    const one = { filter, qos, noLocal, retainAsPublished: this.#random.integer(2) === 0, retainHandling: 0 as const }
    const subscriptionIdentifier = this.#of([0, 5, 77])
    const properties = subscriptionIdentifier === 0 ? undefined : { subscriptionIdentifier }
    client.send({ type: 'subscribe', packetId: 1, subscriptions: [one], ...(properties && { properties }) })
  }

  /** To some of what came, and of the rest nothing ever more. */
  #answer(client: MemoryClient): void {
    for (const packet of client.take()) {
      if (this.#random.integer(6) === 0) continue
      if (packet.type === 'publish' && packet.qos > 0) {
        const { packetId = 0 } = packet
        client.send({ type: packet.qos === 1 ? 'puback' : 'pubrec', packetId, reasonCode: this.#of([0, 0, 0, 0x97]) })
      }
      if (packet.type === 'pubrel') client.send({ type: 'pubcomp', packetId: packet.packetId, reasonCode: 0 })
      if (packet.type === 'pubrec') client.send({ type: 'pubrel', packetId: packet.packetId, reasonCode: 0 })
    }
  }

  #leave(client: MemoryClient): void {
    const properties = this.#random.integer(5) === 0 ? { sessionExpiryInterval: 0 } : undefined
    if (this.#random.integer(2) === 0) client.drop()
    else client.send({ type: 'disconnect', reasonCode: 0, ...(properties && { properties }) })
  }

  #of<T>(list: readonly T[]): T {
    return list[this.#random.integer(list.length)] as T
  }
}

/** All that must last, in words. */
function stateOf({ server, store }: LedgerStage): object {
  const { broker } = server
  const textOf = (position: number): string | undefined => {
    const publication = store.get(position)
    return publication && `${publication.topic.text} ${Buffer.from(publication.payload).toString()}`
  }
  const sessions = [...broker.sessions].filter(({ number }) => number !== 0)
  // A group whose members all go with the process goes with them.
  const groups = [...broker.spaces]
    .flatMap((space) => [...space.groups])
    .filter(
      (group) =>
        group.unsettled.length > 0 && group.number !== 0 && sessions.some((session) => session.groups.has(group)),
    )
  return {
    sessions: Object.fromEntries(
      sessions.map((session) => {
        const [record] = sessionRecords(session, 0)
        if (record?.kind !== 'session') throw new Error('no session')
        const { next, owed, received, subscriptions, number, expiry } = record.session
        const messages = owed.flatMap(({ ordinal, message, qos, retain, released, identifiers }) =>
          textOf(message) === undefined ? [] : [{ ordinal, text: textOf(message), qos, retain, released, identifiers }],
        )
        const shared = Array.from(session.tail?.entries() ?? [], ({ position, mark, terms }, at) => {
          const { identifiers = [], ...rest } = termsIn(mark, terms)
          return { ordinal: next + at, text: textOf(position), ...rest, released: false, identifiers }
        })
        const filters = subscriptions.map(({ filter, ...rest }) => JSON.stringify([filter, rest])).toSorted()
        return [
          session.clientId,
          {
            number,
            next: next + shared.length,
            expiry,
            messages: [...messages, ...shared],
            received: received.toSorted((a, b) => a - b),
            filters,
          },
        ]
      }),
    ),
    groups: Object.fromEntries(
      groups.map((group) => [
        `${group.share} ${group.filter}`,
        groupState(group)
          .backlog.map((one) => textOf(one) ?? '')
          .toSorted(),
      ]),
    ),
    retained: [...broker.spaces]
      .flatMap((space) =>
        space.retained.topics().flatMap((topic) => {
          const publication = space.retained.get(topic)
          return publication ? `${topic} ${Buffer.from(publication.payload).toString()}` : []
        }),
      )
      .toSorted(),
  }
}

const LIMITS: readonly Partial<MqttLimits>[] = [
  {},
  { queuedMessages: 3, overflow: 'drop-oldest' },
  { queuedMessages: 3, overflow: 'drop-newest' },
  { queuedMessages: 3, overflow: 'reject' },
  { queuedMessages: 3, overflow: 'expire-session' },
  { totalQueuedBytes: 1500 },
  { window: 2 },
]

it('after a crash everything is there as it was', async () => {
  const rounds = Number(process.env['ROUNDS'] ?? 20)
  const first = Number(process.env['SEED'] ?? 0)
  for (let seed = first; seed < first + rounds; seed++) {
    const random = seededRandom(seed)
    let stage = await LedgerStage.open(LIMITS[seed % LIMITS.length])
    stage.journal.dropsAll = seed % 2 === 0
    for (let life = 0; life < 3; life++) {
      const chaos = new Chaos(random, stage)
      for (let step = 0; step < 60; step++) {
        if (random.integer(30) === 0) stage.journal.isBroken = seed % 3 === 0
        if (random.integer(10) === 0) stage.journal.isBroken = false
        await chaos.step()
      }
      await stage.settle()
      stage.journal.isBroken = false
      await stage.clock.advance(3000)
      await stage.settle()
      expect(stage.errors.filter((text) => !text.includes('takes nothing'))).toEqual([])
      const before = stateOf(stage)
      const next = await stage.crash()
      expect(stateOf(next), `seed ${seed}, life ${life}`).toEqual(before)
      stage = next
    }
  }
}, 60_000)
