/** The same mutations against a server that listens: each connection must end as the standard says, and leave nothing. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createMqttServer } from '@halyard/hub/mqtt'
import { DEFAULT_MAX_USER_PROPERTIES, encodeToBytes, MqttProtocolError, PacketReader } from '@halyard/wire/mqtt'
import type { Packet, ProtocolVersion } from '@halyard/wire/mqtt'
import { seededRandom } from '@halyard/testkit'
import type { SeededRandom } from '@halyard/testkit'
import { usedMemory } from './memory.ts'
import { corpusOf, mutateSequence } from './mutate.ts'

/** Connections that are open at a time. */
const AT_ONCE = 16
/** Connections whose sequences are made of the same valid packets. */
const BATCH = 4000
/** Milliseconds: a thousand times what a connection needs. */
const PATIENCE = 20_000
/** What is kept for clients is bounded low, so that a bound that does not hold shows itself. */
const LIMITS = { sessionExpiry: 1, sessions: 2000, queuedMessages: 20, retainedMessages: 100 }

export interface HubFuzz {
  readonly connections: number
  /** Sequences that no server may take: the connection was ended. */
  readonly refused: number
  /** … and a client of 5.0 was told so in a DISCONNECT. */
  readonly told: number
  /** Sequences that nothing was wrong with: the server answered, unless it ended the connection with a reason. */
  readonly answered: number
  /** Bytes of memory after a third, and at the end. */
  readonly memory: readonly [before: number, after: number]
}

type Count = Record<'refused' | 'told' | 'answered', number>

export async function fuzzHub(
  { seed, count }: { readonly seed: number; readonly count: number },
  progress: (connections: number) => void = () => {},
): Promise<HubFuzz> {
  const errors: string[] = []
  const quiet = (): void => {}
  const logger = {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (_: object, message: string) => void errors.push(message),
  }
  const server = await createMqttServer({ port: 0, logger, limits: LIMITS, sysInterval: 0 })
  const random = seededRandom(seed)
  const found: Count = { refused: 0, told: 0, answered: 0 }
  let before = 0
  try {
    for (let begun = 0; begun < count; begun += BATCH) {
      const corpora = ([3, 4, 5] as const).map((version) => corpusOf(version, random, 'server'))
      const numbers = Array.from({ length: Math.min(BATCH, count - begun) }, (_, i) => begun + i).values()
      const one = async (): Promise<void> => {
        for (const number of numbers) {
          // In the order of the numbers, whichever connection is done first: what failed can be repeated.
          const bytes = mutateSequence(corpora[number % 3]!, random)
          await converse(server.port, bytes, random.fork(), found).catch((error: unknown) => {
            const hex = Buffer.from(bytes).toString('hex')
            throw new Error(`${String(error)}\nseed ${seed}, connection ${number}: ${hex}`, { cause: error })
          })
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, one))
      progress(Math.min(count, begun + BATCH))
      if (before === 0 && begun + BATCH >= count / 3) before = await usedMemory()
    }
    for (let left = 500; server.connections > 0; left--) {
      if (left === 0) throw new Error(`${server.connections} connections are left`)
      await wait(10)
    }
    if (errors.length > 0) throw new Error(`the server logged: ${errors.join('; ')}`)
    return { connections: count, ...found, memory: [before, await usedMemory()] }
  } finally {
    await server.close()
  }
}

/** What the decoder says that the server has to do. */
interface Expected {
  readonly version: ProtocolVersion | undefined
  /** The reason for which the connection must end; `undefined`: nothing is wrong. */
  readonly reasonCode: number | undefined
  /** A PINGREQ behind it would be read as one. */
  readonly isWhole: boolean
  /** The client said that it leaves. */
  readonly isLeaving: boolean
}

function expectationOf(bytes: Uint8Array): Expected {
  const packets: Packet[] = []
  const reader = new PacketReader(
    { publish: (packet) => packets.push(packet.toPacket()), packet: (packet) => packets.push(packet) },
    { receiver: 'server', maxUserProperties: DEFAULT_MAX_USER_PROPERTIES },
  )
  let reasonCode: number | undefined
  try {
    reader.push(bytes)
  } catch (error) {
    if (!(error instanceof MqttProtocolError)) throw error
    reasonCode = error.reasonCode
  }
  return {
    version: reader.version,
    reasonCode,
    isWhole: reasonCode === undefined && reader.held === 0 && packets.length > 0,
    isLeaving: packets.some(({ type }) => type === 'disconnect'),
  }
}

/** One connection from its first byte to its end. */
async function converse(port: number, bytes: Uint8Array, random: SeededRandom, found: Count): Promise<void> {
  const expected = expectationOf(bytes)
  const peer = new Peer(connect({ port, host: '127.0.0.1', noDelay: true }), expected.version)
  const size = random.chance(0.5) ? bytes.length : 1 + random.integer(40)
  for (let at = 0; at < bytes.length; at += size) peer.socket.write(bytes.subarray(at, at + size))
  if (expected.isWhole) {
    peer.socket.write(encodeToBytes({ type: 'pingreq' }, 4))
    await peer.until(({ packets }) => packets.some(({ type }) => type === 'pingresp'))
    found.answered++
  }
  // What is refused must be ended by the server; with the rest it is our turn.
  if (expected.reasonCode === undefined) peer.socket.end()
  await peer.until(() => false)
  if (expected.reasonCode !== undefined) {
    found.refused++
    if (peer.packets.at(-1)?.type === 'disconnect') found.told++
  }
  check(peer, expected)
}

/** What the server said, held against what it had to say. */
function check({ packets, isReset, problem }: Peer, { version, reasonCode, isLeaving }: Expected): void {
  if (problem !== undefined) throw new Error(`what the server sends is no MQTT: ${problem}`)
  const [first, last] = [packets[0], packets.at(-1)]
  if (first !== undefined && first.type !== 'connack' && first.type !== 'auth') {
    throw new Error(`the server begins with ${first.type}`)
  }
  if (first?.type === 'connack' && first.reasonCode !== 0 && packets.length > 1) {
    throw new Error('the server goes on behind its refusal')
  }
  // Bytes that are still on their way when the server closes take its last words with them, as TCP has it.
  if (isReset || version !== 5 || reasonCode === undefined || isLeaving) return
  if (first?.type !== 'connack' || first.reasonCode !== 0) return
  if (last?.type !== 'disconnect') throw new Error('a client of 5.0 was not told why its connection ended')
  // Another mistake before it, or another client with the same name, may have been first.
  if (last.reasonCode < 0x80) throw new Error(`the server ended the connection with 0x${last.reasonCode.toString(16)}`)
}

/** A socket, and what comes out of it as packets. */
class Peer {
  readonly socket: Socket
  readonly packets: Packet[] = []
  isReset = false
  problem: string | undefined
  #isClosed = false
  #wake: () => void = () => {}

  constructor(socket: Socket, version: ProtocolVersion | undefined) {
    this.socket = socket
    const keep = (packet: Packet): unknown => this.packets.push(packet)
    // A refusal before the version is known has the form of 3.1.1.
    const options = { receiver: 'client', version: version ?? 4, maxPacketBytes: 2 ** 24 } as const
    const reader = new PacketReader({ publish: (packet) => keep(packet.toPacket()), packet: keep }, options)
    socket.on('error', () => (this.isReset = true))
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk)
      } catch (error) {
        this.problem = `${String(error)} in ${chunk.toString('hex')}`
      }
      this.#wake()
    })
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  /** Until the condition holds, or the connection is over. */
  async until(condition: (peer: Peer) => boolean): Promise<void> {
    const timer = setTimeout(() => this.socket.destroy(new Error('hangs')), PATIENCE)
    const begun = performance.now()
    while (!this.#isClosed && !condition(this)) await new Promise<void>((resolve) => (this.#wake = resolve))
    clearTimeout(timer)
    if (performance.now() - begun >= PATIENCE) throw new Error('the server did not end a connection, or did not answer')
  }
}
