import { VirtualClock } from '@halyard/testkit'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { originOf } from '../src/domain/message.ts'
import type { HistoryQuery } from '../src/domain/ports.ts'
import { topicOf } from '../src/mqtt/publication.ts'
import type { Publication } from '../src/mqtt/publication.ts'
import { StoredPublications } from '../src/mqtt/stored-publication.ts'
import type { JournalMessageHistory } from '../src/store/journal-message-history.ts'
import { FailingDisk } from './failing-disk.ts'
import { MovedClock, TEXTS, all, openDurable } from './message-history-support.ts'
import type { Durable, DurableWish } from './message-history-support.ts'
import { temporaryDirectory } from './support.ts'

async function open(directory?: string, more: DurableWish<string> = {}): Promise<Durable<string>> {
  const durable = await openDurable(directory ?? (await temporaryDirectory()), TEXTS, more)
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= durable.close())
  onTestFinished(close)
  return { ...durable, close }
}

/** Gives its number when it lasts. */
async function keep(history: JournalMessageHistory<string>, message: string, lifetime = 60): Promise<number> {
  let id = 0
  await new Promise<void>((resolve, reject) => {
    const draft = { space: 'mqtt', channel: 'a/b', message, bytes: 0, lifetime }
    id = history.keep(draft, { kept: resolve, failed: reject })
  })
  return id
}

async function texts(history: JournalMessageHistory<string>, last?: number): Promise<string[]> {
  return (await all(history.read('mqtt', 'a/#', { last }))).map(({ message }) => message)
}

describe('stored messages on the journal', () => {
  it('are there again after a restart, under the same numbers, and new ones come behind', async () => {
    const directory = await temporaryDirectory()
    const first = await open(directory)
    const ids = [await keep(first.history, 'one'), await keep(first.history, 'two')]
    await first.close()
    const second = await open(directory)
    const third = await keep(second.history, 'three')
    expect(third).toBeGreaterThan(Math.max(...ids))
    const channel = 'a/b'
    expect(await all(second.history.read('mqtt', 'a/b'))).toMatchObject([
      { id: ids[0], channel, message: 'one' },
      { id: ids[1], channel, message: 'two' },
      { id: third, channel, message: 'three' },
    ])
  })

  it('expire by the wall clock, also while nobody runs', async () => {
    const directory = await temporaryDirectory()
    const clock = new MovedClock()
    const first = await open(directory, { clock })
    await keep(first.history, 'short', 5)
    await keep(first.history, 'long', 3600)
    await first.close()
    clock.ahead = 6000
    const second = await open(directory, { clock })
    expect(await texts(second.history)).toEqual(['long'])
    await second.index.history.sweep({}, new Date(clock.now()))
    expect(await second.index.count()).toMatchObject({ messages: 1 })
  })

  it('are shown to whoever watches when they last, without what only their service knows', async () => {
    const { history, bus, index } = await open(undefined, {
      codec: { ...TEXTS, encode: (text) => ({ payload: Buffer.from(text), options: Uint8Array.of(7) }) },
      originOf,
    })
    const watching = bus.subscribe({ service: 'emitter', account: 'contract' })
    const draft = { space: 'emitter:contract', channel: 'a/b', message: 'x', bytes: 0, lifetime: 60 }
    await new Promise<void>((resolve, reject) => history.keep(draft, { kept: resolve, failed: reject }))
    const { value } = await watching.next()
    expect(value).toMatchObject({ service: 'emitter', account: 'contract', channel: 'a/b', direction: 'in' })
    expect(value).not.toHaveProperty('options')
    const { messages } = await index.history.query({ filter: 'a/#' })
    expect(messages).toMatchObject([{ id: value?.id, space: 'emitter:contract', options: Uint8Array.of(7) }])
  })

  it('are read page by page, the next one only when it is wanted', async () => {
    const queries: HistoryQuery[] = []
    const { history: paged } = await open(undefined, { queries })
    const large = 'x'.repeat(100_000)
    for (let number = 0; number < 9; number++) await keep(paged, `${number}${large}`)
    const reading = paged.read('mqtt', 'a/b')[Symbol.asyncIterator]()
    const first: string[] = []
    for (let count = 0; count < 2; count++) first.push(String((await reading.next()).value?.message).slice(0, 1))
    expect([first, queries.length]).toEqual([['0', '1'], 1])
    await reading.return?.(undefined)
    expect((await texts(paged)).map((text) => text[0]).join('')).toBe('012345678')
    expect(queries).toHaveLength(6)
    // Pages of two messages: back to where the newest five begin, then forward.
    expect((await texts(paged, 5)).map((text) => text[0]).join('')).toBe('45678')
    expect((await texts(paged, 50)).map((text) => text[0]).join('')).toBe('012345678')
    queries.length = 0
    expect((await texts(paged, 2)).map((text) => text[0]).join('')).toBe('78')
    expect(queries).toHaveLength(1)
  })

  it('may be asked for in numbers above those of a page', async () => {
    const { history } = await open()
    const kept = Array.from({ length: 1203 }, (_, number) => keep(history, String(number)))
    await Promise.all(kept)
    const numbers = Array.from({ length: 1203 }, (_, number) => String(number))
    expect(await texts(history, 1100)).toEqual(numbers.slice(-1100))
    expect(await texts(history)).toEqual(numbers)
  })
})

describe('what cannot be stored is told, and nothing is thrown', () => {
  it('when the journal is closed', async () => {
    const { history, close } = await open()
    await close()
    await expect(keep(history, 'late')).rejects.toMatchObject({ code: 'ERR_STORE_CLOSED' })
  })

  it('when the disk fails; what was there is read meanwhile, and new ones are kept when it is well', async () => {
    const failing = new FailingDisk()
    const { history } = await open(undefined, { disk: failing.disk })
    await keep(history, 'before')
    failing.fault = { call: 'write', code: 'ENOSPC' }
    const [lost, found] = await Promise.allSettled([keep(history, 'lost'), texts(history)])
    expect(lost).toMatchObject({ status: 'rejected', reason: { code: 'ERR_STORE_FULL' } })
    expect(found).toEqual({ status: 'fulfilled', value: ['before'] })
    failing.fault = undefined
    await keep(history, 'after')
    expect(await texts(history)).toEqual(['before', 'after'])
  })

  it('when there is no room, or too much waits for the disk', async () => {
    const full = await open(undefined, { isFull: () => true })
    await expect(keep(full.history, 'x')).rejects.toMatchObject({
      code: 'ERR_STORE_FULL',
      message:
        'the data directory has no room for a message that is to be stored; raise disk.maxBytes, or free some space',
    })
    const slow = await open(undefined, { uncommittedBytes: 1000 })
    const first = keep(slow.history, 'x'.repeat(2000))
    const second = keep(slow.history, 'y')
    await expect(second).rejects.toMatchObject({
      code: 'ERR_HUB_BEHIND',
      message: expect.stringMatching(
        /^the disk is too slow: \d{4} bytes wait to be written, and one more .*faster disk$/,
      ),
    })
    await first
    await keep(slow.history, 'z')
    expect((await texts(slow.history)).map((text) => text[0])).toEqual(['x', 'z'])
  })

  it('when the space is of no service, or the message has no form', async () => {
    const { history } = await open(undefined, { originOf: () => originOf('nowhere:1') })
    await expect(keep(history, 'x')).rejects.toThrow('the space nowhere:1 is of no service')
  })
})

describe('a publication in the history', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((one) => !/[\0+#]/.test(one))
  const bytes = fc.uint8Array({ maxLength: 40 })
  const properties = fc.record(
    {
      payloadFormatIndicator: fc.boolean(),
      contentType: text,
      responseTopic: text,
      correlationData: bytes,
      userProperties: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 100 }),
    },
    { requiredKeys: [] },
  )
  const publications = fc.record({
    topic: text.map(topicOf),
    payload: bytes,
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    retain: fc.boolean(),
    properties: fc.option(properties, { nil: undefined }),
    expiresAt: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 1e12 })),
  })
  const plain = (publication: Publication): unknown => ({
    ...publication,
    topic: publication.topic.text,
    payload: [...publication.payload],
    properties: { ...publication.properties },
  })

  it('comes back as it was, under its own topic', () => {
    const clock = new VirtualClock()
    const codec = new StoredPublications(clock)
    fc.assert(
      fc.property(publications, fc.boolean(), (publication, isOwn) => {
        const channel = isOwn ? publication.topic.text : 'channel'
        const parts = codec.encode(publication, channel)
        const again = codec.decode(structuredClone(parts), channel)
        expect(plain(again)).toEqual(plain(publication))
      }),
    )
  })

  it('takes two bytes more when there is nothing to say, and expires after a reboot as before it', async () => {
    const clock = new VirtualClock()
    const codec = new StoredPublications(clock)
    const publication = { topic: topicOf('a/b'), payload: Buffer.from('x'), qos: 1, retain: false } as const
    const rest = { properties: undefined, expiresAt: Infinity }
    expect([...(codec.encode({ ...publication, ...rest }, 'a/b').options ?? [])]).toEqual([1, 1])
    const { options } = codec.encode({ ...publication, ...rest, expiresAt: clock.monotonic() + 10_000 }, 'a/b')
    const kept = { payload: publication.payload, options: new Uint8Array(options ?? []) }
    await clock.advance(4000)
    const wall = clock.now()
    clock.reboot()
    clock.setWall(wall)
    const again = codec.decode(kept, 'a/b')
    expect(again.expiresAt - clock.monotonic()).toBe(6000)
  })

  it('that another way brought into the history is one of QoS 0', () => {
    const codec = new StoredPublications(new VirtualClock())
    const again = codec.decode({ payload: Buffer.from('x') }, 'a/b')
    expect(again).toMatchObject({ topic: { text: 'a/b' }, qos: 0, retain: false, expiresAt: Infinity })
  })

  it.each([[[]], [[1]], [[2, 0]], [[1, 3]], [[1, 8, 0]], [[1, 16]], [[1, 16, 0x30, 9, 0]]])(
    'that is none is told and not guessed at: %j',
    (options) => {
      const codec = new StoredPublications(new VirtualClock())
      const parts = { payload: Buffer.from('x'), options: Uint8Array.from(options) }
      expect(() => codec.decode(parts, 'a/b')).toThrow(expect.objectContaining({ code: 'ERR_HUB_RECORD' }))
      const fine = codec.encode(codec.decode({ payload: parts.payload }, 'other'), 'a/b')
      expect(codec.decode(fine, 'a/b').topic.text).toBe('other')
    },
  )
})
