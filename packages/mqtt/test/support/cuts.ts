/** One message after the other through a connection that is cut at a certain byte. */
import { FaultProxy } from '@halyard/testkit'
import type { PassedBytes } from '@halyard/testkit'
import type { Qos } from '@halyard/wire/mqtt'
import { MqttClient } from '../../src/index.ts'

interface CutPlan {
  readonly version: 4 | 5
  readonly qos: Qos
  /** whose connection is cut */
  readonly side: 'publisher' | 'subscriber'
  readonly to: 'target' | 'client'
  /** bytes that go through before */
  readonly after: number
  /** seconds until the next try; a few milliseconds */
  readonly pause?: number | undefined
}

interface CutResult {
  /** payloads in the order in which they came */
  readonly received: readonly string[]
  /** What went each way on the first connection. */
  readonly toTarget: Uint8Array
  readonly toClient: Uint8Array
  readonly connections: number
}

const MESSAGES: readonly string[] = ['0', '1', '2', '3', '4', '5']
/** hundredths of a second: what has not come by then is lost */
const LATE = 1000
const SOON = { base: 0.002, cap: 0.005 }

/** Two topics, so that the order of each is its own; both go to one subscription. */
const topicOf = (name: string, number: number): string => `${name}/${number % 2}`

async function runCut(target: { port: number; host?: string }, name: string, plan: CutPlan): Promise<CutResult> {
  const { version, qos, side, to, after, pause } = plan
  const passed: Record<'target' | 'client', number[]> = { target: [], client: [] }
  let first: PassedBytes['connection'] | undefined
  const onPassed = ({ connection, to: way, bytes }: PassedBytes): void => {
    first ??= connection
    if (connection === first) passed[way].push(...bytes)
  }
  await using proxy = await FaultProxy.open({ target, onPassed })
  const direction = to === 'target' ? proxy.toTarget : proxy.toClient
  if (after < Infinity) direction.set({ cutAfter: after })
  const address = (isCut: boolean): string => `mqtt://127.0.0.1:${isCut ? proxy.port : target.port}`
  const reconnect = pause === undefined ? SOON : { base: pause, cap: pause }
  const options = { version, sessionExpiry: 300, reconnect, keepalive: 0 } as const
  const ports = pause === undefined ? {} : { random: () => 0.99 }
  const subscriber = new MqttClient(address(side === 'subscriber'), { ...options, clientId: `${name}-s` }, ports)
  const publisher = new MqttClient(address(side === 'publisher'), { ...options, clientId: `${name}-p` }, ports)
  for (const client of [subscriber, publisher]) client.on('error', () => direction.clear())
  const received: string[] = []
  let onMessage = (): void => {}
  try {
    await subscriber.subscribe(`${name}/#`, {
      qos: qos === 2 ? 2 : 1,
      onMessage(message) {
        received.push(message.text())
        onMessage()
      },
    })
    const [last] = MESSAGES.slice(-1)
    const ended = new Promise<void>((resolve) => {
      onMessage = () => received.includes('end') && resolve()
    })
    for (const [number, payload] of MESSAGES.entries()) {
      void publisher.publish(topicOf(name, number), payload, { qos })
      // Some in one packet of the network, some alone.
      if (number % 2 === 1 && payload !== last) await publisher.connected().catch(() => {})
    }
    await (await publisher.outbox).idle()
    await (
      await publisher.outbox
    ).settled((await publisher.publish(`${name}/end`, 'end', { qos: qos === 2 ? 2 : 1 })).id)
    await ended
    // nats-server sends again what had no answer when some seconds have passed, behind what came later.
    for (let turns = qos > 0 ? 0 : LATE; turns < LATE && MESSAGES.some((text) => !received.includes(text)); turns++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    // An answer of the server's own to whatever came before it: nothing that was sent twice is still under way.
    if (qos === 2) await settledDown(subscriber)
  } finally {
    await Promise.all([
      publisher.disconnect(version === 5 ? { sessionExpiry: 0 } : {}),
      subscriber.disconnect(version === 5 ? { sessionExpiry: 0 } : {}),
    ])
  }
  return {
    received: received.filter((payload) => payload !== 'end'),
    toTarget: Uint8Array.from(passed.target),
    toClient: Uint8Array.from(passed.client),
    connections: proxy.accepted,
  }
}

async function settledDown(client: MqttClient): Promise<void> {
  await client.connected().catch(() => client.connected())
  await client.unsubscribe('nobody/ever').catch(() => {})
}

interface CutReport {
  readonly problems: readonly string[]
  readonly runs: number
  /** of them, those whose connection was cut while it was in use */
  readonly cuts: number
}

/** One run for each place: the end of every packet, or a byte further in every second one; or every byte. */
export async function cutEverywhere(
  target: { port: number; host?: string },
  kind: Pick<CutPlan, 'version' | 'qos' | 'side' | 'pause'>,
  where: 'packets' | 'bytes',
): Promise<CutReport> {
  const { qos, side } = kind
  // All names have one length, so that all runs have the same bytes.
  const nameOf = (number: number): string => `${side[0]}${kind.version}${qos}${String(number).padStart(5, '0')}`
  const clean = await runCut(target, nameOf(99_999), { ...kind, to: 'target', after: Infinity })
  if (clean.received.join() !== MESSAGES.join()) throw new Error(`without a cut: ${clean.received.join()}`)
  const plans: CutPlan[] = (['target', 'client'] as const).flatMap((to) => {
    const stream = to === 'target' ? clean.toTarget : clean.toClient
    const ends = packetEnds(stream).slice(0, -1)
    const places = where === 'bytes' ? [...stream.keys()] : ends.map((end, at) => end + (at % 2))
    return places.map((after) => ({ ...kind, to, after }))
  })
  let cuts = 0
  const problems = await inParallel(plans, 8, async (plan, at) => {
    const { received, connections } = await runCut(target, nameOf(at), plan)
    if (connections > 1) cuts++
    return complaints(qos, received).map((problem) => `${JSON.stringify(plan)}: ${problem}`)
  })
  return { problems: problems.flat(), runs: plans.length, cuts }
}

/** What is wrong with what came; empty: nothing. */
function complaints(qos: Qos, received: readonly string[]): string[] {
  const problems: string[] = []
  for (const parity of [0, 1]) {
    const sent = MESSAGES.filter((payload) => Number(payload) % 2 === parity)
    const came = received.filter((payload) => Number(payload) % 2 === parity)
    const firsts = [...new Set(came)]
    if (qos > 0 && firsts.length !== sent.length) problems.push(`lost of ${sent.join()}: came ${came.join()}`)
    if (firsts.join() !== firsts.toSorted().join()) problems.push(`order: ${came.join()}`)
    if (qos !== 1 && came.length !== firsts.length) problems.push(`twice: ${came.join()}`)
  }
  return problems
}

/** Where the packets of a stream end: before each of these bytes, and one byte further, a cut is another case. */
function packetEnds(stream: Uint8Array): number[] {
  const ends: number[] = []
  for (let at = 0; at < stream.length;) {
    let length = 0
    let shift = 0
    let byte = 0x80
    for (at++; byte > 0x7f && at < stream.length; shift += 7) {
      byte = stream[at++]!
      length |= (byte & 0x7f) << shift
    }
    at += length
    if (at <= stream.length) ends.push(at)
  }
  return ends
}

/** So many at once; the results in order. */
async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, at: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++
      results[at] = await work(items[at]!, at)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}
