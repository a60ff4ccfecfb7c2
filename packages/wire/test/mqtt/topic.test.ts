import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkFilter,
  checkTopicName,
  countLevels,
  encodeUtf8,
  matches,
  MqttEncodeError,
  MqttProtocolError,
  parseShared,
  TopicMemo,
} from '../../src/mqtt/index.ts'

describe('topic names', () => {
  it('[MQTT-4.7.3-1] have a character, [MQTT-4.7.3-2] no U+0000, [MQTT-4.7.3-3] 65,535 bytes at most', () => {
    expect(checkTopicName('')).toBe('it is empty')
    expect(checkTopicName('a\0')).toMatch(/U\+0000/)
    expect(checkTopicName('a'.repeat(65_535))).toBeUndefined()
    expect(checkTopicName('é'.repeat(32_768))).toMatch(/65535 bytes/)
    expect(checkTopicName('\uD800')).toMatch(/surrogate/)
  })
  it('[MQTT-4.7.0-1] [3.1.1 MQTT-4.7.1-1] have no wildcards', () => {
    for (const name of ['#', '+', 'a/+/b', 'a#']) expect(checkTopicName(name)).toMatch(/wildcard/)
    for (const name of ['/', ' ', '$SYS/x', 'a//b', '\u0001\uFFFF']) expect(checkTopicName(name)).toBeUndefined()
  })
  it('are limited in levels by whoever asks', () => {
    expect(['a', 'a/b', '/', '//'].map(countLevels)).toEqual([1, 2, 2, 3])
    expect(checkTopicName('/'.repeat(127), { maxLevels: 128 })).toBeUndefined()
    expect(checkTopicName('/'.repeat(128), { maxLevels: 128 })).toMatch(/128 levels/)
    expect(checkFilter('/'.repeat(128), { maxLevels: 128 })).toMatch(/128 levels/)
  })
})

describe('topic filters', () => {
  it('[MQTT-4.7.1-1] [3.1.1 MQTT-4.7.1-2] # is the last level and nothing else', () => {
    for (const filter of ['#', 'a/#', '/#', '+/#']) expect(checkFilter(filter)).toBeUndefined()
    for (const filter of ['a#', '#/a', 'a/#/b', '##', 'a/#a']) expect(checkFilter(filter)).toMatch(/its #/)
  })
  it('[MQTT-4.7.1-2] [MQTT-4.7.1-3] + is a whole level', () => {
    for (const filter of ['+', 'a/+', '+/a', '/+', '+/+/#', 'a/+/b']) expect(checkFilter(filter)).toBeUndefined()
    for (const filter of ['a+', '+a', 'a/+b', '++', 'a/b+/c']) expect(checkFilter(filter)).toMatch(/its \+/)
  })
  it('[MQTT-4.7.3-1] are not empty', () => expect(checkFilter('')).toBe('it is empty'))
  it('[MQTT-4.8.2-1] [MQTT-4.8.2-2] shared ones have a group without / + # and a filter', () => {
    expect(parseShared('$share/g/a/+')).toEqual({ group: 'g', filter: 'a/+' })
    expect(parseShared('$share/g//')).toEqual({ group: 'g', filter: '/' })
    expect(parseShared('a/$share/g/a')).toBeUndefined()
    for (const filter of ['$share/', '$share/g', '$share/g/', '$share//a', '$share/+/a', '$share/g#/a']) {
      expect(parseShared(filter), filter).toBeUndefined()
      expect(checkFilter(filter), filter).toMatch(/\$share/)
    }
    expect(checkFilter('$share/g/a#')).toMatch(/its #/)
    // Not a shared one: an ordinary level.
    expect(checkFilter('$share')).toBeUndefined()
  })
})

describe('matching', () => {
  it('is that of the examples in 5.0 §4.7', () => {
    const table: readonly (readonly [filter: string, yes: readonly string[], no: readonly string[]])[] = [
      [
        'sport/tennis/player1/#',
        ['sport/tennis/player1', 'sport/tennis/player1/ranking', 'sport/tennis/player1/score/wimbledon'],
        ['sport/tennis/player10', 'sport/tennis'],
      ],
      ['sport/#', ['sport', 'sport/'], ['sports']],
      ['sport/tennis/+', ['sport/tennis/player1', 'sport/tennis/'], ['sport/tennis/player1/ranking', 'sport/tennis']],
      ['sport/+', ['sport/'], ['sport']],
      ['+/+', ['/finance'], ['finance']],
      ['/+', ['/finance'], ['finance', '//']],
      ['+', ['finance'], ['/finance']],
      ['+/+/#', ['a/b', 'a/b/c', '/'], ['a']],
      ['a/+/#', ['a/b', 'a/'], ['a']],
      ['#', ['a', '/', 'a/b'], []],
      ['Accounts', ['Accounts'], ['ACCOUNTS', 'Accounts/', 'Account']],
      ['a/b/#', [], ['a/bc', 'a']],
    ]
    for (const [filter, yes, no] of table) {
      for (const topic of yes) expect(matches(filter, topic), `${filter} ${topic}`).toBe(true)
      for (const topic of no) expect(matches(filter, topic), `${filter} ${topic}`).toBe(false)
    }
  })
  it('[MQTT-4.7.2-1] a leading wildcard matches no topic that begins with $', () => {
    for (const filter of ['#', '+', '+/monitor/Clients', '+/#'])
      expect(matches(filter, '$SYS/monitor/Clients')).toBe(false)
    for (const filter of ['$SYS/#', '$SYS/monitor/+']) expect(matches(filter, '$SYS/monitor/Clients')).toBe(true)
    expect(matches('a/#', 'a/$b')).toBe(true)
  })
  it('[MQTT-4.7.3-4] does not normalise', () => {
    expect(matches('a\u030A', '\u00E5')).toBe(false)
    expect(matches('a\u030A', 'a\u030A')).toBe(true)
  })
  it('is the same as matching level by level', () => {
    const level = fc.constantFrom('', 'a', 'b', '$x')
    const topics = fc
      .array(level, { minLength: 1, maxLength: 4 })
      .map((levels) => levels.join('/'))
      .filter((t) => t !== '')
    const filters = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
      .map(([levels, hash]) => [...levels, ...(hash || levels.length === 0 ? ['#'] : [])].join('/'))
      .filter((f) => f !== '')
    fc.assert(
      fc.property(filters, topics, (filter, topic) => {
        expect(matches(filter, topic)).toBe(naive(filter, topic))
      }),
      {
        numRuns: 3000,
      },
    )
  })
})

function naive(filter: string, topic: string): boolean {
  const filters = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && (filters[0] === '#' || filters[0] === '+')) return false
  for (const [i, part] of filters.entries()) {
    if (part === '#') return true
    if (i >= levels.length || (part !== '+' && part !== levels[i])) return false
  }
  return filters.length === levels.length
}

describe('UTF-8', () => {
  it('is written as the platform writes it, and refused where MQTT forbids it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        if (text.includes('\0')) expect(() => encodeUtf8(text)).toThrow(MqttEncodeError)
        else expect(encodeUtf8(text)).toEqual(new Uint8Array(Buffer.from(text)))
      }),
    )
    for (const text of ['\uD800', 'a\uDC00', '\uD800\uD800', '\uDBFFa'])
      expect(() => encodeUtf8(text)).toThrow(/surrogate/)
  })
  it('is read as the platform reads it', () => {
    const memo = new TopicMemo(1)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.string({ unit: 'binary' }).map((t) => Buffer.from(t)),
        ),
        (bytes) => {
          let expected: string | undefined
          try {
            expected = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
          } catch {
            expected = undefined
          }
          if (expected === undefined || expected.includes('\0')) {
            expect(() => memo.get(bytes, 0, bytes.length)).toThrow(MqttProtocolError)
          } else expect(memo.get(bytes, 0, bytes.length).text).toBe(expected)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('TopicMemo', () => {
  const get = (memo: TopicMemo, text: string): ReturnType<TopicMemo['get']> =>
    memo.get(Buffer.from(text), 0, Buffer.byteLength(text))
  it('gives the same object for the same bytes, wherever they lie', () => {
    const memo = new TopicMemo()
    const first = memo.get(Buffer.from('xa/bx'), 1, 4)
    expect(first).toMatchObject({ text: 'a/b', valid: true })
    expect(get(memo, 'a/b')).toBe(first)
    expect(get(memo, 'a/+')).toMatchObject({ text: 'a/+', valid: false })
  })
  it('keeps what is in use: of 500 topics in turn nearly none is decoded twice', () => {
    const memo = new TopicMemo()
    const names = Array.from({ length: 500 }, (_, i) => `sensors/room-${i}/temperature`)
    const first = names.map((name) => get(memo, name))
    expect(names.filter((name, i) => get(memo, name) !== first[i]).length).toBeLessThan(25)
  })
  it('is right though every topic meets another, and keeps no long ones', () => {
    const memo = new TopicMemo(2)
    for (let i = 0; i < 2000; i++) expect(get(memo, `topic/${i % 37}`).text).toBe(`topic/${i % 37}`)
    const long = 'x'.repeat(300)
    expect(get(memo, long).text).toBe(long)
    expect(get(memo, long)).not.toBe(get(memo, long))
  })
})
