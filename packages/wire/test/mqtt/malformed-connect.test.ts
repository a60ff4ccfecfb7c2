import { describe, expect, it } from 'vitest'
import { connectReturnCode, PacketReader } from '../../src/mqtt/index.ts'
import { collect } from './helpers.ts'
import { NAME, connect4, connect5, field, packet, props, read, refuses, text } from './malformed.ts'

const PUBLISH_4 = packet('30', text('a'))

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
