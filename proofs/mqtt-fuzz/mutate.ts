/** What a peer might send that is nearly MQTT: valid packets and sequences of them with something wrong, from a seed. */
import fc from 'fast-check'
import { encodeToBytes } from '@halyard/wire/mqtt'
import type { ProtocolVersion } from '@halyard/wire/mqtt'
import type { SeededRandom } from '@halyard/testkit'
import { packets } from './packets.ts'

/** Bytes at the edges of what fields may hold: lengths, properties, flags, beginnings of UTF-8 sequences. */
const INTERESTING = [0x00, 0x01, 0x02, 0x03, 0x23, 0x26, 0x2b, 0x7f, 0x80, 0xc0, 0xed, 0xff]
/** Most mistakes are near a field's edge, of which a long payload has none. */
const MAX_BYTES = 600
const PACKETS = 400

/** Valid packets of one version, as bytes; the first `connects` are CONNECTs. */
export interface Corpus {
  readonly version: ProtocolVersion
  readonly connects: readonly Uint8Array[]
  readonly others: readonly Uint8Array[]
}

export function corpusOf(version: ProtocolVersion, random: SeededRandom): Corpus {
  const seed = random.integer(2 ** 31)
  const all = fc.sample(packets(version), { seed, numRuns: PACKETS }).map((packet) => encodeToBytes(packet, version))
  const small = all.filter(({ length }) => length <= MAX_BYTES)
  const isConnect = (bytes: Uint8Array): boolean => bytes[0] === 0x10
  return { version, connects: small.filter(isConnect), others: small.filter((bytes) => !isConnect(bytes)) }
}

/** Changes a few bytes, cuts, repeats or drops a part; half of the time the length of the packet is made to fit again. */
export function mutatePacket(bytes: Uint8Array, random: SeededRandom): Uint8Array {
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
