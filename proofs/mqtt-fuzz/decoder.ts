/** The decoder of MQTT against whatever comes: packets, or an error that the standard names, and nothing else. */
import { isDeepStrictEqual } from 'node:util'
import {
  decodePacket,
  encodeToBytes,
  MqttEncodeError,
  MqttProtocolError,
  PacketReader,
  ReadingDesk,
  TopicMemo,
} from '@halyard/wire/mqtt'
import type { Packet, ProtocolVersion, Receiver } from '@halyard/wire/mqtt'
import { seededRandom } from '@halyard/testkit'
import type { SeededRandom } from '@halyard/testkit'
import { corpusOf, mutatePacket, mutateSequence, pickPacket } from './mutate.ts'
import type { Corpus } from './mutate.ts'

/** Inputs that are made of the same valid packets. */
const BATCH = 50_000
const VERSIONS = [3, 4, 5] as const
const RECEIVERS = [undefined, 'server', 'client'] as const
/** One input of so many is also read in pieces, and what it holds is written and read again. */
const CLOSER_LOOK = 10

export interface DecoderFuzz {
  readonly inputs: number
  readonly sequences: number
  /** Inputs in which nothing was wrong after all. */
  readonly accepted: number
  /** Packets that were written again, and read as the same. */
  readonly rewritten: number
  /** Inputs that were refused, by the code of the error. */
  readonly codes: Readonly<Record<string, number>>
}

interface Input {
  readonly bytes: Uint8Array
  /** Of the connection; `undefined`: it begins with these bytes. */
  readonly version: ProtocolVersion | undefined
  readonly receiver: Receiver | undefined
  /** Stops at each packet and goes on when all has come, as a server does at CONNECT. */
  readonly pausing: boolean
  /** Limits of ours that the inputs reach, instead of the usual ones. */
  readonly narrow: boolean
}

interface Reading {
  readonly packets: readonly Packet[]
  readonly version: ProtocolVersion | undefined
  readonly held: number
  readonly code: string | undefined
}

/**
 * Reads `count` inputs made from `seed`. Throws for the first that ends in another way than it may: the error says seed,
 * number and bytes, which repeat it.
 */
export function fuzzDecoder({ seed, count }: { readonly seed: number; readonly count: number }): DecoderFuzz {
  const random = seededRandom(seed)
  const topics = new TopicMemo(64)
  const found = { sequences: 0, accepted: 0, rewritten: 0, codes: {} as Record<string, number> }
  for (let done = 0; done < count;) {
    const corpora = VERSIONS.map((version) => corpusOf(version, random))
    for (const end = Math.min(count, done + BATCH); done < end; done++) {
      const corpus = corpora[done % 3]!
      const isSequence = random.chance(0.25)
      const input = inputOf(corpus, isSequence, random)
      try {
        const { code, packets, version, held } = read(input, input.bytes.length, topics)
        if (isSequence) found.sequences++
        if (code === undefined) found.accepted++
        else found.codes[code] = (found.codes[code] ?? 0) + 1
        if (done % CLOSER_LOOK > 0) continue
        inPieces(input, 1 + random.integer(7), topics)
        alone(input)
        for (const packet of packets) {
          const again = rewrite(packet, version ?? 4, input.receiver)
          if (again === undefined) continue
          found.rewritten++
          if (version === 4 && packets.length === 1 && code === undefined && held === 0) sameBody(input.bytes, again)
        }
      } catch (error) {
        const { bytes, version = 'none yet', receiver = 'both' } = input
        const hex = Buffer.from(bytes).toString('hex')
        const what = `seed ${seed}, input ${done} (version: ${version}, receiver: ${receiver}): ${hex}`
        throw new Error(`${error instanceof Error ? error.message : String(error)}\n${what}`, { cause: error })
      }
    }
  }
  overflow()
  sharedDesk()
  return { inputs: count, ...found }
}

function inputOf(corpus: Corpus, isSequence: boolean, random: SeededRandom): Input {
  const receiver = random.pick(RECEIVERS)
  const how = { receiver, pausing: random.chance(0.1), narrow: random.chance(0.8) }
  if (isSequence) return { bytes: mutateSequence(corpus, random), version: undefined, ...how }
  const bytes = mutatePacket(pickPacket(corpus, random), random)
  // What begins a connection is a CONNECT; the rest is read on one that is under way.
  const fresh = (bytes[0] ?? 0) >> 4 === 1 || random.chance(0.02)
  return { bytes, version: fresh ? undefined : corpus.version, ...how }
}

/** Limits that inputs of some hundred bytes reach. */
const NARROW = { maxPacketBytes: 300, maxUserProperties: 3 }

function read(
  { bytes, version, receiver, pausing, narrow }: Input,
  size: number,
  topics: TopicMemo | undefined,
): Reading {
  const packets: Packet[] = []
  const keep = (packet: Packet): void => {
    packets.push(packet)
    if (pausing) reader.pause()
  }
  const reader = new PacketReader(
    { publish: (packet) => keep(packet.toPacket()), packet: keep },
    { version, receiver, topics, ...(narrow && NARROW) },
  )
  try {
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
    // A reader that does not pause takes no notice.
    for (let before = -1; packets.length > before; reader.resume()) before = packets.length
  } catch (error) {
    if (!(error instanceof MqttProtocolError)) throw error
    if (error.reasonCode < 0x80) throw new Error(`${error.code} has no failure as its reason`, { cause: error })
    const taken = packets.length
    reader.push(bytes)
    if (reader.held > 0 || packets.length > taken) throw new Error('it goes on behind an error', { cause: error })
    return { packets, version: reader.version, held: 0, code: error.code }
  }
  if (reader.held > bytes.length) throw new Error('the reader holds more than it was given')
  return { packets, version: reader.version, held: reader.held, code: undefined }
}

/** However the bytes come, the same is read. */
function inPieces(input: Input, size: number, topics: TopicMemo): void {
  const whole = read(input, input.bytes.length, undefined)
  const parts = read(input, size, topics)
  if (!isDeepStrictEqual(parts, whole)) throw new Error(`in pieces of ${size} bytes it is read as something else`)
}

/** The door for tools reads the same as a connection does, as far as one packet goes. */
function alone({ bytes, version, receiver }: Input): void {
  if (version === undefined) return
  const { packets } = read({ bytes, version, receiver, pausing: false, narrow: false }, bytes.length, undefined)
  let one
  try {
    one = decodePacket(bytes, { version, receiver })?.packet
  } catch (error) {
    if (!(error instanceof MqttProtocolError)) throw error
  }
  if (!isDeepStrictEqual(one, packets[0])) throw new Error('decodePacket reads something else')
}

/** Two readers at one desk, the second of which is given bytes in the middle of the first one's: each reads its own. */
function sharedDesk(): void {
  const desk = new ReadingDesk()
  const types: string[] = []
  const inner = new PacketReader({ publish: () => {}, packet: ({ type }) => types.push(type) }, { version: 4, desk })
  const packet = ({ type }: Packet): void => {
    types.push(type)
    if (type === 'pingreq') inner.push(Uint8Array.of(0xd0, 0))
  }
  new PacketReader({ publish: () => {}, packet }, { version: 5, desk }).push(Uint8Array.of(0xc0, 0, 0xe0, 0))
  if (types.join(' ') !== 'pingreq pingresp disconnect') throw new Error(`readers at one desk read ${types.join(' ')}`)
}

/** What comes while a reader pauses is kept up to a bound. */
function overflow(): void {
  const reader = new PacketReader({ publish: () => {}, packet: () => {} })
  reader.pause()
  const chunk = new Uint8Array(65_536)
  try {
    for (let left = 20; left > 0; left--) reader.push(chunk)
  } catch (error) {
    if (error instanceof MqttProtocolError && error.code === 'ERR_MQTT_LIMIT' && reader.held === 0) return
    throw error
  }
  throw new Error('a reader that pauses keeps what it is given without a bound')
}

/** Whatever was taken can be written, and then reads as the same; unless the standard forbids to write what it lets us take. */
function rewrite(packet: Packet, version: ProtocolVersion, receiver: Receiver | undefined): Uint8Array | undefined {
  let bytes
  try {
    bytes = encodeToBytes(packet, version)
  } catch (error) {
    if (error instanceof MqttEncodeError) return undefined
    throw error
  }
  const fresh = packet.type === 'connect' ? undefined : version
  const again = read({ bytes, version: fresh, receiver, pausing: false, narrow: false }, bytes.length, undefined)
  if (!isDeepStrictEqual(again.packets, [packet]))
    throw new Error(`a ${packet.type} is not the same when written again`)
  return bytes
}

/**
 * Before properties there is one way to write a packet, but for the bytes of its length: what was taken and is written
 * otherwise was not what it was taken for.
 */
function sameBody(before: Uint8Array, after: Uint8Array): void {
  if (before[0] === after[0] && Buffer.compare(bodyOf(before), bodyOf(after)) === 0) return
  throw new Error(`it is written otherwise than it was read: ${Buffer.from(after).toString('hex')}`)
}

function bodyOf(bytes: Uint8Array): Uint8Array {
  const ofLength = bytes.subarray(1).findIndex((byte) => byte < 0x80) + 1
  return bytes.subarray(1 + ofLength)
}
