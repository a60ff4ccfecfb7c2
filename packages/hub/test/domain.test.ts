import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOLOGRAM_ACCOUNTS, HologramAccounts } from '../src/domain/accounts.ts'
import { Devices } from '../src/domain/devices.ts'
import { MessageBus, SUBSCRIBER_CAPACITY } from '../src/domain/message-bus.ts'
import { labelsOf, messageId } from '../src/domain/message.ts'
import type { HubMessage } from '../src/domain/message.ts'
import type { Registry } from '../src/domain/ports.ts'
import { FailureThrottle } from '../src/domain/throttle.ts'
import { addressKey } from '../src/listen/addresses.ts'
import { repeatedLogger } from '../src/repeated-logger.ts'
import { MemoryHistory } from '../src/store/memory-history.ts'
import { MemoryRegistry } from '../src/store/memory-registry.ts'
import { RecordingLogger } from './support.ts'

function message(id: string, part: Partial<HubMessage> = {}): HubMessage {
  return {
    id,
    service: 'hologram',
    account: 'abcd',
    channel: '',
    direction: 'in',
    payload: new Uint8Array(),
    receivedAt: new Date(0),
    ...part,
  }
}

describe('message ids', () => {
  it('sort as text in the order of their numbers', () => {
    const lsn = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(
        lsn,
        lsn,
        (a, b) => Math.sign(a - b) === Math.sign(messageId(a, 'hub').localeCompare(messageId(b, 'hub'), 'en')),
      ),
    )
    expect(messageId(36, 'k3v9m2xq')).toBe('00000000010-k3v9m2xq')
  })

  it('a Hologram channel is found by itself and by each topic; others by themselves', () => {
    expect(labelsOf('hologram', 'A,B,A')).toEqual(['A,B,A', 'A', 'B'])
    expect(labelsOf('hologram', 'A')).toEqual(['A'])
    expect(labelsOf('mqtt', 'a,b')).toEqual(['a,b'])
  })
})

describe('the message bus', () => {
  const take = async (iterator: AsyncIterator<HubMessage, undefined>, count: number): Promise<string[]> => {
    const ids: string[] = []
    for (let index = 0; index < count; index++) ids.push((await iterator.next()).value?.id ?? 'done')
    return ids
  }

  it('gives every watcher what passes from its subscription on, in order, once', async () => {
    const bus = new MessageBus()
    const first = bus.subscribe({})
    bus.publish(message('1'))
    const second = bus.subscribe({})
    bus.publish(message('2'))
    expect(await take(first, 2)).toEqual(['1', '2'])
    expect(await take(second, 1)).toEqual(['2'])
    bus.close()
    expect(await take(first, 2)).toEqual(['done', 'done'])
  })

  it('filters by service, and by the whole channel or one topic', async () => {
    const bus = new MessageBus()
    const byTopic = bus.subscribe({ channel: 'B' })
    const byService = bus.subscribe({ service: 'ttn' })
    bus.publish(message('1', { channel: 'A,B' }))
    bus.publish(message('2', { channel: 'AB' }))
    bus.publish(message('3', { channel: 'B' }))
    bus.publish(message('4', { service: 'ttn', channel: 'up,B' }))
    bus.close()
    expect(await take(byTopic, 3)).toEqual(['1', '3', 'done'])
    expect(await take(byService, 2)).toEqual(['4', 'done'])
  })

  it('holds 1000 for a slow watcher, then drops the oldest, counts, and says so once', async () => {
    const bus = new MessageBus()
    let warnings = 0
    const slow = bus.subscribe({}, { onFirstDrop: () => warnings++ })
    for (let id = 1; id <= SUBSCRIBER_CAPACITY + 5; id++) bus.publish(message(String(id)))
    expect([slow.dropped, bus.dropped, warnings]).toEqual([5, 5, 1])
    expect(await take(slow, 2)).toEqual(['6', '7'])
    bus.close()
    expect(await take(slow, SUBSCRIBER_CAPACITY - 1)).toContain('done')
  })

  it('holds so many bytes for a watcher that says so, and one message whatever its size', async () => {
    const bus = new MessageBus()
    const slow = bus.subscribe({}, { maxBytes: 100 })
    for (const id of ['1', '2', '3']) bus.publish(message(id, { payload: new Uint8Array(40) }))
    expect([slow.dropped, await take(slow, 1)]).toEqual([1, ['2']])
    for (const id of ['4', '5']) bus.publish(message(id, { payload: new Uint8Array(30) }))
    expect([slow.dropped, await take(slow, 1)]).toEqual([1, ['3']])
    bus.publish(message('6', { payload: new Uint8Array(1000) }))
    bus.publish(message('7', { payload: new Uint8Array(0) }))
    expect(slow.dropped).toBe(4)
    bus.close()
    expect(await take(slow, 2)).toEqual(['7', 'done'])
  })

  it('answers readers in the order in which they asked', async () => {
    const bus = new MessageBus()
    const watcher = bus.subscribe({})
    const asked = [watcher.next(), watcher.next(), watcher.next()]
    bus.publish(message('1'))
    bus.publish(message('2'))
    bus.close()
    expect((await Promise.all(asked)).map(({ value }) => value?.id)).toEqual(['1', '2', undefined])
  })

  it('forgets a watcher that breaks out of its loop', async () => {
    const bus = new MessageBus()
    const watcher = bus.subscribe({})
    bus.publish(message('1'))
    for await (const seen of watcher) {
      expect(seen.id).toBe('1')
      break
    }
    expect(bus.subscribers).toBe(0)
  })

  it('behaves as a queue that forgets its head, whatever the order of reads and writes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 700 }), { maxLength: 12 }), async (steps) => {
        const bus = new MessageBus()
        const watcher = bus.subscribe({})
        let model: string[] = []
        let id = 0
        for (const [index, count] of steps.entries()) {
          for (let step = 0; step < count; step++) {
            if (index % 2 === 0) {
              bus.publish(message(String(++id)))
              model.push(String(id))
            } else if (model.length > 0) {
              expect((await watcher.next()).value?.id).toBe(model.shift())
            }
          }
          model = model.slice(-SUBSCRIBER_CAPACITY)
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('accounts', () => {
  it('are cached, the unknown too, until the registry changes', async () => {
    const registry = new MemoryRegistry()
    let reads = 0
    const counting: Registry = Object.assign(Object.create(registry) as Registry, {
      get: (collection: string, id: string) => (reads++, registry.get(collection, id)),
      watch: registry.watch.bind(registry),
      put: registry.put.bind(registry),
      remove: registry.remove.bind(registry),
    })
    const accounts = new HologramAccounts(counting)
    expect(await accounts.find('abcd')).toBeUndefined()
    expect(await accounts.find('abcd')).toBeUndefined()
    expect(reads).toBe(1)
    expect(await accounts.create({ cloudId: 'abcd', keyHash: '00' })).toBe(true)
    expect(await accounts.create({ cloudId: 'abcd', keyHash: '11' })).toBe(false)
    expect(accounts.peek('abcd')).toBe('unknown')
    expect(await accounts.find('abcd')).toEqual({ cloudId: 'abcd', keyHash: '00' })
    expect(accounts.peek('abcd')).toEqual({ cloudId: 'abcd', keyHash: '00' })
    expect(await accounts.remove('abcd')).toBe(true)
    expect(await accounts.find('abcd')).toBeUndefined()
  })

  it('a document that is no account is none', async () => {
    const registry = new MemoryRegistry()
    await registry.put(HOLOGRAM_ACCOUNTS, 'abcd', { keyHash: 7 })
    await registry.put(HOLOGRAM_ACCOUNTS, 'efgh', null)
    const accounts = new HologramAccounts(registry)
    expect(await accounts.find('abcd')).toBeUndefined()
    expect(await accounts.find('efgh')).toBeUndefined()
  })
})

describe('the throttle', () => {
  it('blocks at the limit, for the rest of the window', () => {
    const throttle = new FailureThrottle({ failures: 2, window: 10 })
    expect(throttle.blocked('a', 0)).toBe(false)
    expect(throttle.failed('a', 0)).toBe(false)
    expect(throttle.failed('a', 9000)).toBe(true)
    expect(throttle.blocked('a', 9999)).toBe(true)
    expect(throttle.blocked('b', 9999)).toBe(false)
    expect(throttle.blocked('a', 10_000)).toBe(false)
    expect(throttle.failed('a', 10_000)).toBe(false)
  })

  it('remembers so many names and no more', () => {
    const throttle = new FailureThrottle({ failures: 1, window: 10 })
    for (let name = 0; name <= 10_000; name++) throttle.failed(String(name), 0)
    expect(throttle.blocked('0', 1)).toBe(false)
    expect(throttle.blocked('10000', 1)).toBe(true)
  })
})

describe('devices', () => {
  it('are remembered where they were seen last, the newest 10,000', () => {
    const devices = new Devices('hologram', new MemoryHistory(() => new Date()))
    const lastSeenAt = new Date(0)
    for (let device = 0; device <= 10_000; device++)
      devices.seen(String(device), { address: '192.0.2.1', host: '192.0.2.1', lastSeenAt })
    devices.seen('1', { address: '192.0.2.2', host: '192.0.2.2', lastSeenAt })
    expect(devices.find('0')).toBeUndefined()
    expect(devices.find('1')?.address).toBe('192.0.2.2')
  })
})

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, ''],
])('limits for %s hold for %s', (address, key) => {
  expect(addressKey(address)).toBe(key)
})

it.each(['warn', 'error'] as const)('a repeated %s comes once a minute, with the number of those left out', (level) => {
  let now = 0
  const log = new RecordingLogger()
  const logger = repeatedLogger(log, {
    now: () => 0,
    monotonic: () => now,
    bootId: '',
    setTimer: () => ({ cancel() {} }),
  })
  for (let count = 0; count < 5; count++) logger[level]({ count }, 'flood')
  logger[level]({}, 'other')
  now = 60_000
  logger[level]({ count: 9 }, 'flood')
  expect(log.lines.map((line) => [line.level, line.message, line.object])).toEqual([
    [level, 'flood', { count: 0 }],
    [level, 'other', {}],
    [level, 'flood', { count: 9, repeated: 4 }],
  ])
})
