/**
 * Messages of QoS 1 for a session without a connection; the server is killed at a random moment, during or after the
 * publishing, and started again; the session comes back.
 *
 *     publishers ── PUBLISH ──▶ server ✗ SIGKILL … server ── PUBLISH ──▶ the session
 *                ◀── PUBACK ──             started again
 *
 * Whatever was acknowledged must come. What was not may come or not.
 */
import type { SeededRandom } from '@halyard/testkit'
import { MqttClient, acknowledgement, publishPacket } from '../client.ts'
import { Later } from '../later.ts'
import type { Server } from '../servers.ts'

/** In flight of one publisher, below what any of the servers takes: from one at a time to all at once. */
const WINDOWS = [10, 100, 500]
const SLEEPER = 'sleeper'
/** milliseconds without one more message, while the rest is waited for */
const SILENCE = 20_000

export interface KeptOptions {
  readonly server: Server
  readonly random: SeededRandom
  readonly rounds: number
  readonly messages: number
  /** seconds of publishing, after which a server that is slow is killed where it is */
  readonly limit: number
  readonly onRound?: (round: number) => void
}

export interface Kept {
  rounds: number
  /** Killed while messages were still being published. */
  early: number
  acknowledged: number
  /** Acknowledged and did not come. */
  lost: number
  /** Came more than once, also those of rounds before. */
  twice: number
  /** Came behind a later one of the same publisher. */
  disordered: number
  /** Came without having been acknowledged. */
  extra: number
  /** Rounds in which the session itself was gone. */
  sessions: number
  /** milliseconds of the longest start on what was there */
  restart: number
}

/** Leaves the server running. */
export async function keepMessages(options: KeptOptions): Promise<Kept> {
  const { server, random, rounds, onRound } = options
  const kept: Kept = {
    rounds,
    early: 0,
    acknowledged: 0,
    lost: 0,
    twice: 0,
    disordered: 0,
    extra: 0,
    sessions: 0,
    restart: 0,
  }
  await server.start()
  await beginSession(server)
  for (let round = 1; round <= rounds; round++) {
    onRound?.(round)
    const publishers = await publishUntilKilled({ ...options, random: random.fork() }, round)
    kept.restart = Math.max(kept.restart, await server.start())
    await resume(server, round, publishers, kept)
  }
  return kept
}

async function beginSession(server: Server): Promise<void> {
  const client = await MqttClient.open(server.address, { clientId: SLEEPER, version: server.isModern ? 5 : 4 })
  await client.subscribe(['kept/#'])
  await client.leave()
}

/** One of several that publish at the same time; each message is `round:publisher:number` and filling. */
interface Publisher {
  readonly name: string
  readonly sizes: readonly number[]
  readonly window: number
  /** Numbers; the place of one is that of its PUBACK. */
  readonly acknowledged: Set<number>
}

async function publishUntilKilled(options: KeptOptions, round: number): Promise<Publisher[]> {
  const { server, random, messages, limit } = options
  const count = 1 + random.integer(3)
  // A quarter of the kills falls behind the last acknowledgement, some milliseconds later.
  const killAt = random.chance(0.25) ? messages : 1 + random.integer(messages)
  const delay = random.integer(killAt === messages ? 30 : 4)
  const enough = new Later<void>()
  let acknowledged = 0
  const onAcknowledged = (): void => {
    if (++acknowledged === killAt) setTimeout(enough.resolve, delay)
  }
  const publishers: Publisher[] = []
  const clients: MqttClient[] = []
  for (let index = 0; index < count; index++) {
    const share = Math.floor(messages / count) + (index < messages % count ? 1 : 0)
    const sizes = Array.from({ length: share }, () => random.integer(200))
    const publisher: Publisher = {
      name: `${round}:${index}`,
      sizes,
      window: random.pick(WINDOWS),
      acknowledged: new Set(),
    }
    publishers.push(publisher)
    clients.push(await publishAll(server, publisher, onAcknowledged))
  }
  const timer = setTimeout(enough.resolve, limit * 1000)
  await enough.promise
  clearTimeout(timer)
  await server.kill()
  // What the dead server has sent is still read: to the publisher these are acknowledged.
  for (const client of clients) {
    await client.closed
    if (client.problem) throw client.problem
  }
  return publishers
}

async function publishAll(server: Server, publisher: Publisher, onAcknowledged: () => void): Promise<MqttClient> {
  const { name, sizes, window, acknowledged } = publisher
  const topic = `kept/${name.replace(':', '/')}`
  let next = 0
  const pump = (): void => {
    const packets = []
    for (; next < sizes.length && next - acknowledged.size < window; next++) {
      const packetId = (next % 65_535) + 1
      packets.push(publishPacket({ topic, payload: payloadOf(name, next, sizes[next]), qos: 1, packetId }))
    }
    if (packets.length > 0) client.send(...packets)
  }
  const client = await MqttClient.open(server.address, {
    clientId: `publisher ${name}`,
    clean: true,
    onPacket: (packet) => {
      if (packet.type !== 'puback') return
      // The window is smaller than the identifiers are many: the one in flight with this identifier is meant.
      const number = next - 1 - ((next - packet.packetId) % 65_535)
      if (packet.reasonCode >= 0x80 || acknowledged.has(number)) throw new Error(`a wrong PUBACK for ${name}:${number}`)
      acknowledged.add(number)
      onAcknowledged()
      // A write of many packets is what a busy publisher does.
      if (next - acknowledged.size <= window / 2) pump()
    },
  })
  pump()
  return client
}

function payloadOf(name: string, number: number, size = 0): string {
  return `${name}:${number}:`.padEnd(size, '.')
}

/** The session comes back and takes everything; a last message tells that nothing is left. */
async function resume(server: Server, round: number, publishers: readonly Publisher[], kept: Kept): Promise<void> {
  const came = new Map<string, number[]>(publishers.map(({ name }) => [name, []]))
  const sizes = new Map(publishers.map((publisher) => [publisher.name, publisher.sizes]))
  const end = new Later<void>()
  let total = 0
  const client = await MqttClient.open(server.address, {
    clientId: SLEEPER,
    version: server.isModern ? 5 : 4,
    onPacket: (packet, receiver) => {
      if (packet.type !== 'publish') return
      total++
      const payload = Buffer.from(packet.payload).toString()
      const [of, index, number] = payload.split(':')
      const name = `${of}:${index}`
      if (packet.qos !== 1) throw new Error(`${payload} came with QoS ${packet.qos}`)
      receiver.send(acknowledgement('puback', packet.packetId ?? 0))
      if (payload === `end:${round}:`) return end.resolve()
      const numbers = came.get(name)
      // Of a round before: its acknowledgement was lost in the kill.
      if (numbers === undefined) kept.twice++
      else if (payload !== payloadOf(name, Number(number), sizes.get(name)?.[Number(number)]))
        throw new Error(`a message came that nobody sent: ${payload}`)
      else numbers.push(Number(number))
    },
  })
  if (!client.sessionPresent) {
    kept.sessions++
    await client.subscribe(['kept/#'])
  }
  const marker = await MqttClient.open(server.address, { clientId: 'marker', clean: true })
  await marker.publish('kept/end', `end:${round}:`)
  await marker.leave()
  await untilSilent(end.promise, () => total, `the end of round ${round}`)
  await client.leave()
  for (const { name, acknowledged } of publishers) count(kept, acknowledged, came.get(name) ?? [])
  if (publishers.some(({ acknowledged, sizes }) => acknowledged.size < sizes.length)) kept.early++
}

function count(kept: Kept, acknowledged: ReadonlySet<number>, came: readonly number[]): void {
  const seen = new Set<number>()
  let last = -1
  for (const number of came) {
    if (seen.has(number)) {
      kept.twice++
      continue
    }
    seen.add(number)
    if (number < last) kept.disordered++
    last = Math.max(last, number)
  }
  kept.acknowledged += acknowledged.size
  for (const number of acknowledged) if (!seen.has(number)) kept.lost++
  for (const number of seen) if (!acknowledged.has(number)) kept.extra++
}

/** As long as something comes there is no limit: 100,000 messages take what they take. */
async function untilSilent(promise: Promise<void>, progress: () => number, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const silent = new Promise<never>((_, reject) => {
    let last = -1
    timer = setInterval(() => {
      if (progress() === last) reject(new Error(`${what} did not come; nothing has come for ${SILENCE / 1000} s`))
      last = progress()
    }, SILENCE)
  })
  try {
    await Promise.race([promise, silent])
  } finally {
    clearInterval(timer)
  }
}
