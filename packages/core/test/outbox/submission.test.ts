/** What may be submitted, what of it is kept, and how a wrong call is told. */
import { describe, expect, it } from 'vitest'
import { AbortError, Outbox, UsageError } from '@halyard/core'
import type { OutboxMessage, OutboxOptions, OutboxSubmission, SendControl } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, bytes, collect, errorOf, send, textOf } from './support.ts'

const submission: OutboxSubmission = { destination: DEMO, kind: 'text', body: bytes('a') }

describe('a wrong option is named', () => {
  it.each<[OutboxOptions, string]>([
    [{ path: '' }, 'path must be the name of a directory, not '],
    [{ path: 7 as never }, 'path must be the name of a directory, not 7'],
    [{ maxMessages: 0 }, 'maxMessages must be a whole number above 0, not 0'],
    [{ maxMessages: 1.5 }, 'maxMessages must be a whole number above 0, not 1.5'],
    [{ maxBytes: -1 }, 'maxBytes must be a whole number above 0, not -1'],
    [{ concurrency: Number.NaN }, 'concurrency must be a whole number above 0, not NaN'],
    [{ maxAge: 0 }, 'maxAge must be a number above 0, not 0'],
    [{ drainRate: '5' as never }, 'drainRate must be a number above 0, not 5'],
    [{ overflow: 'drop' as never }, 'overflow must be reject, drop-oldest or drop-newest, not drop'],
    [{ ordered: 'no' as never }, 'ordered must be true or false, not no'],
    [{ path: '/x', readOnly: 1 as never }, 'readOnly must be true or false, not 1'],
  ])('%j', async (options, message) => {
    const error = await errorOf(Outbox.open(options))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({ code: 'ERR_USAGE', message })
  })

  it('what is changed in the options later changes nothing', async () => {
    const options = { maxMessages: 1 }
    await using outbox = await Outbox.open(options)
    options.maxMessages = 10
    await send(outbox, 'a')
    expect((await errorOf(send(outbox, 'b'))).code).toBe('ERR_OUTBOX_FULL')
  })
})

describe.each(KINDS)('a wrong call of an outbox in %s is named and keeps nothing', (kind) => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  it.each<[string, Partial<OutboxSubmission>, SendControl, string]>([
    ['no destination', { destination: '' }, {}, 'destination must be a text of 1 to 1024 characters, not '],
    ['a long destination', { destination: 'x'.repeat(1025) }, {}, 'destination must be a text of 1 to 1024 characters'],
    ['no kind', { kind: undefined }, {}, 'kind must be a text of 1 to 1024 characters, not undefined'],
    ['a text for a body', { body: 'a' as never }, {}, 'body must be a Uint8Array, not string'],
    ['an empty id', {}, { id: '' }, 'id must be a text of 1 to 128 characters, not '],
    ['a long id', {}, { id: 'x'.repeat(129) }, 'id must be a text of 1 to 128 characters'],
    ['half a character in an id', {}, { id: 'a\ud83d' }, 'id must be a text of 1 to 128 characters'],
    ['an empty latest', {}, { latest: '' }, 'latest must be a text of 1 to 1024 characters'],
    ['expires 0', {}, { expires: 0 }, 'expires must be a number of seconds above 0, not 0'],
    ['expires NaN', {}, { expires: Number.NaN }, 'expires must be a number of seconds above 0, not NaN'],
    ['a priority', {}, { priority: 'urgent' as never }, 'priority must be high, normal or low, not urgent'],
    ['a list for options', { options: [] as never }, {}, 'options must be an object of JSON values'],
    ['circular options', { options: circular }, {}, 'options must be an object of JSON values'],
    ['a BigInt in options', { options: { n: 1n } }, {}, 'options must be an object of JSON values'],
    [
      'huge options',
      { options: { topics: 'x'.repeat(70_000) } },
      {},
      'options must be an object of JSON values, at most 65536 characters of them, not 70013',
    ],
  ])('%s', async (_, wrong, control, message) => {
    await using outbox = await new Home(kind).open()
    const error = await errorOf(outbox.submit({ ...submission, ...wrong }, control))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
    expect(error.message).toContain(message)
    expect(outbox).toMatchObject({ depth: 0, bytes: 0 })
  })

  it('a signal that has fired already', async () => {
    await using outbox = await new Home(kind).open()
    const reason = new Error('the user went away')
    const error = await errorOf(outbox.submit(submission, { signal: AbortSignal.abort(reason) }))
    expect(error).toBeInstanceOf(AbortError)
    expect(error).toMatchObject({
      name: 'AbortError',
      code: 'ERR_ABORTED',
      cause: reason,
      message: 'the waiting was aborted by its signal',
    })
    expect(outbox.depth).toBe(0)
  })

  it('a message larger than maxBytes, before anything gives way to it', async () => {
    await using outbox = await new Home(kind).open({ maxBytes: 10, overflow: 'drop-oldest' })
    await send(outbox, 'a')
    expect(await errorOf(send(outbox, 'x'.repeat(11)))).toMatchObject({
      code: 'ERR_OUTBOX_MESSAGE',
      message: 'a message of 11 bytes is larger than maxBytes (10); split it',
    })
    expect(outbox.depth).toBe(1)
  })

  it('a message larger than a record can be, before anything gives way to it', async () => {
    await using outbox = await new Home(kind).open({ overflow: 'drop-oldest', maxMessages: 1 })
    await send(outbox, 'a')
    const body = new Uint8Array(31 * 1024 * 1024 + 1)
    expect(await errorOf(outbox.submit({ ...submission, body }))).toMatchObject({
      code: 'ERR_OUTBOX_MESSAGE',
      message: 'a message of 32505857 bytes is larger than the 32505856 that one can have; split it',
    })
    expect(outbox).toMatchObject({ depth: 1, bytes: 1 })
  })
})

describe.each(KINDS)('what is submitted to an outbox in %s', (kind) => {
  /** Whether it waits in memory for its answer, waits for its turn, or was there before this process. */
  const ways = kind === 'memory' ? (['at once', 'queued'] as const) : (['at once', 'queued', 'restarted'] as const)

  async function delivered(
    way: (typeof ways)[number],
    given: OutboxSubmission,
    control: SendControl,
    change: () => void = () => {},
  ): Promise<OutboxMessage> {
    const home = new Home(kind)
    let outbox = await home.open()
    let got: OutboxMessage | undefined
    const deliver = (message: OutboxMessage): Promise<typeof DELIVERED> => {
      got = message
      return Promise.resolve(DELIVERED)
    }
    if (way === 'at once') outbox.attach(given.destination, deliver)
    const sent = outbox.submit(given, control)
    change()
    await sent
    if (way === 'restarted') {
      await outbox.close()
      outbox = await home.open()
    }
    if (way !== 'at once') outbox.attach(given.destination, deliver)
    await outbox.idle()
    await outbox.close()
    if (got === undefined) throw new Error('nothing came')
    return got
  }

  it.each(ways)('comes out as it went in: %s', async (way) => {
    const body = Uint8Array.from({ length: 1000 }, (_, index) => index % 256)
    const options = { topics: ['température', '🌡'], retries: 3, nested: { deep: [null, true, 1.5] }, quote: '"\\' }
    const id = 'ünï-🚢-id'
    const given = { destination: 'demo:ünï', kind: 'démo', body, options }
    expect(await delivered(way, given, { id, latest: 'nïveau', priority: 'high' })).toEqual({
      id,
      kind: 'démo',
      body,
      options,
      attempts: 0,
      order: 1,
      earlier: way === 'restarted',
      stage: 0,
    })
  })

  it.each(ways)('has no options if none were given: %s', async (way) => {
    expect((await delivered(way, submission, {})).options).toEqual({})
  })

  it.each(ways)('may have an empty body: %s', async (way) => {
    expect((await delivered(way, { ...submission, body: new Uint8Array(0) }, {})).body).toHaveLength(0)
  })

  it.each(ways)('may be large: %s', async (way) => {
    const body = new Uint8Array(3 * 1024 * 1024).map((_, index) => index * 7)
    const options = { topics: 'é'.repeat(60_000) }
    const got = await delivered(way, { ...submission, body, options }, {})
    expect(Buffer.compare(got.body, body)).toBe(0)
    expect(got.options).toEqual(options)
  })

  it.each(ways)('keeps a byte order mark at the begin of a name: %s', async (way) => {
    const id = '\ufeffa'
    expect((await delivered(way, { ...submission, kind: '\ufeffkind' }, { id })).id).toBe(id)
  })

  it.each(ways)(
    'is a copy: what the caller does with the bytes and options afterwards changes nothing: %s',
    async (way) => {
      for (const body of [bytes('original'), Buffer.from('original')]) {
        const options = { topics: ['a'] }
        const got = await delivered(way, { ...submission, body, options }, {}, () => {
          body.fill(0)
          options.topics.push('b')
        })
        expect(textOf(got.body)).toBe('original')
        expect(got.options).toEqual({ topics: ['a'] })
      }
    },
  )

  it.each(ways)('is a copy, also of what is frozen and yet answers differently later: %s', async (way) => {
    let word = 'original'
    const given = Object.freeze({
      get word() {
        return word
      },
    })
    const got = await delivered(way, { ...submission, options: given }, {}, () => (word = 'changed'))
    expect(got.options).toEqual({ word: 'original' })
    const inherits = Object.freeze(
      Object.assign(Object.create({ inherited: true }) as Record<string, unknown>, { own: 1 }),
    )
    const own = await delivered(way, { ...submission, options: inherits }, {})
    expect([own.options, own.options['inherited']]).toEqual([{ own: 1 }, undefined])
  })

  it('is handed over in the same form from memory and from disk: bytes that are no Buffer, JSON values', async () => {
    for (const way of ways) {
      const body = Buffer.from('bytes')
      const options = { when: new Date(0), nothing: undefined }
      const got = await delivered(way, { ...submission, body, options }, {})
      expect(Buffer.isBuffer(got.body)).toBe(false)
      expect(got.options).toEqual({ when: '1970-01-01T00:00:00.000Z' })
      expect(Object.keys(got.options)).toEqual(['when'])
    }
  })

  it('is given anew at every attempt, whatever the deliverer did with the options', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const seen: unknown[] = []
    outbox.attach(DEMO, ({ options }) => {
      seen.push({ ...options })
      Object.assign(options, { changed: true })
      return Promise.resolve(seen.length < 2 ? { outcome: 'retry', reason: 'no link' } : DELIVERED)
    })
    await outbox.submit({ ...submission, options: { a: 1 } })
    await home.clock.advance(60_000)
    await outbox.idle()
    expect(seen).toEqual([{ a: 1 }, { a: 1 }])
  })

  it('is listed with its body while it waits', async () => {
    await using outbox = await new Home(kind).open()
    await outbox.submit({ ...submission, options: { topics: ['t'] } }, { id: 'a' })
    const storing = send(outbox, 'b', { id: 'b' })
    const listed = await collect(outbox.messages())
    await storing
    const first = {
      id: 'a',
      destination: DEMO,
      kind: 'text',
      body: bytes('a'),
      options: { topics: ['t'] },
      attempts: 0,
      order: 1,
      earlier: false,
      stage: 0,
    }
    expect(listed[0]).toEqual(first)
    expect((await collect(outbox.messages())).map(({ id }) => id)).toEqual(['a', 'b'])
  })
})

describe('thousands of messages', () => {
  it.each(KINDS)('go through in order, in %s', async (kind) => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    const texts = Array.from({ length: 5_000 }, (_, index) => String(index))
    const entries = await Promise.all(texts.map((text) => send(outbox, text)))
    expect(new Set(entries.map(({ state }) => state))).toEqual(new Set(['delivered']))
    expect(new Set(entries.map(({ id }) => id)).size).toBe(5_000)
    await outbox.idle()
    expect(peer.seen).toEqual(texts)
    expect(outbox).toMatchObject({ depth: 0, bytes: 0 })
  })
})
