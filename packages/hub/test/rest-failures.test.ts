import { StorageError } from '@halyard/core'
import { expect, it } from 'vitest'
import type { HubMessage, StoredMessage } from '../src/domain/message.ts'
import type { History, HistoryPage } from '../src/domain/ports.ts'
import { SUBSCRIBER_CAPACITY } from '../src/domain/message-bus.ts'
import { MemoryHistory } from '../src/store/memory-history.ts'
import { readEvents } from './rest-support.ts'
import { serve } from './rest-served.ts'
import { until } from './support.ts'

const FOLLOW = { accept: 'text/event-stream' }

/** A history that answers as long as it is told to. */
class FailingHistory implements History {
  answers = 0
  append(): Promise<void> {
    return Promise.resolve()
  }
  query(): Promise<HistoryPage> {
    if (this.answers-- > 0) return Promise.resolve({ messages: [] })
    return Promise.reject(new StorageError('ERR_HUB_INDEX', 'the index worker has stopped'))
  }
  sweep(): Promise<number> {
    return Promise.resolve(0)
  }
}

const message = (number: number): HubMessage => ({
  id: `${String(number).padStart(11, '0')}-testtest`,
  service: 'hologram',
  account: 'abcd',
  channel: '',
  direction: 'in',
  payload: new Uint8Array(10),
  receivedAt: new Date(0),
})

const stored = (number: number): StoredMessage => ({ ...message(number), space: 'hologram' })

it('a history that fails is 503, for a page as for a stream', async () => {
  const { call, bus, log } = await serve({ history: new FailingHistory() })
  expect(await call('GET', '/api/messages')).toMatchObject({ status: 503, body: { error: 'ERR_HUB_INDEX' } })
  const { status, headers } = await call('GET', '/api/messages', undefined, FOLLOW)
  expect([status, headers.get('retry-after')]).toEqual([503, '1'])
  expect(bus.subscribers).toBe(0)
  expect(log.texts('warn')).toEqual(['api: a stream was ended: the history failed: the index worker has stopped'])
})

it('a stream that has missed some, and cannot have them from the history, ends: it never goes on with a gap', async () => {
  const history = new FailingHistory()
  history.answers = 1
  const { port, bus } = await serve({ history })
  const reading = await readEvents(port, '/api/messages', { token: 'local' })
  // All in one turn: the subscription has dropped some before the first is looked at.
  for (let number = 1; number <= SUBSCRIBER_CAPACITY + 10; number++) bus.publish(message(number))
  await reading.ended
  expect(reading.response.complete).toBe(true)
  expect(reading.events).toEqual([])
  await until('nobody watches', () => bus.subscribers === 0)
})

it('a stream that wants nothing stored gets nothing stored, even if it has missed some', async () => {
  const history = new MemoryHistory(() => new Date())
  for (let number = 1; number <= 5; number++) history.add([stored(number)])
  const { port, bus } = await serve({ history })
  const reading = await readEvents(port, '/api/messages?last=0', { token: 'local' })
  const total = SUBSCRIBER_CAPACITY + 100
  for (let number = 6; number <= total; number++) {
    history.add([stored(number)])
    bus.publish(message(number))
  }
  expect(bus.dropped).toBeGreaterThan(0)
  await until('all are here', () => reading.events.length >= total - 5)
  expect(reading.events.map(({ id }) => id)).toEqual(
    Array.from({ length: total - 5 }, (_, index) => message(index + 6).id),
  )
})

it('a hub that closes begins no stream', async () => {
  const { call, rest } = await serve()
  rest.drain()
  expect(await call('GET', '/api/messages', undefined, FOLLOW)).toMatchObject({
    status: 503,
    body: { error: 'ERR_HUB_CLOSED', message: 'the hub is closing; ask again when it is started' },
  })
})
