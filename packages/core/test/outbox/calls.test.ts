/** The calls of messages on disk are read when they go out; only a few that are about to are in memory. */
import { describe, expect, it } from 'vitest'
import { messageOf } from '../../src/outbox/attempt.ts'
import { Calls } from '../../src/outbox/calls.ts'
import { Destination, Item } from '../../src/outbox/item.ts'
import type { Keeper } from '../../src/outbox/item.ts'
import type { Intake } from '../../src/outbox/options.ts'
import { MemoryStore } from '../../src/outbox/store.ts'
import type { OutboxStore } from '../../src/outbox/store.ts'
import { Peer } from './support.ts'

const onDisk: OutboxStore = Object.assign(new MemoryStore(), { durable: true })

const keeper: Keeper = { kept() {}, notKept() {}, written() {}, notWritten() {} }

function message(destination: Destination, size: number): { item: Item; intake: Intake } {
  const submission = { destination: destination.name, kind: 'text', body: new Uint8Array(size) }
  const intake = { id: 'a', submission, options: '{"a":1}', priority: 1, expires: 0, latest: '' }
  const facts = {
    id: 'a',
    priority: 1,
    order: 1,
    atMostOnce: false,
    queuedAt: 0,
    deadline: undefined,
    latest: undefined,
  }
  return { item: new Item({ ...facts, destination, size }), intake }
}

function open(): Destination {
  const destination = new Destination('demo:me', keeper)
  destination.deliver = new Peer().deliver
  return destination
}

describe('calls of an outbox with a path', () => {
  it('are in memory up to a mebibyte, options counted, and not at all when nobody delivers', () => {
    const calls = new Calls(() => onDisk)
    const destination = open()
    const messages = Array.from({ length: 10_000 }, () => message(destination, 200))
    for (const { item, intake } of messages) calls.remember(item, intake)
    expect(calls.cachedBytes).toBeLessThanOrEqual(1024 * 1024)
    expect(calls.cachedBytes).toBeGreaterThan(1024 * 1024 - 300)
    for (const { item } of messages) calls.uncache(item)
    expect(calls.cachedBytes).toBe(0)
    expect(messages.every(({ item }) => calls.inMemory(item) === undefined)).toBe(true)

    const { item, intake } = message(new Destination('demo:nobody', keeper), 200)
    calls.remember(item, intake)
    expect(calls.cachedBytes).toBe(0)
  })

  it('count nothing twice', () => {
    const calls = new Calls(() => onDisk)
    const { item, intake } = message(open(), 200)
    calls.remember(item, intake)
    calls.forget(item)
    calls.uncache(item)
    calls.forget(item)
    expect(calls.cachedBytes).toBe(0)
  })
})

describe('calls of an outbox in memory', () => {
  it('stay until the message is settled', async () => {
    const calls = new Calls(() => new MemoryStore())
    const { item, intake } = message(new Destination('demo:nobody', keeper), 2 * 1024 * 1024)
    calls.remember(item, intake)
    calls.uncache(item)
    expect(messageOf(item, await calls.get(item))).toMatchObject({ kind: 'text', options: { a: 1 } })
    calls.forget(item)
    expect(calls.cachedBytes).toBe(0)
  })
})
