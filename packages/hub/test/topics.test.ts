import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PositionQueue } from '../src/domain/position-queue.ts'
import { fits, isServerTopic } from '../src/domain/topics/filter.ts'
import { RetainedStore } from '../src/domain/topics/retained-store.ts'
import { SubscriptionIndex } from '../src/domain/topics/subscription-index.ts'
import { MemoryMessages } from '../src/store/memory-messages.ts'

/** §4.7 read once more, level by level. */
function naive(filter: string, topic: string): boolean {
  const filters = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && (filters[0] === '+' || filters[0] === '#')) return false
  for (const [index, level] of filters.entries()) {
    if (level === '#') return true
    if (index >= levels.length) return false
    if (level !== '+' && level !== levels[index]) return false
  }
  return filters.length === levels.length
}

const level = fc.constantFrom('a', 'b', 'aa', '', '$s', 'ab')
const topics = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([levels, hash]) => (hash ? [...levels, '#'] : levels).join('/'))
  .chain((filter) => fc.constantFrom(filter, filter, '#'))

describe('a filter', () => {
  it.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['a', 'aa', false],
    ['aa', 'a', false],
    ['a/', 'a', false],
  ])('%s and the topic %s: %s ([MQTT-4.7.1-2], [MQTT-4.7.1-3])', (filter, topic, expected) => {
    expect(fits(filter, 0, topic, 0)).toBe(expected)
  })

  it('fits what the standard says, level by level', () => {
    fc.assert(
      fc.property(filters, topics, (filter, topic) => {
        const passedBy = isServerTopic(topic) && /^[+#]/.test(filter)
        expect(fits(filter, 0, topic, 0) && !passedBy).toBe(naive(filter, topic))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the subscription index', () => {
  it('finds whom the filters fit, whatever was added and removed before ([MQTT-4.7.3-4], [MQTT-4.7.2-1])', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), filters, fc.nat({ max: 2 })), { maxLength: 40 })
    fc.assert(
      fc.property(steps, fc.array(topics, { minLength: 1, maxLength: 8 }), (script, asked) => {
        const index = new SubscriptionIndex<{ readonly name: number }>()
        const people = [{ name: 0 }, { name: 1 }, { name: 2 }]
        const model = new Set<string>()
        for (const [add, filter, who] of script) {
          const key = `${who} ${filter}`
          const person = people[who] ?? { name: -1 }
          const before = index.epoch
          const changed = add ? index.add(filter, person) : index.remove(filter, person)
          expect(changed).toBe(add ? !model.has(key) : model.has(key))
          expect(index.epoch > before).toBe(changed)
          if (add) model.add(key)
          else model.delete(key)
        }
        expect(index.size).toBe(model.size)
        for (const topic of asked) {
          const found: { readonly name: number }[] = []
          index.match(topic, found)
          const expected = [...model].filter((key) => naive(key.slice(2), topic)).map((key) => Number(key[0]))
          expect(found.map(({ name }) => name).toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b))
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the retained store', () => {
  const limits = { retainedMessages: 100, retainedBytes: 1000 }

  it('gives the last message of each topic that fits', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(topics, fc.nat()), { maxLength: 30 }), filters, (sets, filter) => {
        const store = new RetainedStore<{ readonly value: string; readonly expiresAt: number }>(limits)
        const model = new Map<string, string>()
        for (const [topic, number] of sets) {
          const value = `${topic} ${number}`
          if (number % 4 === 0) {
            expect(store.remove(topic)).toBe(model.delete(topic))
          } else {
            expect(store.set(topic, { value, expiresAt: Infinity }, 10)).toBe(true)
            model.set(topic, value)
          }
        }
        expect(store.count).toBe(model.size)
        expect(store.bytes).toBe(model.size * 10)
        const expected = [...model].filter(([topic]) => naive(filter, topic)).map(([, value]) => value)
        expect(
          store
            .match(filter, 0)
            .map(({ message }) => message.value)
            .toSorted(),
        ).toEqual(expected.toSorted())
        for (const [topic, value] of model) expect(store.get(topic)?.value).toBe(value)
      }),
      { numRuns: 1000 },
    )
  })

  it('has limits, and takes what replaces within them', () => {
    const store = new RetainedStore<{ readonly expiresAt: number }>({ retainedMessages: 2, retainedBytes: 100 })
    const message = { expiresAt: Infinity }
    expect(store.set('a', message, 60)).toBe(true)
    expect(store.set('b', message, 41)).toBe(false)
    expect(store.set('b', message, 40)).toBe(true)
    expect(store.set('c', message, 0)).toBe(false)
    expect(store.set('a', message, 10)).toBe(true)
    expect([store.count, store.bytes]).toEqual([2, 50])
  })

  it('forgets what has expired', () => {
    const store = new RetainedStore<{ readonly expiresAt: number }>(limits)
    store.set('a/b', { expiresAt: 10 }, 1)
    store.set('a', { expiresAt: 20 }, 1)
    expect(store.match('#', 10)).toMatchObject([{ message: { expiresAt: 20 }, isCurrent: true }])
    expect(store.sweep(10)).toBe(1)
    expect(store.count).toBe(1)
    expect(store.sweep(20)).toBe(1)
    expect(store.match('#', 0)).toEqual([])
  })
})

describe('a queue of positions', () => {
  it('gives them in their order, and holds nothing when it is empty', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 700 }), { maxLength: 8 }), (counts) => {
        const queue = new PositionQueue()
        const model: number[] = []
        let next = 1
        for (const [turn, count] of counts.entries()) {
          for (let step = 0; step < count; step++) {
            if (turn % 2 === 0) {
              queue.push(next, next % 200)
              model.push(next++)
            } else {
              expect(queue.firstMark).toBe((model[0] ?? 0) % 200)
              expect(queue.shift()).toBe(model.shift() ?? 0)
            }
          }
          expect(queue.length).toBe(model.length)
          expect(queue.first).toBe(model[0] ?? 0)
        }
        expect([...queue]).toEqual(model)
        queue.clear()
        expect([queue.length, queue.shift()]).toEqual([0, 0])
      }),
    )
  })
})

describe('held messages', () => {
  it('stay until the last who waits has let go', () => {
    const messages = new MemoryMessages<string>()
    const position = messages.hold('hello', 5)
    messages.share(position)
    messages.release(position)
    expect([messages.get(position), messages.bytes, messages.count]).toEqual(['hello', 5, 1])
    messages.release(position)
    messages.release(position)
    expect([messages.get(position), messages.bytes, messages.count]).toEqual([undefined, 0, 0])
  })
})
