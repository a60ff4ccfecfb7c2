import { expect, it } from 'vitest'
import { MemoryMessageHistory } from '../src/store/memory-message-history.ts'

it('a history in memory loses its oldest messages, never its bound', async () => {
  const history = new MemoryMessageHistory<string>({ now: () => 0, monotonic: () => 0 }, 1000)
  const kept: number[] = []
  for (let number = 0; number < 100; number++) {
    const draft = { space: 's', channel: 'a', message: `${number}`, bytes: 100, lifetime: 60 }
    kept.push(history.keep(draft, { kept: () => {}, failed: () => {} }))
    expect(history.bytes).toBeLessThanOrEqual(1000)
  }
  const found: number[] = []
  for await (const { id } of history.read('s', 'a')) found.push(id)
  expect(found).toEqual(kept.slice(-10))
})
