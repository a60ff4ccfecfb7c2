import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EmitterEncodeError, findOption, formatChannel, formatTopic, normaliseFilter } from '../../src/emitter/index.ts'
import { parseChannel, parseTopic } from '../../src/emitter/index.ts'
import type { TopicOptions, TopicParts } from '../../src/emitter/index.ts'
import { good, rows } from './load.ts'

interface TopicRow {
  readonly name: string
  readonly topic: string
  readonly kind?: 'static' | 'wildcard'
  readonly options?: Partial<TopicOptions>
}

const NONE = { ttl: undefined, me: true, last: undefined, from: undefined, until: undefined }

describe('a topic', () => {
  for (const { name, topic, kind, options } of rows('topics') as readonly TopicRow[]) {
    it(`${name}: ${JSON.stringify(topic)}`, () => {
      const parsed = parseTopic(topic)
      expect(parseTopic(Buffer.from(topic))).toEqual(parsed)
      if (!kind) {
        expect(parsed).toEqual({ problem: expect.stringMatching(/^.{10,}$/) })
        return
      }
      expect(good(parsed).kind).toBe(kind)
      expect(good(parsed).options).toEqual({ ...NONE, ...options })
    })
  }
  it('is taken apart', () => {
    expect(parseTopic('K/$share/g/a/b/?last=3&x=1')).toEqual({
      key: 'K',
      channel: '$share/g/a/b/',
      segments: ['$share', 'g', 'a', 'b'],
      kind: 'static',
      query: 'last=3&x=1',
      options: { ...NONE, last: 3 },
      share: { group: 'g', channel: 'a/b/' },
    })
    expect(good(parseTopic('K/$share/g/')).share).toBeUndefined()
    expect(good(parseTopic('K/$share/+/a/')).share).toBeUndefined()
    expect(good(parseTopic('K/a/$share/g/')).share).toBeUndefined()
  })
  it('says what is wrong, and never the key', () => {
    const told = (topic: string): unknown => parseTopic(topic)
    expect(told('secret')).toEqual({ problem: 'the topic has no slash; it is key/channel/' })
    expect(told('/secret/a/')).toEqual({ problem: 'the topic begins with a slash; it is key/channel/' })
    expect(told('secret/')).toEqual({ problem: 'there is no channel' })
    expect(told('secret/a/b')).toEqual({ problem: 'the channel must end with a slash' })
    expect(told('secret/a/#')).toEqual({ problem: 'the channel must end with a slash' })
    expect(told('secret/a//b/')).toEqual({ problem: 'segment 2 of the channel is empty' })
    expect(told('secret/a/b+/')).toEqual({ problem: '+ in a channel must be a whole segment' })
    expect(told('secret/a b/')).toEqual({
      problem: 'segment 1 of the channel holds a character that channels do not have',
    })
    expect(told('secret/a/?ttl=-1')).toEqual({
      problem: 'the options behind ? are not name=value, joined by &, of letters and digits',
    })
  })
  it('may have 40 levels, and as many as fit into a packet', () => {
    expect(good(parseTopic(`K/${'a/'.repeat(40)}`)).segments).toHaveLength(40)
    expect(good(parseTopic(`K/${'a/'.repeat(32_000)}`)).segments).toHaveLength(32_000)
    expect(good(parseTopic(`K/a/?${'a=1&'.repeat(16_000)}ttl=7`)).options.ttl).toBe(7)
  })
  it('of a link has no key', () => {
    expect(parseChannel('a/b/?ttl=5')).toMatchObject({ channel: 'a/b/', query: 'ttl=5', options: { ttl: 5 } })
    expect(parseChannel('a')).toEqual({ problem: 'the channel must end with a slash' })
    expect(parseChannel('')).toEqual({ problem: 'there is no channel' })
  })
  it('has options that nobody knows', () => {
    expect(findOption('ttl=5&req=7', 'req')).toBe('7')
    expect(findOption('xttl=5&ttl=7', 'ttl')).toBe('7')
    expect(findOption('ttl=5&', 'tt')).toBeUndefined()
    expect(findOption('', 'ttl')).toBeUndefined()
  })
})

const segment = fc.stringMatching(/^[-.0-9:A-Za-z[\\\]^_`$]{1,8}$/).filter((text) => text !== '$share')
const count = fc.option(fc.integer({ min: 1, max: 1e9 }), { nil: undefined })
const moment = fc.option(fc.integer({ min: 1_514_764_800, max: 3_029_529_600 }), { nil: undefined })
const parts: fc.Arbitrary<TopicParts & { segments: string[] }> = fc
  .record({
    key: fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/),
    segments: fc.array(fc.oneof(segment, fc.constant('+')), { minLength: 1, maxLength: 30 }),
    below: fc.boolean(),
    group: fc.option(segment, { nil: undefined }),
    slashes: fc.tuple(fc.nat(2), fc.nat(2)),
    ttl: count,
    me: fc.boolean(),
    last: count,
    from: moment,
    until: moment,
  })
  .map(({ slashes: [before, behind], below, ...rest }) => {
    const segments = below ? [...rest.segments, '#'] : rest.segments
    return { ...rest, segments, channel: '/'.repeat(before) + segments.join('/') + '/'.repeat(behind) }
  })

describe('what a client sends', () => {
  for (const { name, parts, topic } of rows('formats') as readonly {
    name: string
    parts: TopicParts
    topic: string
  }[]) {
    it(`${name}: ${topic}`, () => expect(formatTopic(parts)).toBe(topic))
  }
  it('of a link is the channel with its options', () => {
    expect(formatChannel({ channel: 'test', ttl: 5 })).toBe('test/?ttl=5')
    expect(formatChannel({ channel: 'py', ttl: 5, me: false })).toBe('py/?ttl=5&me=0')
  })
  it('is read back as it was meant', () => {
    fc.assert(
      fc.property(parts, (parts) => {
        const topic = good(parseTopic(formatTopic(parts)))
        const { key, segments, group, ttl, me, last, from, until } = parts
        expect(topic.key).toBe(key)
        expect(topic.options).toEqual({ ttl, me, last, from, until })
        const plain = `${segments.join('/')}/`
        expect(topic.channel).toBe(group === undefined ? plain : `$share/${group}/${plain}`)
        expect(topic.share).toEqual(group === undefined ? undefined : { group, channel: plain })
        expect(topic.kind).toBe(segments.includes('+') || segments.includes('#') ? 'wildcard' : 'static')
      }),
      { numRuns: 300 },
    )
  })
  it('is refused with words where Emitter has no such topic', () => {
    const refused = (parts: Partial<TopicParts>): (() => string) => {
      return () => formatTopic({ key: 'K', channel: 'a', ...parts })
    }
    expect(refused({ key: '//' })).toThrow(EmitterEncodeError)
    expect(refused({ key: '' })).toThrow('the key is empty; give the key of the channel')
    expect(refused({ key: 'K/a' })).toThrow(/key holds a slash/)
    expect(refused({ channel: '' })).toThrow('the channel is empty; give at least one segment')
    expect(refused({ channel: 'a//b' })).toThrow('segment 2 of the channel is empty')
    expect(refused({ channel: 'te st' })).toThrow(/segment 1 .* character/)
    expect(refused({ channel: 'a/?ttl=5' })).toThrow(/options/)
    expect(refused({ channel: 'a/*' })).toThrow(/^\* in a channel matches nothing; \+ is any one segment/)
    expect(refused({ channel: 'a/#/b' })).toThrow('# in a channel must be its last segment; + is any one segment')
    expect(refused({ group: 'g/h' })).toThrow('a share group is a segment without wildcards')
    expect(refused({ group: '+' })).toThrow('a share group is a segment without wildcards')
    expect(refused({ group: '' })).toThrow('a share group is a segment without wildcards')
    expect(refused({ group: 'ä' })).toThrow(/character/)
    expect(refused({ ttl: -1 })).toThrow('ttl must be a whole number from 0, not -1')
    expect(refused({ last: 1.5 })).toThrow('last must be a whole number from 0, not 1.5')
    expect(refused({ ttl: Number.NaN })).toThrow(/not NaN/)
    expect(refused({ from: 42 })).toThrow('from must lie from 1514764800 to 3029529600 unix seconds, not 42')
    expect(refused({ until: 1e12 })).toThrow(/^until must lie/)
    expect(refused({ from: 1_514_764_800.5 })).toThrow(/whole number/)
  })
})

describe('malformed topics', () => {
  it('are a problem, never an exception, as text and as bytes', () => {
    const pieces = fc.constantFrom(
      'a',
      '/',
      '//',
      '?',
      '&',
      '=',
      '+',
      '#',
      '*',
      '$share/',
      'ttl=1',
      ' ',
      'ü',
      '\0',
      '\uD800',
    )
    const texts = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(pieces, { maxLength: 20 }).map((list) => list.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseTopic(text)
        if ('problem' in parsed) {
          expect(parsed.problem).toMatch(/^.{10,}$/)
          return
        }
        const query = parsed.query === '' && !text.endsWith('?') ? '' : `?${parsed.query}`
        expect(`${parsed.key}/${parsed.channel}${query}`).toBe(text)
      }),
      { numRuns: 3000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void parseTopic(bytes)),
      { numRuns: 1000 },
    )
  })
})

describe('the text of a subscription', () => {
  for (const [given, parsed] of [
    ['K/a/#', 'K/a/#/'],
    ['K/a/#/', 'K/a/#/'],
    ['K/a/#/?last=2', 'K/a/#/?last=2'],
    ['K/#', 'K/#/'],
    ['K//a//b/', 'K/a/b/'],
    ['K/a/b/', 'K/a/b/'],
  ] as const) {
    it(`${given} is ${parsed}`, () => {
      expect(normaliseFilter(given)).toBe(parsed)
      expect(parseTopic(parsed)).not.toHaveProperty('problem')
    })
  }
})
