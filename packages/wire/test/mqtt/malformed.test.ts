import { describe, expect, it } from 'vitest'
import { MqttProtocolError, PacketReader } from '../../src/mqtt/index.ts'
import type { Packet, PacketReaderOptions, ProtocolVersion } from '../../src/mqtt/index.ts'
import { collect } from './helpers.ts'
import { field, packet, read, refuses, text } from './malformed.ts'

describe('statements of 3.1.1, and of 3.1 where they are the same', () => {
  const cases: readonly (readonly [
    title: string,
    hex: string,
    code: string,
    reason: number,
    from?: PacketReaderOptions,
  ])[] = [
    ['[MQTT-1.5.3-1] surrogates in a topic', packet('30', field('eda080')), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-1.5.3-1] an overlong form', packet('30', field('c0af')), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-1.5.3-1] a point beyond U+10FFFF', packet('30', field('f4908080')), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-1.5.3-1] a sequence cut off', packet('30', field('61e282')), 'ERR_MQTT_UTF8', 0x81],
    [
      '[MQTT-1.5.3-1] a lone continuation byte behind 40 ASCII ones',
      packet('30', field(`${'61'.repeat(40)}80`)),
      'ERR_MQTT_UTF8',
      0x81,
    ],
    ['[MQTT-1.5.3-2] U+0000 in a topic', packet('30', field('610062')), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-1.5.3-2] U+0000 as Java writes it', packet('30', field('c080')), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-2.2.2-1] [MQTT-2.2.2-2] PUBACK with flags', '41020001', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-2.2.2-2] PUBREC with flags', '52020001', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-2.2.2-2] PUBCOMP with flags', '72020001', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-2.2.2-2] PINGREQ with flags', 'c100', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-2.2.2-2] PINGRESP with flags', 'd800', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-2.2.2-2] CONNACK with flags', '22020000', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-2.2.2-2] SUBACK with flags', '9203000100', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-2.2.2-2] UNSUBACK with flags', 'b2020001', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-3.6.1-1] PUBREL without its flags', '60020001', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-3.8.1-1] SUBSCRIBE without its flags', packet('80', '0001', text('a'), '00'), 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-3.10.1-1] UNSUBSCRIBE without its flags', packet('a0', '0001', text('a')), 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-3.14.1-1] DISCONNECT with flags', 'e100', 'ERR_MQTT_FLAGS', 0x81],
    [
      '[MQTT-2.3.1-1] PUBLISH QoS 1 with packet identifier 0',
      packet('32', text('a'), '0000'),
      'ERR_MQTT_PACKET_ID',
      0x81,
    ],
    ['[MQTT-2.3.1-1] PUBLISH QoS 2 without packet identifier', packet('34', text('a')), 'ERR_MQTT_TRUNCATED', 0x81],
    [
      '[MQTT-2.3.1-1] SUBSCRIBE with packet identifier 0',
      packet('82', '0000', text('a'), '00'),
      'ERR_MQTT_PACKET_ID',
      0x81,
    ],
    [
      '[MQTT-2.3.1-1] UNSUBSCRIBE with packet identifier 0',
      packet('a2', '0000', text('a')),
      'ERR_MQTT_PACKET_ID',
      0x81,
    ],
    ['[MQTT-2.3.1-6] PUBACK with packet identifier 0', '40020000', 'ERR_MQTT_PACKET_ID', 0x81],
    ['[MQTT-2.3.1-7] SUBACK with packet identifier 0', '9003000000', 'ERR_MQTT_PACKET_ID', 0x81],
    ['[MQTT-3.3.1-2] QoS 0 with DUP', packet('38', text('a')), 'ERR_MQTT_PUBLISH_FLAGS', 0x81],
    ['[MQTT-3.3.1-4] QoS 3', packet('36', text('a'), '0001'), 'ERR_MQTT_PUBLISH_FLAGS', 0x81],
    ['[MQTT-3.3.2-1] a PUBLISH that ends inside its topic', packet('30', '0005', '61'), 'ERR_MQTT_TRUNCATED', 0x81],
    ['[MQTT-3.3.2-1] a PUBLISH of one byte', packet('30', '00'), 'ERR_MQTT_TRUNCATED', 0x81],
    ['[MQTT-3.3.2-2] [MQTT-4.7.1-1] a topic with #', packet('30', text('a/#')), 'ERR_MQTT_TOPIC', 0x81],
    ['[MQTT-3.3.2-2] a topic with +', packet('30', text('+')), 'ERR_MQTT_TOPIC', 0x81],
    ['[MQTT-4.7.3-1] an empty topic', packet('30', text('')), 'ERR_MQTT_TOPIC', 0x82],
    ['[MQTT-3.8.3-1] a filter that is not UTF-8', packet('82', '0001', field('ff'), '00'), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-3.8.3-3] SUBSCRIBE without a filter', packet('82', '0001'), 'ERR_MQTT_EMPTY', 0x82],
    ['[MQTT-3.8.3-4] QoS 3 asked for', packet('82', '0001', text('a'), '03'), 'ERR_MQTT_SUBSCRIPTION_OPTIONS', 0x81],
    [
      '[MQTT-3.8.3-4] reserved bits in the QoS',
      packet('82', '0001', text('a'), '04'),
      'ERR_MQTT_SUBSCRIPTION_OPTIONS',
      0x81,
    ],
    ['[MQTT-3.8.4-5] SUBACK without a return code', packet('90', '0001'), 'ERR_MQTT_EMPTY', 0x82],
    [
      '[MQTT-3.9.3-2] a return code that SUBACK does not have',
      packet('90', '0001', '03'),
      'ERR_MQTT_REASON_CODE',
      0x82,
    ],
    ['[MQTT-3.10.3-1] a filter that is not UTF-8', packet('a2', '0001', field('61c3')), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-3.10.3-2] UNSUBSCRIBE without a filter', packet('a2', '0001'), 'ERR_MQTT_EMPTY', 0x82],
    ['[MQTT-3.2.2-4] a refusal with a session', '20020105', 'ERR_MQTT_PROTOCOL', 0x82],
    ['[MQTT-3.2.2-6] a return code that CONNACK does not have', '20020006', 'ERR_MQTT_REASON_CODE', 0x82],
    ['reserved acknowledge flags in CONNACK (3.1.1 §3.2.2.1)', '20020200', 'ERR_MQTT_CONNACK_FLAGS', 0x81],
    ['packet type 0 (3.1.1 §2.2.1)', '0000', 'ERR_MQTT_PACKET_TYPE', 0x81],
    ['packet type 15, which is AUTH only in 5.0', 'f000', 'ERR_MQTT_PACKET_TYPE', 0x81],
    ['a remaining length of five bytes (3.1.1 §2.2.3)', 'c08080808000', 'ERR_MQTT_LENGTH', 0x81],
    ['[MQTT-4.8.0-1] PUBACK with a byte too many', '4003000100', 'ERR_MQTT_TRAILING', 0x81],
    ['[MQTT-4.8.0-1] PUBACK with a byte too few', '400100', 'ERR_MQTT_TRUNCATED', 0x81],
    ['[MQTT-4.8.0-1] PINGREQ with a body', 'c00100', 'ERR_MQTT_TRAILING', 0x81],
    ['[MQTT-4.8.0-1] DISCONNECT with a body', 'e00100', 'ERR_MQTT_TRAILING', 0x81],
    [
      'a packet above the limit (ours)',
      packet('30', text('a'), '00'.repeat(20)),
      'ERR_MQTT_PACKET_TOO_LARGE',
      0x95,
      { maxPacketBytes: 24 },
    ],
    [
      'SUBSCRIBE sent to a client',
      packet('82', '0001', text('a'), '00'),
      'ERR_MQTT_PROTOCOL',
      0x82,
      { receiver: 'client' },
    ],
    ['SUBACK sent to a server', '9003000100', 'ERR_MQTT_PROTOCOL', 0x82, { receiver: 'server' }],
    ['DISCONNECT sent to a client', 'e000', 'ERR_MQTT_PROTOCOL', 0x82, { receiver: 'client' }],
  ]
  for (const [title, hex, code, reason, options] of cases) refuses(title, hex, code, reason, { version: 4, ...options })

  it('[MQTT-1.5.3-3] [MQTT-1.5.4-3] a BOM is kept', () => {
    expect(read(packet('30', field('efbbbf61')), { version: 4 }, 99).packets).toMatchObject([{ topic: '\uFEFFa' }])
    expect(read(packet('30', field('efbbbf61'), '00'), { version: 5 }, 99).packets).toMatchObject([
      { topic: '\uFEFFa' },
    ])
  })
  it('[MQTT-2.3.1-5] [MQTT-2.2.1-2] QoS 0 has no packet identifier: two bytes behind the topic are payload', () => {
    const [publish] = read(packet('30', text('a'), '0001'), { version: 4 }, 99).packets
    expect(publish).toEqual({
      type: 'publish',
      topic: 'a',
      payload: Uint8Array.of(0, 1),
      qos: 0,
      retain: false,
      dup: false,
    })
  })
  it('[MQTT-4.7.3-3] a topic of 65,535 bytes', () => {
    const hex = `30${Buffer.from([0x81, 0x80, 0x04]).toString('hex')}ffff${'61'.repeat(65_535)}`
    expect(read(hex, { version: 4 }, 1000).packets).toMatchObject([{ topic: 'a'.repeat(65_535) }])
  })
})

describe('every refusal', () => {
  it('is for a version that the table of 3.1 leaves alone: unused bits are not looked at', () => {
    const version: ProtocolVersion = 3
    for (const hex of ['41020001', 'c100', 'e100', packet('8b', '0001', text('a'), 'fc')]) {
      expect(read(hex, { version }, 99).packets).toHaveLength(1)
    }
  })
  it('ends the reader: what follows is not read', () => {
    const packets: Packet[] = []
    const reader = new PacketReader(collect(packets), { version: 4 })
    expect(() => reader.push(Buffer.from('c0000000c000', 'hex'))).toThrow(MqttProtocolError)
    reader.push(Buffer.from('c000', 'hex'))
    expect(packets).toHaveLength(1)
    expect(reader.held).toBe(0)
  })
})
