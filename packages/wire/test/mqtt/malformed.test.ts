import { describe, expect, it } from 'vitest'
import { connectReturnCode, MqttProtocolError, PacketReader } from '../../src/mqtt/index.ts'
import type { Packet, PacketReaderOptions, ProtocolVersion } from '../../src/mqtt/index.ts'
import { collect } from './helpers.ts'

/**
 * What must be refused: one case at least for every statement that a single packet can break, named by the statements'
 * identifiers. Each is fed whole and byte by byte. docs/protocols/mqtt-conformance.md will name these titles.
 */

/** The bytes of a UTF-8 string field. */
const text = (value: string): string => field(Buffer.from(value).toString('hex'))
const field = (hex: string): string => (hex.length / 2).toString(16).padStart(4, '0') + hex

/** A packet of the first byte and its body, below 16,384 bytes. */
function packet(first: string, ...body: readonly string[]): string {
  const bytes = body.join('')
  const length = bytes.length / 2
  const head = length < 128 ? [length] : [0x80 | (length & 0x7f), length >> 7]
  return first + Buffer.from(head).toString('hex') + bytes
}

const props = (...body: readonly string[]): string =>
  (body.join('').length / 2).toString(16).padStart(2, '0') + body.join('')
const user = (name: string, value: string): string => `26${text(name)}${text(value)}`
const NAME = text('MQTT')
const connect4 = (flags: string, ...payload: readonly string[]): string =>
  packet('10', NAME, '04', flags, '003c', ...payload)
const connect5 = (flags: string, properties: string, ...payload: readonly string[]): string =>
  packet('10', NAME, '05', flags, '003c', properties, ...payload)

interface Reading {
  readonly code?: string
  readonly reasonCode?: number
  readonly clause?: string
  readonly message?: string
  readonly packets: readonly Packet[]
}

function read(hex: string, options: PacketReaderOptions, size: number): Reading {
  const packets: Packet[] = []
  const reader = new PacketReader(collect(packets), options)
  const bytes = Buffer.from(hex, 'hex')
  try {
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
  } catch (error) {
    if (!(error instanceof MqttProtocolError)) throw error
    const { code, reasonCode, clause, message } = error
    return { code, reasonCode, clause, message, packets }
  }
  return { packets }
}

/** The same for every way in which the bytes may come. Before 5.0 the reason code is not sent, but still told. */
function refuses(title: string, hex: string, code: string, reasonCode: number, options: PacketReaderOptions): void {
  it(title, () => {
    const whole = read(hex, options, hex.length)
    expect(whole, title).toMatchObject({ code, reasonCode, packets: [] })
    expect(whole.message).toMatch(/^[\x20-\x7e§]{10,} \[.*\]$/)
    expect(read(hex, options, 1)).toEqual(whole)
  })
}

const PUBLISH_4 = packet('30', text('a'))

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

describe('CONNECT of 3.1.1 and 3.1', () => {
  const first = (title: string, hex: string, code: string, reason: number): void =>
    refuses(title, hex, code, reason, { receiver: 'server' })
  first('[MQTT-3.1.0-1] PUBLISH before CONNECT', PUBLISH_4, 'ERR_MQTT_NOT_CONNECTED', 0x82)
  first('[MQTT-3.1.0-1] an HTTP request', Buffer.from('GET / HTTP/1.1').toString('hex'), 'ERR_MQTT_NOT_CONNECTED', 0x82)
  first(
    '[MQTT-3.1.2-1] another protocol name',
    packet('10', text('mqtt'), '0402003c', text('a')),
    'ERR_MQTT_PROTOCOL_NAME',
    0x84,
  )
  for (const [name, level] of [
    ['MQTT', '03'],
    ['MQTT', '06'],
    ['MQTT', '85'],
    ['MQIsdp', '04'],
    ['MQTT', '00'],
  ] as const) {
    first(
      `[MQTT-3.1.2-2] ${name} with level 0x${level}`,
      packet('10', text(name), level, '02003c', text('a')),
      'ERR_MQTT_PROTOCOL_VERSION',
      0x84,
    )
  }
  first('[MQTT-3.1.2-3] the reserved flag', connect4('03', text('a')), 'ERR_MQTT_CONNECT_FLAGS', 0x81)
  first('[MQTT-3.1.2-9] a will flag without a will', connect4('06', text('a')), 'ERR_MQTT_TRUNCATED', 0x81)
  first(
    '[MQTT-3.1.2-11] a will without its flag',
    connect4('02', text('a'), text('w'), '0000'),
    'ERR_MQTT_TRAILING',
    0x81,
  )
  first('[MQTT-3.1.2-13] a will QoS without a will', connect4('0a', text('a')), 'ERR_MQTT_CONNECT_FLAGS', 0x81)
  first('[MQTT-3.1.2-14] a will QoS of 3', connect4('1e', text('a'), text('w'), '0000'), 'ERR_MQTT_CONNECT_FLAGS', 0x81)
  first('[MQTT-3.1.2-15] a will retain without a will', connect4('22', text('a')), 'ERR_MQTT_CONNECT_FLAGS', 0x81)
  first('[MQTT-3.1.2-18] a user name without its flag', connect4('02', text('a'), text('u')), 'ERR_MQTT_TRAILING', 0x81)
  first('[MQTT-3.1.2-19] a user name flag without user name', connect4('82', text('a')), 'ERR_MQTT_TRUNCATED', 0x81)
  first(
    '[MQTT-3.1.2-20] a password without its flag',
    connect4('82', text('a'), text('u'), text('p')),
    'ERR_MQTT_TRAILING',
    0x81,
  )
  first(
    '[MQTT-3.1.2-21] a password flag without password',
    connect4('c2', text('a'), text('u')),
    'ERR_MQTT_TRUNCATED',
    0x81,
  )
  first(
    '[MQTT-3.1.2-22] a password without a user name',
    connect4('42', text('a'), text('p')),
    'ERR_MQTT_CONNECT_FLAGS',
    0x81,
  )
  first('[MQTT-3.1.3-3] no client id', connect4('02'), 'ERR_MQTT_TRUNCATED', 0x81)
  first('[MQTT-3.1.3-4] a client id that is not UTF-8', connect4('02', field('ff')), 'ERR_MQTT_UTF8', 0x81)
  first(
    '[MQTT-3.1.3-10] a will topic that is not UTF-8',
    connect4('06', text('a'), field('ff'), '0000'),
    'ERR_MQTT_UTF8',
    0x81,
  )
  first(
    '[MQTT-3.1.3-11] a user name that is not UTF-8',
    connect4('82', text('a'), field('c328')),
    'ERR_MQTT_UTF8',
    0x81,
  )
  first(
    '[MQTT-3.1.4-1] CONNECT with flags in its first byte',
    connect4('02', text('a')).replace(/^10/, '11'),
    'ERR_MQTT_FLAGS',
    0x81,
  )
  first('3.1 with an empty client id', packet('10', text('MQIsdp'), '0302003c', text('')), 'ERR_MQTT_CLIENT_ID', 0x85)
  first(
    '3.1 with a client id of 24 characters',
    packet('10', text('MQIsdp'), '0302003c', text('x'.repeat(24))),
    'ERR_MQTT_CLIENT_ID',
    0x85,
  )
  refuses('a CONNECT above the limit is refused by its header (ours)', '10ffff7f', 'ERR_MQTT_PACKET_TOO_LARGE', 0x95, {
    maxPacketBytes: 65_536,
  })

  it('[MQTT-3.1.0-2] a second CONNECT', () => {
    const both = connect4('02', text('a')) + connect4('02', text('a'))
    expect(read(both, { receiver: 'server' }, 99)).toMatchObject({
      code: 'ERR_MQTT_CONNECTED',
      packets: [{ type: 'connect' }],
    })
  })
  it('[MQTT-3.2.2-6] the return codes of 3.1.1 for what is refused, or none', () => {
    const codes = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87, 0x81].map(connectReturnCode)
    expect(codes).toEqual([0, 1, 2, 3, 4, 5, undefined])
  })
  it('the version is known though the rest of CONNECT is refused, so that the refusal can be answered', () => {
    for (const [level, version] of [
      ['04', 4],
      ['05', 5],
    ] as const) {
      const reader = new PacketReader(collect([]))
      expect(() => reader.push(Buffer.from(packet('10', NAME, level, '03'), 'hex'))).toThrow(/reserved|ends inside/)
      expect(reader.version).toBe(version)
    }
  })
})

describe('statements of 5.0', () => {
  const cases: readonly (readonly [
    title: string,
    hex: string,
    code: string,
    reason: number,
    from?: PacketReaderOptions,
  ])[] = [
    ['[MQTT-1.5.4-1] a topic that is not UTF-8', packet('30', field('eda080'), '00'), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-1.5.4-2] U+0000', packet('30', field('00'), '00'), 'ERR_MQTT_UTF8', 0x81],
    [
      '[MQTT-1.5.5-1] a property length with more bytes than it needs',
      packet('30', text('a'), '8000'),
      'ERR_MQTT_LENGTH',
      0x81,
    ],
    ['[MQTT-1.5.5-1] a property length of five bytes', packet('30', text('a'), '8080808001'), 'ERR_MQTT_LENGTH', 0x81],
    ['[MQTT-1.5.5-1] a remaining length with more bytes than it needs', 'c08000', 'ERR_MQTT_LENGTH', 0x81],
    [
      '[MQTT-1.5.5-1] a subscription identifier with more bytes than it needs',
      packet('82', '0001', props('0b8100'), text('a'), '00'),
      'ERR_MQTT_LENGTH',
      0x81,
    ],
    [
      '[MQTT-1.5.7-1] a user property whose name is not UTF-8',
      packet('30', text('a'), props(`26${field('ff')}${text('b')}`)),
      'ERR_MQTT_UTF8',
      0x81,
    ],
    [
      '[MQTT-1.5.7-1] a user property whose value is not UTF-8',
      packet('30', text('a'), props(`26${text('b')}${field('ff')}`)),
      'ERR_MQTT_UTF8',
      0x81,
    ],
    ['[MQTT-2.1.3-1] PUBACK with flags', '48020001', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-3.6.1-1] PUBREL without its flags', '60020001', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-3.8.1-1] SUBSCRIBE without its flags', packet('80', '000100', text('a'), '00'), 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-3.10.1-1] UNSUBSCRIBE without its flags', packet('a8', '000100', text('a')), 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-3.14.1-1] DISCONNECT with flags', 'e200', 'ERR_MQTT_FLAGS', 0x81],
    ['[MQTT-3.15.1-1] AUTH with flags', 'f100', 'ERR_MQTT_FLAGS', 0x81],
    [
      '[MQTT-2.2.1-3] PUBLISH with packet identifier 0',
      packet('32', text('a'), '0000', '00'),
      'ERR_MQTT_PACKET_ID',
      0x81,
    ],
    ['[MQTT-2.2.1-5] PUBCOMP with packet identifier 0', '70020000', 'ERR_MQTT_PACKET_ID', 0x81],
    ['[MQTT-2.2.1-6] UNSUBACK with packet identifier 0', 'b00400000000', 'ERR_MQTT_PACKET_ID', 0x81],
    ['[MQTT-2.2.2-1] no property length', packet('30', text('a')), 'ERR_MQTT_TRUNCATED', 0x81],
    ['[MQTT-2.2.2-1] SUBSCRIBE without a property length', packet('82', '0001'), 'ERR_MQTT_TRUNCATED', 0x81],
    [
      'properties longer than their packet (5.0 §2.2.2.1)',
      packet('30', text('a'), '05', '01'),
      'ERR_MQTT_TRUNCATED',
      0x81,
    ],
    [
      'a property that reaches past the property length (5.0 §2.2.2.1)',
      packet('30', text('a'), '02', '230001'),
      'ERR_MQTT_TRUNCATED',
      0x81,
    ],
    ['an unknown property (5.0 §2.2.2.2)', packet('30', text('a'), props('0401')), 'ERR_MQTT_PROPERTY', 0x81],
    [
      'a property of another packet (5.0 §2.2.2.2)',
      packet('30', text('a'), props('210001')),
      'ERR_MQTT_PROPERTY',
      0x81,
    ],
    [
      'a property twice (5.0 §3.3.2.3)',
      packet('30', text('a'), props('230001', '230001')),
      'ERR_MQTT_PROPERTY_TWICE',
      0x82,
    ],
    [
      'a subscription identifier twice in SUBSCRIBE (5.0 §3.8.2.1.2)',
      packet('82', '0001', props('0b01', '0b01'), text('a'), '00'),
      'ERR_MQTT_PROPERTY_TWICE',
      0x82,
    ],
    [
      'a subscription identifier of 0 (5.0 §3.8.2.1.2)',
      packet('82', '0001', props('0b00'), text('a'), '00'),
      'ERR_MQTT_PROPERTY_VALUE',
      0x82,
    ],
    ['a payload format of 2 (5.0 §3.3.2.3.2)', packet('30', text('a'), props('0102')), 'ERR_MQTT_PROPERTY_VALUE', 0x82],
    [
      '[MQTT-3.2.2-9] a maximum QoS of 2 (5.0 §3.2.2.3.4)',
      packet('20', '0000', props('2402')),
      'ERR_MQTT_PROPERTY_VALUE',
      0x82,
    ],
    [
      'more user properties than the limit (ours)',
      packet('30', text('a'), props(user('a', ''), user('b', ''), user('c', ''))),
      'ERR_MQTT_LIMIT',
      0x97,
      { maxUserProperties: 2 },
    ],
    ['[MQTT-3.3.1-2] QoS 0 with DUP', packet('38', text('a'), '00'), 'ERR_MQTT_PUBLISH_FLAGS', 0x81],
    ['[MQTT-3.3.1-4] QoS 3', packet('36', text('a'), '0001', '00'), 'ERR_MQTT_PUBLISH_FLAGS', 0x81],
    ['[MQTT-3.3.2-1] PUBLISH that ends inside its topic', packet('30', '0002', '61'), 'ERR_MQTT_TRUNCATED', 0x81],
    ['[MQTT-3.3.2-2] [MQTT-4.7.0-1] a topic with a wildcard', packet('30', text('a/+'), '00'), 'ERR_MQTT_TOPIC', 0x81],
    ['[MQTT-4.7.3-1] an empty topic without an alias', packet('30', text(''), '00'), 'ERR_MQTT_TOPIC', 0x82],
    ['[MQTT-4.7.3-2] U+0000 in a topic', packet('30', field('6100'), '00'), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-3.3.2-8] a topic alias of 0', packet('30', text('a'), props('230000')), 'ERR_MQTT_PROPERTY_VALUE', 0x94],
    [
      '[MQTT-3.3.2-13] a response topic that is not UTF-8',
      packet('30', text('a'), props(`08${field('ff')}`)),
      'ERR_MQTT_UTF8',
      0x81,
    ],
    [
      '[MQTT-3.3.2-14] a response topic with a wildcard',
      packet('30', text('a'), props(`08${text('r/#')}`)),
      'ERR_MQTT_TOPIC',
      0x81,
    ],
    [
      '[MQTT-3.3.2-19] a content type that is not UTF-8',
      packet('30', text('a'), props(`03${field('80')}`)),
      'ERR_MQTT_UTF8',
      0x81,
    ],
    [
      "[MQTT-3.3.4-6] a client's PUBLISH with a subscription identifier",
      packet('30', text('a'), props('0b01')),
      'ERR_MQTT_PROTOCOL',
      0x82,
      { receiver: 'server' },
    ],
    ['[MQTT-3.2.2-1] reserved acknowledge flags', '2003020000', 'ERR_MQTT_CONNACK_FLAGS', 0x81],
    ['[MQTT-3.2.2-6] a refusal with a session', '2003018700', 'ERR_MQTT_PROTOCOL', 0x82],
    ['[MQTT-3.2.2-8] CONNACK with a code of 3.1.1', '2003000500', 'ERR_MQTT_REASON_CODE', 0x82],
    ['[MQTT-3.4.2-1] PUBACK with a code of PUBREL', '4003000192', 'ERR_MQTT_REASON_CODE', 0x82],
    ['[MQTT-3.5.2-1] PUBREC with a code of PUBREL', '5003000192', 'ERR_MQTT_REASON_CODE', 0x82],
    ['[MQTT-3.6.2-1] PUBREL with a code of PUBACK', '6203000110', 'ERR_MQTT_REASON_CODE', 0x82],
    ['[MQTT-3.7.2-1] PUBCOMP with a code of PUBACK', '7003000180', 'ERR_MQTT_REASON_CODE', 0x82],
    ['[MQTT-3.8.3-1] a filter that is not UTF-8', packet('82', '000100', field('ff'), '00'), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-3.8.3-2] SUBSCRIBE without a filter', packet('82', '000100'), 'ERR_MQTT_EMPTY', 0x82],
    [
      '[MQTT-3.8.3-4] a shared subscription with No Local',
      packet('82', '000100', text('$share/g/a'), '04'),
      'ERR_MQTT_PROTOCOL',
      0x82,
    ],
    [
      '[MQTT-3.8.3-5] reserved bits in the subscription options',
      packet('82', '000100', text('a'), '40'),
      'ERR_MQTT_SUBSCRIPTION_OPTIONS',
      0x81,
    ],
    ['[MQTT-3.8.3-5] QoS 3', packet('82', '000100', text('a'), '03'), 'ERR_MQTT_SUBSCRIPTION_OPTIONS', 0x81],
    [
      'a retain handling of 3 (5.0 §3.8.3.1)',
      packet('82', '000100', text('a'), '30'),
      'ERR_MQTT_SUBSCRIPTION_OPTIONS',
      0x82,
    ],
    ['[MQTT-3.8.4-6] SUBACK without a reason code', packet('90', '000100'), 'ERR_MQTT_EMPTY', 0x82],
    [
      '[MQTT-3.8.4-7] [MQTT-3.9.3-2] SUBACK with a code it does not have',
      packet('90', '000100', '03'),
      'ERR_MQTT_REASON_CODE',
      0x82,
    ],
    ['[MQTT-3.10.3-1] a filter that is not UTF-8', packet('a2', '000100', field('ff')), 'ERR_MQTT_UTF8', 0x81],
    ['[MQTT-3.10.3-2] UNSUBSCRIBE without a filter', packet('a2', '000100'), 'ERR_MQTT_EMPTY', 0x82],
    ['[MQTT-3.11.3-1] UNSUBACK without a reason code', packet('b0', '000100'), 'ERR_MQTT_EMPTY', 0x82],
    ['[MQTT-3.11.3-2] UNSUBACK with a code of SUBACK', packet('b0', '000100', '01'), 'ERR_MQTT_REASON_CODE', 0x82],
    ['[MQTT-3.14.2-1] DISCONNECT with a code it does not have', 'e00101', 'ERR_MQTT_REASON_CODE', 0x82],
    [
      "[MQTT-3.14.2-1] a server's DISCONNECT code from a client",
      'e0018e',
      'ERR_MQTT_REASON_CODE',
      0x82,
      { receiver: 'server' },
    ],
    [
      "[MQTT-3.14.2-1] a client's DISCONNECT code from a server",
      'e00104',
      'ERR_MQTT_REASON_CODE',
      0x82,
      { receiver: 'client' },
    ],
    [
      "[MQTT-3.14.2-2] a server's DISCONNECT with a session expiry",
      packet('e0', '00', props('1100000001')),
      'ERR_MQTT_PROTOCOL',
      0x82,
      { receiver: 'client' },
    ],
    [
      '[MQTT-3.15.2-1] AUTH with a code it does not have',
      packet('f0', '01', props(`15${text('m')}`)),
      'ERR_MQTT_REASON_CODE',
      0x82,
    ],
    ['AUTH without its method (5.0 §3.15.2.2.2)', packet('f0', '18', '00'), 'ERR_MQTT_PROTOCOL', 0x82],
    ['AUTH that ends behind its code (5.0 §3.15.2.1)', 'f00118', 'ERR_MQTT_TRUNCATED', 0x81],
    ['packet type 0 (5.0 §2.1.2)', '0000', 'ERR_MQTT_PACKET_TYPE', 0x81],
    ['PINGRESP sent to a server', 'd000', 'ERR_MQTT_PROTOCOL', 0x82, { receiver: 'server' }],
    ['bytes behind the last field', '400600010000c000', 'ERR_MQTT_TRAILING', 0x81],
  ]
  for (const [title, hex, code, reason, options] of cases) refuses(title, hex, code, reason, { version: 5, ...options })
})

describe('CONNECT of 5.0', () => {
  const first = (title: string, hex: string, code: string, reason: number): void =>
    refuses(title, hex, code, reason, { receiver: 'server' })
  first(
    '[MQTT-3.1.2-1] a protocol name of an older version',
    packet('10', text('MQIsdp'), '0502003c00', text('a')),
    'ERR_MQTT_PROTOCOL_VERSION',
    0x84,
  )
  first('[MQTT-3.1.2-3] the reserved flag', connect5('03', '00', text('a')), 'ERR_MQTT_CONNECT_FLAGS', 0x81)
  first('[MQTT-3.1.2-9] a will flag without a will', connect5('06', '00', text('a'), '00'), 'ERR_MQTT_TRUNCATED', 0x81)
  first('[MQTT-3.1.2-11] a will QoS without a will', connect5('12', '00', text('a')), 'ERR_MQTT_CONNECT_FLAGS', 0x81)
  first(
    '[MQTT-3.1.2-12] a will QoS of 3',
    connect5('1e', '00', text('a'), '00', text('w'), '0000'),
    'ERR_MQTT_CONNECT_FLAGS',
    0x81,
  )
  first('[MQTT-3.1.2-13] a will retain without a will', connect5('22', '00', text('a')), 'ERR_MQTT_CONNECT_FLAGS', 0x81)
  first(
    '[MQTT-3.1.2-16] a user name without its flag',
    connect5('02', '00', text('a'), text('u')),
    'ERR_MQTT_TRAILING',
    0x81,
  )
  first(
    '[MQTT-3.1.2-17] a user name flag without user name',
    connect5('82', '00', text('a')),
    'ERR_MQTT_TRUNCATED',
    0x81,
  )
  first(
    '[MQTT-3.1.2-18] a password without its flag',
    connect5('82', '00', text('a'), text('u'), '0000'),
    'ERR_MQTT_TRAILING',
    0x81,
  )
  first('[MQTT-3.1.2-19] a password flag without password', connect5('42', '00', text('a')), 'ERR_MQTT_TRUNCATED', 0x81)
  first('[MQTT-3.1.3-1] [MQTT-3.1.3-3] no client id', connect5('02', '00'), 'ERR_MQTT_TRUNCATED', 0x81)
  first('[MQTT-3.1.3-4] a client id that is not UTF-8', connect5('02', '00', field('ff')), 'ERR_MQTT_UTF8', 0x81)
  first(
    '[MQTT-3.1.3-11] a will topic that is not UTF-8',
    connect5('06', '00', text('a'), '00', field('ff'), '0000'),
    'ERR_MQTT_UTF8',
    0x81,
  )
  first(
    '[MQTT-3.1.3-12] a user name that is not UTF-8',
    connect5('82', '00', text('a'), field('ff')),
    'ERR_MQTT_UTF8',
    0x81,
  )
  first('[MQTT-3.1.4-1] no properties', packet('10', NAME, '0502003c'), 'ERR_MQTT_TRUNCATED', 0x81)
  first(
    'a receive maximum of 0 (5.0 §3.1.2.11.3)',
    connect5('02', props('210000'), text('a')),
    'ERR_MQTT_PROPERTY_VALUE',
    0x82,
  )
  first(
    'a maximum packet size of 0 (5.0 §3.1.2.11.4)',
    connect5('02', props('2700000000'), text('a')),
    'ERR_MQTT_PROPERTY_VALUE',
    0x82,
  )
  first(
    'a request for problem information of 2 (5.0 §3.1.2.11.7)',
    connect5('02', props('1702'), text('a')),
    'ERR_MQTT_PROPERTY_VALUE',
    0x82,
  )
  first(
    'authentication data without a method (5.0 §3.1.2.11.10)',
    connect5('02', props('160000'), text('a')),
    'ERR_MQTT_PROTOCOL',
    0x82,
  )
  first(
    'a will delay among the properties of CONNECT',
    connect5('02', props('1800000001'), text('a')),
    'ERR_MQTT_PROPERTY',
    0x81,
  )
  first(
    'a session expiry among the properties of the will',
    connect5('06', '00', text('a'), props('1100000001'), text('w'), '0000'),
    'ERR_MQTT_PROPERTY',
    0x81,
  )
  first(
    '[MQTT-1.5.5-1] a remaining length with more bytes than it needs',
    connect5('02', '00', text('a')).replace(
      /^10(..)/,
      (_, length: string) => `10${(Number.parseInt(length, 16) | 0x80).toString(16)}00`,
    ),
    'ERR_MQTT_LENGTH',
    0x81,
  )
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
