import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { encodeToBytes, MqttProtocolError, PacketReader } from '../../src/mqtt/index.ts'
import type { ProtocolVersion, Receiver } from '../../src/mqtt/index.ts'
import { packets } from './arbitraries.ts'

/** Numbers that are the same in every run (mulberry32), so that a failure can be repeated. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}

const INTERESTING = [0x00, 0x01, 0x02, 0x03, 0x23, 0x26, 0x2b, 0x7f, 0x80, 0xc0, 0xed, 0xff]

/** Changes a few bytes, cuts, repeats or drops a part; half of the time the length of the packet is made to fit again. */
function mutate(bytes: Uint8Array, next: () => number): Uint8Array {
  let out = Array.from(bytes)
  for (let n = 1 + (next() % 3); n > 0; n--) {
    const at = next() % out.length
    switch (next() % 6) {
      case 0:
        out[at] = next() & 0xff
        break
      case 1:
        out[at] = INTERESTING[next() % INTERESTING.length] ?? 0
        break
      case 2:
        out[at] = (out[at] ?? 0) ^ (1 << (next() % 8))
        break
      case 3:
        out.splice(at, 1 + (next() % 4))
        break
      case 4:
        out.splice(at, 0, ...out.slice(at, at + 1 + (next() % 9)))
        break
      case 5:
        out = out.slice(0, at)
        break
    }
    if (out.length === 0) out.push(next() & 0xff)
  }
  if (next() % 2 === 0 && out.length >= 2 && out.length < 130) out[1] = out.length - 2
  return Uint8Array.from(out)
}

/** Every code that a decoder can give; each must have been seen, so that the mutations reach every branch. */
const CODES = [
  'ERR_MQTT_CLIENT_ID',
  'ERR_MQTT_CONNACK_FLAGS',
  'ERR_MQTT_CONNECTED',
  'ERR_MQTT_CONNECT_FLAGS',
  'ERR_MQTT_EMPTY',
  'ERR_MQTT_FLAGS',
  'ERR_MQTT_LENGTH',
  'ERR_MQTT_LIMIT',
  'ERR_MQTT_NOT_CONNECTED',
  'ERR_MQTT_PACKET_ID',
  'ERR_MQTT_PACKET_TOO_LARGE',
  'ERR_MQTT_PACKET_TYPE',
  'ERR_MQTT_PROPERTY',
  'ERR_MQTT_PROPERTY_TWICE',
  'ERR_MQTT_PROPERTY_VALUE',
  'ERR_MQTT_PROTOCOL',
  'ERR_MQTT_PROTOCOL_NAME',
  'ERR_MQTT_PROTOCOL_VERSION',
  'ERR_MQTT_PUBLISH_FLAGS',
  'ERR_MQTT_REASON_CODE',
  'ERR_MQTT_SUBSCRIPTION_OPTIONS',
  'ERR_MQTT_TOPIC',
  'ERR_MQTT_TRAILING',
  'ERR_MQTT_TRUNCATED',
  'ERR_MQTT_UTF8',
]

describe('100,000 mutated packets', () => {
  it('each ends as packets or as an MqttProtocolError, whole and in pieces alike, and every code is seen', () => {
    const next = numbers(20_260)
    const seen = new Map<string, number>()
    let accepted = 0
    const run = (
      bytes: Uint8Array,
      pieces: number,
      version: ProtocolVersion | undefined,
      receiver?: Receiver,
    ): string => {
      let told = ''
      const reader = new PacketReader(
        {
          publish: (packet) => {
            told += `publish ${packet.topic.text} ${packet.payload().length} `
          },
          packet: (packet) => {
            told += `${packet.type} `
          },
        },
        { version, receiver, maxPacketBytes: 2000, maxUserProperties: 3 },
      )
      try {
        for (let at = 0; at < bytes.length; at += pieces) reader.push(bytes.subarray(at, at + pieces))
      } catch (error) {
        if (!(error instanceof MqttProtocolError)) throw error
        if (error.reasonCode < 0x80) throw new Error(`${error.code} has no failure as its reason`, { cause: error })
        return `${told}${error.code}`
      }
      if (reader.held > bytes.length) throw new Error('the reader grew')
      return `${told}held ${reader.held}`
    }
    for (const version of [3, 4, 5] as const) {
      const seeds = fc
        .sample(packets(version), { seed: 7, numRuns: 400 })
        .map((packet) => encodeToBytes(packet, version))
      const small = seeds.filter((bytes) => bytes.length < 300)
      for (let i = 0; i < 33_334; i++) {
        const bytes = mutate(small[next() % small.length] ?? new Uint8Array(1), next)
        // What begins a connection is a CONNECT; the rest is read on one that is under way.
        const fresh = bytes[0]! >> 4 === 1 || i % 50 === 0
        const receiver = ([undefined, 'server', 'client'] as const)[i % 3]
        const known = fresh ? undefined : version
        const told = run(bytes, bytes.length, known, receiver)
        if (i % 10 === 0) expect(run(bytes, 1 + (i % 7), known, receiver)).toBe(told)
        const code = /ERR_\w+$/.exec(told)?.[0]
        if (code) seen.set(code, (seen.get(code) ?? 0) + 1)
        else accepted++
      }
    }
    // Two CONNECTs in one stream are a sequence, which no change of one packet makes.
    const twice = Buffer.from('100d00044d5154540402003c000161'.repeat(2), 'hex')
    seen.set(run(twice, 99, undefined).replace('connect ', ''), 1)
    expect([...seen.keys()].sort()).toEqual(CODES)
    expect(accepted).toBeGreaterThan(5000)
  }, 60_000)
})
