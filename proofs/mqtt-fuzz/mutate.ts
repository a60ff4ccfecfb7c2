/** What a peer might send that is nearly MQTT: valid packets and sequences of them with something wrong, from a seed. */
import fc from 'fast-check'
import { decodePacket, encodeToBytes } from '@halyard/wire/mqtt'
import type { AllProperties, Packet, ProtocolVersion, Receiver } from '@halyard/wire/mqtt'
import type { SeededRandom } from '@halyard/testkit'
import { packets } from './packets.ts'

/** Bytes at the edges of what fields may hold: lengths, properties, flags, beginnings of UTF-8 sequences. */
const INTERESTING = [0x00, 0x01, 0x02, 0x03, 0x23, 0x26, 0x2b, 0x7f, 0x80, 0xc0, 0xed, 0xff]
/** Most mistakes are near a field's edge, of which a long payload has none. */
const MAX_BYTES = 600
const PACKETS = 400

const CONNECT_5 = '00044d515454 05 02 003c'
/**
 * Corners that mutations of random packets meet once in a million, by the version that they are of. They come as they
 * are and mutated.
 */
const CORNERS: Readonly<Record<ProtocolVersion, readonly string[]>> = {
  3: [
    // The user name's flag and no user name, which 3.1 allows; no client id; one of 24 characters.
    '10 0f 00064d514973647003 c2 003c 0001 61',
    '10 0e 00064d514973647003 02 003c 0000',
    `10 26 00064d514973647003 02 003c 0018 ${'61'.repeat(24)}`,
  ],
  4: [
    // A topic that is too long for the memo; no topic; no packet identifier; a length of two bytes where one does.
    `30 8702 0104 ${'61'.repeat(260)} 00`,
    '30 02 0000',
    '32 05 0001 61 0000',
    // U+FEFF, which is a character like any other.
    '30 06 0004 efbbbf61',
    '30 8400 0001 61 00',
    // A will's QoS, and its RETAIN, without a will.
    '10 0d 00044d51545404 0a 003c 0001 61',
    '10 0d 00044d51545404 22 003c 0001 61',
  ],
  5: [
    // Authentication data without a method; a length of two bytes where one does.
    `10 11 ${CONNECT_5} 03 160000 0001 61`,
    `10 8e00 ${CONNECT_5} 00 0001 61`,
    // A topic alias of 0, one instead of a topic, neither.
    '30 07 0001 61 03 230000',
    '30 06 0000 03 230001',
    '30 03 0000 00',
    // The same alias again.
    '30 07 0001 61 03 230001 30 07 0001 61 03 230001',
    // Nothing asked, nothing answered.
    '82 03 0001 00',
    '90 03 0001 00',
    'a2 03 0001 00',
    'b0 03 0001 00',
    // A shared subscription with No Local.
    '82 10 0001 00 000a 2473686172652f672f61 04',
    // No flag of 2, no size of 0, no identifier of 0.
    '30 06 0001 61 02 0102',
    `10 13 ${CONNECT_5} 05 2700000000 0001 61`,
    '82 08 0001 02 0b00 0001 61 00',
  ],
}

/** Packets of one version, as bytes. */
export interface Corpus {
  readonly version: ProtocolVersion
  readonly corners: readonly Uint8Array[]
  readonly connects: readonly Uint8Array[]
  readonly others: readonly Uint8Array[]
}

/** `receiver`: what only the other side may be sent is left out, so that what goes wrong goes wrong later. */
export function corpusOf(version: ProtocolVersion, random: SeededRandom, receiver?: Receiver): Corpus {
  const seed = random.integer(2 ** 31)
  const all = fc
    .sample(packets(version), { seed, numRuns: PACKETS })
    // A method of authentication is known to no server without it.
    .filter((packet) => receiver === undefined || !('properties' in packet && hasMethod(packet)))
    .map((packet) => encodeToBytes(packet, version))
    .filter((bytes) => bytes.length <= MAX_BYTES && (receiver === undefined || isFor(bytes, version, receiver)))
  const isConnect = (bytes: Uint8Array): boolean => bytes[0] === 0x10
  return {
    version,
    connects: all.filter(isConnect),
    others: all.filter((bytes) => !isConnect(bytes)),
    corners: CORNERS[version].map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex')),
  }
}

function hasMethod({ properties }: Packet & { readonly properties?: AllProperties }): boolean {
  return properties?.authenticationMethod !== undefined
}

function isFor(bytes: Uint8Array, version: ProtocolVersion, receiver: Receiver): boolean {
  try {
    return decodePacket(bytes, { version, receiver }) !== undefined
  } catch {
    return false
  }
}

/** Any packet of them: a corner in ten, a CONNECT in ten. */
export function pickPacket({ corners, connects, others }: Corpus, random: SeededRandom): Uint8Array {
  const which = random.integer(10)
  return random.pick(which === 0 ? corners : which === 1 ? connects : others)
}

/**
 * Changes a few bytes, cuts, repeats or drops a part; half of the time the length of the packet is made to fit again. One
 * in twenty stays as it is.
 */
export function mutatePacket(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  if (random.chance(0.05)) return bytes
  let out = Array.from(bytes)
  for (let left = 1 + random.integer(3); left > 0; left--) {
    const at = random.integer(out.length)
    switch (random.integer(6)) {
      case 0:
        out[at] = random.integer(256)
        break
      case 1:
        out[at] = random.pick(INTERESTING)
        break
      case 2:
        out[at] = (out[at] ?? 0) ^ (1 << random.integer(8))
        break
      case 3:
        out.splice(at, 1 + random.integer(4))
        break
      case 4:
        out.splice(at, 0, ...out.slice(at, at + 1 + random.integer(9)))
        break
      default:
        out = out.slice(0, at)
        break
    }
    if (out.length === 0) out.push(random.integer(256))
  }
  if (random.chance(0.5) && out.length >= 2 && out.length < 130) out[1] = out.length - 2
  return Uint8Array.from(out)
}

/** CONNECT and a few packets behind it; one of them is changed, left out, sent twice, or in the place of another. */
export function mutateSequence(corpus: Corpus, random: SeededRandom): Uint8Array {
  const { connects, others } = corpus
  const sequence = [random.pick(connects), ...Array.from({ length: 1 + random.integer(4) }, () => random.pick(others))]
  const at = random.integer(sequence.length)
  const one = sequence[at] ?? new Uint8Array(1)
  switch (random.integer(5)) {
    case 0:
      sequence.splice(at, 1)
      break
    case 1:
      sequence.splice(random.integer(sequence.length), 0, one)
      break
    case 2:
      sequence[at] = sequence[0] ?? one
      sequence[0] = one
      break
    default:
      sequence[at] = mutatePacket(one, random)
      break
  }
  return Buffer.concat(sequence)
}
