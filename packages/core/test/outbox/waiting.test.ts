/** Those who wait: for a send, for a fate, for nothing to be owed; aborted waits; and messages that are taken back. */
import { describe, expect, it } from 'vitest'
import {
  DELIVERED,
  DEMO,
  Home,
  KINDS,
  Peer,
  again,
  collect,
  errorOf,
  quiet,
  record,
  refused,
  send,
  stateOf,
} from './support.ts'

it('what is no signal is refused in words, and nobody waits for it', async () => {
  await using outbox = await new Home('memory').open()
  const signal = {} as AbortSignal
  const words = 'signal must be an AbortSignal'
  await expect(send(outbox, 'a', { signal })).rejects.toThrow(words)
  await send(outbox, 'b', { id: 'b' })
  await expect(outbox.settled('b', { signal })).rejects.toThrow(words)
  await expect(outbox.idle({ signal })).rejects.toThrow(words)
})

describe.each(KINDS)('a send to an outbox in %s', (kind) => {
  it('behind a message that is on the wire waits for its own answer', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const first = send(outbox, 'a')
    const attempt = await peer.next()
    const second = send(outbox, 'b')
    expect(await stateOf(second)).toBe('pending')
    attempt.answer(DELIVERED)
    await first
    expect(await stateOf(second)).toBe('pending')
    await peer.answer(refused('ERR_TOPICS'))
    expect(await second).toMatchObject({ state: 'dropped', reason: 'ERR_TOPICS' })
  })

  it('behind messages that were told queued is queued at once, also while they go out', async () => {
    await using outbox = await new Home(kind).open()
    await send(outbox, 'a')
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const attempt = await peer.next()
    expect((await send(outbox, 'b')).state).toBe('queued')
    attempt.answer(DELIVERED)
    await peer.answer()
    await outbox.idle()
    const third = send(outbox, 'c')
    await peer.answer()
    expect((await third).state).toBe('delivered')
  })

  it('whose waiting is aborted rejects; the message stays and goes', async () => {
    await using outbox = await new Home(kind).open()
    const lines = record(outbox)
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const controller = new AbortController()
    const reason = new Error('enough')
    const sent = send(outbox, 'a', { id: 'a', signal: controller.signal })
    const attempt = await peer.next()
    controller.abort(reason)
    expect(await errorOf(sent)).toMatchObject({ name: 'AbortError', code: 'ERR_ABORTED', cause: reason })
    expect(attempt.signal.aborted).toBe(false)
    attempt.answer(DELIVERED)
    await outbox.idle()
    expect(lines).toEqual(['queued a', 'delivered a'])
  })

  it('whose signal fires when all is over does nothing', async () => {
    await using outbox = await new Home(kind).open()
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    const controller = new AbortController()
    expect((await send(outbox, 'a', { signal: controller.signal })).state).toBe('delivered')
    controller.abort()
    await quiet()
  })
})

describe.each(KINDS)('settled() of an outbox in %s', (kind) => {
  it('resolves when the message is delivered or dropped, for all who wait', async () => {
    await using outbox = await new Home(kind).open()
    await send(outbox, 'a', { id: 'a' })
    const waiting = [outbox.settled('a'), outbox.settled('a')]
    expect(await stateOf(Promise.all(waiting))).toBe('pending')
    outbox.attach(DEMO, new Peer().always(refused('ERR_AUTH')).deliver)
    for (const settled of waiting) expect(await settled).toMatchObject({ state: 'dropped', reason: 'ERR_AUTH' })
  })

  it('resolves at once for what is settled already', async () => {
    await using outbox = await new Home(kind).open()
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await send(outbox, 'a', { id: 'a' })
    await outbox.idle()
    expect(await outbox.settled('a')).toEqual(outbox.why('a'))
  })

  it('rejects for an id that nobody knows', async () => {
    await using outbox = await new Home(kind).open()
    expect(await errorOf(outbox.settled('x'))).toMatchObject({
      name: 'UsageError',
      code: 'ERR_OUTBOX_UNKNOWN',
      message: 'the outbox knows no message x',
    })
  })

  it('can be aborted, before and meanwhile', async () => {
    await using outbox = await new Home(kind).open()
    await send(outbox, 'a', { id: 'a' })
    expect((await errorOf(outbox.settled('a', { signal: AbortSignal.abort() }))).name).toBe('AbortError')
    const controller = new AbortController()
    const aborted = outbox.settled('a', { signal: controller.signal })
    const other = outbox.settled('a')
    controller.abort('enough')
    expect(await errorOf(aborted)).toMatchObject({ code: 'ERR_ABORTED', cause: 'enough' })
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    expect((await other).state).toBe('delivered')
  })
})

describe.each(KINDS)('idle() of an outbox in %s', (kind) => {
  it('resolves at once when nothing is owed, else when nothing is owed any more', async () => {
    await using outbox = await new Home(kind).open()
    await outbox.idle()
    await send(outbox, 'a')
    await send(outbox, 'b', { to: 'demo:other' })
    const idle = outbox.idle()
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    expect(await stateOf(idle)).toBe('pending')
    outbox.attach('demo:other', new Peer().always(DELIVERED).deliver)
    await idle
    expect(outbox.depth).toBe(0)
  })

  it('can be aborted', async () => {
    await using outbox = await new Home(kind).open()
    await send(outbox, 'a')
    const controller = new AbortController()
    const idle = outbox.idle({ signal: controller.signal })
    controller.abort()
    expect((await errorOf(idle)).name).toBe('AbortError')
  })
})

describe.each(KINDS)('drop() in %s', (kind) => {
  it('takes back what waits', async () => {
    await using outbox = await new Home(kind).open()
    const lines = record(outbox)
    for (const id of ['a', 'b', 'c']) await send(outbox, id, { id })
    expect(await outbox.drop('b')).toBe(true)
    expect(outbox).toMatchObject({ depth: 2, bytes: 2 })
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    await outbox.idle()
    expect(peer.seen).toEqual(['a', 'c'])
    expect(lines).toContain('dropped b dropped')
    expect(await outbox.drop('b')).toBe(false)
  })

  it('takes back what is being stored', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a', { id: 'a' })
    expect(await outbox.drop('a')).toBe(true)
    expect(await sent).toMatchObject({ state: 'dropped', reason: 'dropped' })
    expect(peer.seen).toEqual([])
  })

  it('asks the deliverer of what is on the wire to let go, and is true if it did', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a', { id: 'a' })
    const attempt = await peer.next()
    const dropped = outbox.drop('a')
    expect(attempt.signal.aborted).toBe(true)
    attempt.answer(again('let go'))
    expect(await dropped).toBe(true)
    expect(await sent).toMatchObject({ state: 'dropped', reason: 'dropped' })
    // The link did not fail: the next one goes at once.
    const next = send(outbox, 'b')
    await peer.answer()
    expect((await next).state).toBe('delivered')
  })

  it('is false if what was on the wire went through, or was refused', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    for (const [id, delivery] of [
      ['a', DELIVERED],
      ['b', refused('ERR_AUTH')],
    ] as const) {
      const sent = send(outbox, id, { id })
      const attempt = await peer.next()
      const dropped = outbox.drop(id)
      attempt.answer(delivery)
      expect(await dropped).toBe(false)
      expect((await sent).state).toBe(delivery.outcome === 'delivered' ? 'delivered' : 'dropped')
    }
  })

  it('is true for one on the wire that a newer message was to replace', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    void send(outbox, 'a', { id: 'a', latest: 'level' })
    const attempt = await peer.next()
    void send(outbox, 'b', { id: 'b', latest: 'level' })
    await quiet()
    const dropped = outbox.drop('a')
    attempt.answer(again('let go'))
    expect(await dropped).toBe(true)
    await peer.answer()
    await outbox.idle()
  })

  it('is false for what nobody knows', async () => {
    await using outbox = await new Home(kind).open()
    expect(await outbox.drop('x')).toBe(false)
  })
})

describe.each(KINDS)('entries() in %s', (kind) => {
  it('give the ledger, then what is owed, and those asked for', async () => {
    await using outbox = await new Home(kind).open()
    outbox.attach('demo:ok', new Peer().always(DELIVERED).deliver)
    outbox.attach('demo:no', new Peer().always(refused('ERR_AUTH')).deliver)
    await send(outbox, 'a', { id: 'a', to: 'demo:ok' })
    await send(outbox, 'b', { id: 'b' })
    await send(outbox, 'c', { id: 'c', to: 'demo:no' })
    await quiet()
    const ids = async (filter?: Parameters<typeof outbox.entries>[0]): Promise<string> =>
      (await collect(outbox.entries(filter))).map(({ id }) => id).join('')
    expect(await ids()).toBe('acb')
    expect(await ids({ state: 'queued' })).toBe('b')
    expect(await ids({ state: 'dropped' })).toBe('c')
    expect(await ids({ destination: 'demo:ok' })).toBe('a')
    expect(await ids({ destination: 'demo:ok', state: 'queued' })).toBe('')
  })

  it('miss nothing that is settled while they are looked at', async () => {
    await using outbox = await new Home(kind).open()
    const link = outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await send(outbox, 'a', { id: 'a' })
    await outbox.idle()
    link.hold()
    await send(outbox, 'b', { id: 'b' })
    const seen: string[] = []
    for await (const { id } of outbox.entries()) {
      seen.push(id)
      link.release()
      await outbox.idle()
    }
    expect(seen).toEqual(['a', 'b'])
  })
})
