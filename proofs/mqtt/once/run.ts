/**
 * QoS 2 from persistent publishers to persistent subscribers. The server is killed again and again, and so are the
 * connections, at every step:
 *
 *     publisher ── PUBLISH n ──▶        ── PUBLISH n ──▶ subscriber
 *               ◀── PUBREC ─── server ✗ ◀── PUBREC ────
 *               ── PUBREL ────▶        ── PUBREL ────▶
 *               ◀── PUBCOMP ──         ◀── PUBCOMP ───
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { SeededRandom } from '@halyard/testkit'
import { within } from '../client.ts'
import { Later } from '../later.ts'
import type { Server } from '../servers.ts'
import { Faults } from './faults.ts'
import { PersistentClient } from './persistent-client.ts'
import { Publisher } from './publisher.ts'
import { Subscriber } from './subscriber.ts'

const PUBLISHERS = 3
const SUBSCRIBERS = 2
/** of a packet to be the last of its connection */
const LIKELIHOOD = 0.002
/** milliseconds without any in which a server that has lost messages could still bring them */
const LAST_PATIENCE = 15_000

export interface OnceOptions {
  readonly server: Server
  readonly random: SeededRandom
  readonly kills: number
  /** longest life of a server, milliseconds */
  readonly life: number
  readonly onKill?: (kills: number) => void
}

export interface OnceResult {
  readonly kills: number
  readonly messages: number
  readonly deliveries: number
  readonly lost: number
  readonly twice: number
  readonly disordered: number
  readonly sessions: number
  readonly connections: number
  readonly malformed: number
  /** Cuts of connections by the step at which they were made. */
  readonly cuts: ReadonlyMap<string, number>
}

/** Leaves the server running. */
export async function publishOnce(options: OnceOptions): Promise<OnceResult> {
  const { server, random, kills } = options
  await server.start()
  const faults = new Faults(random.fork(), LIKELIHOOD)
  const clients: PersistentClient[] = []
  const subscribers: Subscriber[] = []
  for (let index = 0; index < SUBSCRIBERS; index++) {
    const role = new Subscriber(faults)
    subscribers.push(role)
    const rest = { server, role, faults, receiveMaximum: 10 }
    clients.push(new PersistentClient({ ...rest, clientId: `subscriber ${index}`, version: versionOf(server, index) }))
  }
  await Promise.all(subscribers.map(({ subscribed }) => within(subscribed, 'SUBACK')))
  const publishers = Array.from({ length: PUBLISHERS }, (_, index) => {
    const name = `publisher ${index}`
    const role = new Publisher(name, faults)
    clients.push(new PersistentClient({ server, clientId: name, version: versionOf(server, index), role, faults }))
    return { name, role }
  })
  const wrong = Promise.race(clients.map(({ failed }) => failed))
  await Promise.race([wrong, killAgainAndAgain(options)])
  faults.isOver = true
  const lasts = await Promise.race([wrong, finishAll(publishers)])
  await Promise.race([wrong, lastOnes(subscribers, lasts)])
  for (const client of clients) await client.stop()
  const counts = { messages: 0, deliveries: 0, lost: 0, twice: 0 }
  for (const [name, last] of lasts) {
    counts.messages += last
    for (const subscriber of subscribers) addCounts(counts, subscriber.countsOf(name), last)
  }
  return {
    ...counts,
    kills,
    disordered: sum(subscribers.map(({ disordered }) => disordered)),
    sessions: sum(clients.map(({ lostSessions }) => lostSessions)),
    malformed: sum(clients.map(({ malformed }) => malformed)),
    connections: sum(clients.map(({ connections }) => connections)),
    cuts: faults.counts,
  }
}

/** 3.1.1 and 5.0 by turns. */
function versionOf(server: Server, index: number): 4 | 5 {
  return server.isModern && index % 2 === 1 ? 5 : 4
}

async function killAgainAndAgain({ server, random, kills, life, onKill }: OnceOptions): Promise<void> {
  for (let killed = 0; killed < kills; killed++) {
    onKill?.(killed)
    await wait(random.integer(life))
    await server.kill()
    await server.start()
  }
  await wait(life)
}

/** The last number of each publisher, when all are settled. */
async function finishAll(
  publishers: readonly { readonly name: string; readonly role: Publisher }[],
): Promise<ReadonlyMap<string, number>> {
  const lasts = publishers.map(
    async ({ name, role }) => [name, await within(role.finish(), `PUBCOMP of ${name}`)] as const,
  )
  return new Map(await Promise.all(lasts))
}

/**
 * The last message of each publisher is behind all others of it; if it does not come, it counts as lost. A client that takes
 * ten at a time may have much to come: as long as something does, it is waited for.
 */
async function lastOnes(subscribers: readonly Subscriber[], lasts: ReadonlyMap<string, number>): Promise<void> {
  const all = new Later<void>()
  let came = 0
  const check = (): void => {
    came++
    const isThere = subscribers.every((one) => [...lasts].every(([name, last]) => one.countsOf(name).has(last)))
    if (isThere) all.resolve()
  }
  for (const subscriber of subscribers) subscriber.onMessage = check
  check()
  for (let before = 0; before !== came;) {
    before = came
    const isThere = await within(all.promise, 'the last messages', LAST_PATIENCE).then(
      () => true,
      () => false,
    )
    if (isThere) return
  }
}

function addCounts(
  counts: { deliveries: number; lost: number; twice: number },
  seen: ReadonlyMap<number, number>,
  last: number,
): void {
  for (let number = 1; number <= last; number++) {
    const times = seen.get(number) ?? 0
    counts.deliveries += times
    if (times === 0) counts.lost++
    if (times > 1) counts.twice++
  }
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0)
}
