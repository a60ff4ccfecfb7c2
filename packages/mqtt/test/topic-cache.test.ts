import { describe, expect, it } from 'vitest'
import { TopicCache } from '../src/topic-cache.ts'

describe('what is known of topics', () => {
  const known = (cache: TopicCache<number>, topics: readonly string[]): number =>
    topics.filter((topic) => cache.get(topic) !== undefined).length

  it('is bounded by their length: thousands of the longest are not kept', () => {
    const cache = new TopicCache<number>(4096)
    const topics = Array.from({ length: 100 }, (_, i) => 'x'.repeat(65_000) + String(i))
    for (const [i, topic] of topics.entries()) cache.set(topic, i)
    expect(known(cache, topics)).toBeLessThanOrEqual(8)
    expect(cache.get(topics[99]!)).toBe(99)
  })

  it('is bounded by their number, and keeps all that is usual', () => {
    const cache = new TopicCache<number>(1024)
    const topics = Array.from({ length: 1025 }, (_, i) => `site/${i}/sensors/temperature`)
    for (const [i, topic] of topics.slice(0, 1024).entries()) cache.set(topic, i)
    expect(known(cache, topics)).toBe(1024)
    cache.set(topics[1024]!, 1024)
    expect(known(cache, topics)).toBe(1)
  })
})
