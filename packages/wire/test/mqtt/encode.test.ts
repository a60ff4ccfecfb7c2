import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import {
  copyFrame,
  decodePacket,
  encode,
  encodeAcknowledgement,
  encodePublish,
  encodePublishProperties,
  encodeToBytes,
  encodeUtf8,
  fitTo,
  frameOf,
  MqttEncodeError,
  reasonName,
  sizeOf,
  sizeOfPublishParts,
  withoutProblemInformation,
} from '../../src/mqtt/index.ts'
import type { Explained, Packet, ProtocolVersion, Publish } from '../../src/mqtt/index.ts'
import { packets } from '../../../../proofs/mqtt-fuzz/packets.ts'

const publish: Publish = { type: 'publish', topic: 'a', payload: new Uint8Array(3), qos: 0, retain: false, dup: false }
const subscription = { filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
const connect = { type: 'connect', version: 4, clientId: 'c', cleanStart: true, keepAlive: 0 } as const

describe('what the standard forbids is not written', () => {
  const cases: readonly (readonly [title: string, version: ProtocolVersion, packet: Packet])[] = [
    ['[MQTT-1.5.4-1] half of a surrogate pair', 5, { ...publish, topic: 'a\uD800' }],
    ['[MQTT-1.5.4-2] U+0000', 5, { ...publish, topic: 'a\0' }],
    ['[MQTT-2.2.1-3] [MQTT-2.2.1-4] packet identifier 0', 5, { ...publish, qos: 1, packetId: 0 }],
    ['[MQTT-2.3.1-1] QoS 1 without packet identifier', 4, { ...publish, qos: 1 }],
    ['a packet identifier of 65,536', 4, { type: 'puback', packetId: 65_536, reasonCode: 0 }],
    ['[MQTT-3.3.1-2] [MQTT-4.3.1-1] QoS 0 with DUP', 4, { ...publish, dup: true }],
    ['[MQTT-3.3.1-4] QoS 3', 4, { ...publish, qos: 3 as 2, packetId: 1 }],
    ['[MQTT-3.3.2-2] a topic with a wildcard', 4, { ...publish, topic: 'a/#' }],
    ['[MQTT-4.7.3-1] an empty topic', 5, { ...publish, topic: '' }],
    [
      '[MQTT-4.7.3-1] an empty topic, though with an alias, before 5.0',
      4,
      { ...publish, topic: '', properties: { topicAlias: 1 } },
    ],
    ['[MQTT-4.7.3-3] a topic of 65,536 bytes', 4, { ...publish, topic: 'a'.repeat(65_536) }],
    ['[MQTT-3.3.2-8] a topic alias of 0', 5, { ...publish, properties: { topicAlias: 0 } }],
    ['[MQTT-3.3.2-14] a response topic with a wildcard', 5, { ...publish, properties: { responseTopic: '+' } }],
    [
      'a subscription identifier that does not fit',
      5,
      { ...publish, properties: { subscriptionIdentifiers: [268_435_456] } },
    ],
    ['correlation data of 65,536 bytes', 5, { ...publish, properties: { correlationData: new Uint8Array(65_536) } }],
    ['[MQTT-3.1.2-22] a password without a user name', 4, { ...connect, password: new Uint8Array(1) }],
    ['[MQTT-3.1.3-7] an empty client id without clean session', 4, { ...connect, clientId: '', cleanStart: false }],
    ['a client id of 24 characters in 3.1', 3, { ...connect, version: 3, clientId: 'x'.repeat(24) }],
    [
      '[MQTT-3.1.2-12] a will QoS of 3',
      5,
      { ...connect, will: { topic: 'a', payload: new Uint8Array(0), qos: 3 as 2, retain: false } },
    ],
    [
      'a will topic with a wildcard',
      5,
      { ...connect, will: { topic: '#', payload: new Uint8Array(0), qos: 0, retain: false } },
    ],
    ['a keep alive that does not fit', 4, { ...connect, keepAlive: 65_536 }],
    ['a receive maximum of 0', 5, { ...connect, version: 5, properties: { receiveMaximum: 0 } }],
    [
      'a session expiry that is no whole number',
      5,
      { ...connect, version: 5, properties: { sessionExpiryInterval: 0.5 } },
    ],
    ['[MQTT-3.2.2-6] a refusal with a session', 5, { type: 'connack', sessionPresent: true, reasonCode: 0x87 }],
    [
      '[MQTT-3.2.2-8] a CONNACK with a code it does not have',
      5,
      { type: 'connack', sessionPresent: false, reasonCode: 5 },
    ],
    ['[MQTT-3.4.2-1] a PUBACK with a code it does not have', 5, { type: 'puback', packetId: 1, reasonCode: 0x92 }],
    ['a PUBACK with a code before 5.0', 4, { type: 'puback', packetId: 1, reasonCode: 0x10 }],
    ['[MQTT-3.8.3-2] SUBSCRIBE without a filter', 5, { type: 'subscribe', packetId: 1, subscriptions: [] }],
    [
      '[MQTT-3.8.3-4] a shared subscription with No Local',
      5,
      { type: 'subscribe', packetId: 1, subscriptions: [{ ...subscription, filter: '$share/g/a', noLocal: true }] },
    ],
    ['[MQTT-4.7.3-1] an empty filter', 5, { type: 'unsubscribe', packetId: 1, filters: [''] }],
    ['[MQTT-3.9.3-2] a SUBACK with a code it does not have', 4, { type: 'suback', packetId: 1, reasonCodes: [0x87] }],
    ['[MQTT-3.10.3-2] UNSUBSCRIBE without a filter', 5, { type: 'unsubscribe', packetId: 1, filters: [] }],
    [
      '[MQTT-3.11.3-2] an UNSUBACK with a code it does not have',
      5,
      { type: 'unsuback', packetId: 1, reasonCodes: [1] },
    ],
    ['[MQTT-3.14.2-1] a DISCONNECT with a code it does not have', 5, { type: 'disconnect', reasonCode: 1 }],
    ['[MQTT-3.15.2-1] an AUTH with a code it does not have', 5, { type: 'auth', reasonCode: 1 }],
    ['an AUTH without its method', 5, { type: 'auth', reasonCode: 0x18 }],
    ['an AUTH before 5.0', 4, { type: 'auth', reasonCode: 0 }],
  ]
  for (const [title, version, packet] of cases) {
    it(title, () => {
      const out = new Uint8Array(200_000).fill(0xa5)
      expect(() => encode(packet, version, out, 0)).toThrow(MqttEncodeError)
      expect(() => sizeOf(packet, version)).toThrow(expect.objectContaining({ code: 'ERR_MQTT_UNENCODABLE' }))
      expect(out.every((byte) => byte === 0xa5)).toBe(true)
    })
  }
})

describe('what is said beside a reason code', () => {
  const properties = { reasonString: 'because', userProperties: [['name', 'value']] } as const
  const explained: readonly (readonly [clauses: string, packet: Explained])[] = [
    ['[MQTT-3.2.2-19] [MQTT-3.2.2-20]', { type: 'connack', sessionPresent: false, reasonCode: 0x97, properties }],
    ['[MQTT-3.4.2-2] [MQTT-3.4.2-3]', { type: 'puback', packetId: 1, reasonCode: 0x97, properties }],
    ['[MQTT-3.5.2-2] [MQTT-3.5.2-3]', { type: 'pubrec', packetId: 1, reasonCode: 0x97, properties }],
    ['[MQTT-3.6.2-2] [MQTT-3.6.2-3]', { type: 'pubrel', packetId: 1, reasonCode: 0x92, properties }],
    ['[MQTT-3.7.2-2] [MQTT-3.7.2-3]', { type: 'pubcomp', packetId: 1, reasonCode: 0x92, properties }],
    ['[MQTT-3.9.2-1] [MQTT-3.9.2-2]', { type: 'suback', packetId: 1, reasonCodes: [0x97], properties }],
    ['[MQTT-3.11.2-1] [MQTT-3.11.2-2]', { type: 'unsuback', packetId: 1, reasonCodes: [0x87], properties }],
    ['[MQTT-3.14.2-3] [MQTT-3.14.2-4]', { type: 'disconnect', reasonCode: 0x97, properties }],
    [
      '[MQTT-3.15.2-2] [MQTT-3.15.2-3]',
      { type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm', ...properties } },
    ],
  ]
  for (const [clauses, packet] of explained) {
    it(`${clauses} is left out of ${packet.type} where it would not fit`, () => {
      const { userProperties, ...reason } = packet.properties ?? {}
      const { reasonString, ...bare } = reason
      expect([userProperties, reasonString]).toEqual([properties.userProperties, properties.reasonString])
      const brief = { ...packet, properties: reason } as Explained
      const least = { ...packet, properties: bare } as Explained
      const size = sizeOf(packet, 5)
      expect(fitTo(packet, size)).toBe(packet)
      expect(fitTo(packet, size - 1)).toEqual(brief)
      expect(fitTo(packet, sizeOf(brief, 5) - 1)).toEqual(least)
      expect(fitTo(packet, sizeOf(least, 5) - 1)).toBeUndefined()
    })
    it(`[MQTT-3.1.2-29] ${packet.type} for a client that wants no problem information`, () => {
      const stays = packet.type === 'connack' || packet.type === 'disconnect'
      expect(withoutProblemInformation(packet).properties?.reasonString).toBe(stays ? 'because' : undefined)
      expect('userProperties' in (withoutProblemInformation(packet).properties ?? {})).toBe(stays)
    })
  }
})

describe('the largest packet', () => {
  // Memory that is never touched, so that it costs nothing.
  const payload = new Uint8Array(268_435_456)
  it('has a body of 268,435,455 bytes (5.0 §2.1.4)', () => {
    expect(sizeOf({ ...publish, payload: payload.subarray(0, 268_435_452) }, 4)).toBe(268_435_460)
    expect(() => sizeOf({ ...publish, payload: payload.subarray(0, 268_435_453) }, 4)).toThrow(
      /longer than MQTT allows/,
    )
    const parts = {
      topic: encodeUtf8('a'),
      properties: new Uint8Array(0),
      payload,
      payloadAt: 0,
      payloadEnd: 268_435_453,
    }
    expect(() => encodePublish(parts, 0, false, false, 0, new Uint8Array(9), 0)).toThrow(/longer than MQTT allows/)
  })
})

describe('reason codes', () => {
  it('have the names of 5.0', () => {
    expect([reasonName(0x81), reasonName(0x8e), reasonName(0x00), reasonName(0x05)]).toEqual([
      'malformedPacket',
      'sessionTakenOver',
      'success',
      undefined,
    ])
  })
})

describe('PUBLISH for many', () => {
  it('the parts, the frame and its copy are the bytes of encode', () => {
    for (const version of [4, 5] as const) {
      const publishes = packets(version).filter((packet): packet is Publish => packet.type === 'publish')
      fc.assert(
        fc.property(publishes, fc.nat(5), (packet, at) => {
          const { qos, retain, dup, packetId = 0 } = packet
          const expected = encodeToBytes(packet, version)
          const around = Buffer.concat([new Uint8Array(3), packet.payload, new Uint8Array(2)])
          const parts = {
            topic: encodeUtf8(packet.topic),
            properties: encodePublishProperties(packet.properties, version),
            payload: around,
            payloadAt: 3,
            payloadEnd: around.length - 2,
          }
          expect(sizeOfPublishParts(parts, qos)).toBe(expected.length)
          const out = new Uint8Array(at + expected.length)
          expect(encodePublish(parts, qos, retain, dup, packetId, out, at)).toBe(out.length)
          expect(Buffer.compare(out.subarray(at), expected)).toBe(0)
          out.fill(0)
          const frame = frameOf(parts, qos, retain)
          expect(copyFrame(frame, packetId, dup, out, at)).toBe(out.length)
          expect(Buffer.compare(out.subarray(at), expected)).toBe(0)
          expect(frame.packetIdAt > 0).toBe(qos > 0)
        }),
        { numRuns: 150 },
      )
    }
  })

  it('successful acknowledgements in four bytes', () => {
    for (const type of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) {
      const out = new Uint8Array(5)
      expect(encodeAcknowledgement(type, 65_534, out, 1)).toBe(5)
      for (const version of [3, 4, 5] as const) {
        expect(decodePacket(out.subarray(1), { version })?.packet).toEqual({ type, packetId: 65_534, reasonCode: 0 })
      }
    }
  })
})
