/**
 * What is done with a server whose system calls are traced. Every message can be recognised in what is written to a disk,
 * by a mark in its payload, and so can its acknowledgement on a socket, by a packet identifier that is used once:
 *
 *     identifier = lane × 4,000 + number + 1          mark = @Mlane-number@
 *
 * A lane is one publisher of one run. Filters of subscriptions have marks likewise.
 */
import type { SeededRandom } from '@halyard/testkit'
import type { Packet } from '@halyard/wire/mqtt'
import { MqttClient, acknowledgement, publishPacket } from '../client.ts'
import { Later } from '../later.ts'
import type { Server } from '../servers.ts'

export const LANES = 5
const LANE_SIZE = 4000
/** Identifiers of SUBSCRIBE stand above those of 15 lanes. */
const SUBSCRIBE_FROM = 15 * LANE_SIZE + 1
const WINDOW = 100
/** A message of so many goes to a topic of its lane where it is retained. */
const RETAINED_EVERY = 10

export interface Message {
  readonly lane: number
  readonly number: number
}

/** Sessions that have no connection while messages come, by client id; each takes every message. */
export const SLEEPERS: readonly string[] = ['sleeper 0', 'sleeper 1', 'sleeper 2']

export function qosOf({ lane }: Message): 1 | 2 {
  return lane % LANES < 3 ? 1 : 2
}

export function isRetained({ number }: Message): boolean {
  return number % RETAINED_EVERY === 0
}

export function topicOf(message: Message): string {
  return isRetained(message) ? `retained/${message.lane}` : `traced/${message.lane}`
}

export function payloadOf({ lane, number }: Message): string {
  // Of different lengths, so that a record is not always where it was expected.
  return `@M${lane}-${number}@`.padEnd(20 + ((lane * 31 + number * 17) % 300), '.')
}

export function messageOf(packetId: number): Message {
  const lane = Math.floor((packetId - 1) / LANE_SIZE)
  return { lane, number: packetId - 1 - lane * LANE_SIZE }
}

/** Which message a mark, or a payload, stands for. */
export function messageIn(payload: string): Message {
  const [, lane, number] = /^@M(\d+)-(\d+)@/.exec(payload) ?? []
  return { lane: Number(lane), number: Number(number) }
}

/** What a written file is searched for, to know that what an identifier stands for is in it. */
export function markOf(packetId: number): string {
  if (packetId >= SUBSCRIBE_FROM) return `@S${packetId}-0@`
  const { lane, number } = messageOf(packetId)
  return `@M${lane}-${number}@`
}

/** The sleepers subscribe and leave; each subscription has its mark. Before the first messages. */
export async function leaveSleepers(server: Server): Promise<void> {
  for (const [index, clientId] of SLEEPERS.entries()) {
    const answered = new Later<void>()
    const packetIds = [0, 1, 2].map((number) => SUBSCRIBE_FROM + index * 10 + number)
    const filters = ['traced/#', 'retained/#']
    const waiting = new Set(packetIds)
    const client = await MqttClient.open(server.address, {
      clientId,
      version: server.isModern && index > 0 ? 5 : 4,
      onPacket: (packet) => {
        if (packet.type === 'suback') waiting.delete(packet.packetId)
        if (waiting.size === 0) answered.resolve()
      },
    })
    const rest = { qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    for (const packetId of packetIds) {
      const subscriptions = [markOf(packetId), ...filters].map((filter) => ({ filter, ...rest }))
      client.send({ type: 'subscribe', packetId, subscriptions })
    }
    await answered.promise
    await client.leave()
  }
}

export interface WorkloadOptions {
  readonly server: Server
  readonly random: SeededRandom
  /** The first of its lanes is `run` × 5. */
  readonly run: number
  /** messages of each lane */
  readonly count: number
  /** The server is killed when it has acknowledged so many. */
  readonly killAt?: number | undefined
}

/** Publishes on all lanes at once. Gives how many were acknowledged. */
export async function publishLanes({ server, random, run, count, killAt }: WorkloadOptions): Promise<number> {
  let acknowledged = 0
  const killed = new Later<void>()
  const onAcknowledged = (): void => {
    if (++acknowledged === killAt) killed.resolve()
  }
  const killing = killAt === undefined ? Promise.resolve() : killed.promise.then(() => server.kill())
  const lanes: Lane[] = []
  for (let index = 0; index < LANES; index++) {
    lanes.push(await openLane(server, run * LANES + index, random.pick([WINDOW, 10, count]), count, onAcknowledged))
  }
  // All are connected before the first message: none meets a server that is killed already.
  await Promise.all(lanes.map((begin) => begin()))
  if (killAt !== undefined && acknowledged < killAt) killed.resolve()
  await killing
  return acknowledged
}

/** Publishes until the last acknowledgement, or the end of the connection. */
type Lane = () => Promise<void>

async function openLane(
  server: Server,
  lane: number,
  window: number,
  count: number,
  onAcknowledged: () => void,
): Promise<Lane> {
  let next = 0
  let settled = 0
  const pump = (client: MqttClient): void => {
    const packets: Packet[] = []
    for (; next < count && next - settled < window; next++) {
      const message = { lane, number: next }
      const packetId = lane * LANE_SIZE + next + 1
      const rest = { qos: qosOf(message), packetId, retain: isRetained(message) }
      packets.push(publishPacket({ topic: topicOf(message), payload: payloadOf(message), ...rest }))
    }
    if (packets.length > 0) client.send(...packets)
  }
  const done = new Later<void>()
  const client = await MqttClient.open(server.address, {
    clientId: `lane ${lane}`,
    clean: true,
    onPacket: (packet, one) => {
      if (packet.type === 'puback' || packet.type === 'pubrec') onAcknowledged()
      if (packet.type === 'pubrec') one.send(acknowledgement('pubrel', packet.packetId))
      if (packet.type !== 'puback' && packet.type !== 'pubcomp') return
      settled++
      pump(one)
      if (settled === count) done.resolve()
    },
  })
  return async () => {
    pump(client)
    await Promise.race([done.promise, client.closed])
    client.cut()
  }
}
