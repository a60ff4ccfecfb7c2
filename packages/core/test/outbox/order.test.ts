/** Who goes first, how many go at once, and how fast a backlog goes. */
import { describe, expect, it } from 'vitest'
import type { Outbox } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, quiet, send } from './support.ts'

/** Queues texts while nobody delivers. */
async function backlog(outbox: Outbox, texts: string, to = DEMO): Promise<void> {
  for (const text of texts) await send(outbox, text, { id: text, to })
}

describe.each(KINDS)('the order in %s', (kind) => {
  it('is that of the sends within a destination, one after the other', async () => {
    await using outbox = await new Home(kind).open()
    await backlog(outbox, 'abcdef')
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    for (const text of 'abcdef') {
      expect(await peer.answer()).toBe(text)
      expect(peer.pending).toHaveLength(0)
    }
    await outbox.idle()
  })

  it('stays when a message has to be tried again', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sends = ['a', 'b', 'c'].map((text) => send(outbox, text))
    await peer.answer(again('cut'))
    expect((await Promise.all(sends)).map(({ state }) => state)).toEqual(['queued', 'queued', 'queued'])
    peer.always(DELIVERED)
    await home.clock.advance(60_000)
    await outbox.idle()
    expect(peer.seen).toEqual(['a', 'a', 'b', 'c'])
  })

  it('is high before normal before low, over all destinations', async () => {
    await using outbox = await new Home(kind).open({ concurrency: 1 })
    await send(outbox, 'l1', { priority: 'low' })
    await send(outbox, 'n1', { to: 'demo:other' })
    await send(outbox, 'h1', { priority: 'high' })
    await send(outbox, 'l2', { priority: 'low', to: 'demo:other' })
    await send(outbox, 'h2', { priority: 'high', to: 'demo:other' })
    await send(outbox, 'n2', { priority: 'normal' })
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    outbox.attach('demo:other', peer.deliver)
    await outbox.idle()
    expect(peer.seen.map((text) => text[0]).join('')).toBe('hhnnll')
  })

  it('lets an important message past a backlog, but never past what is on the wire', async () => {
    await using outbox = await new Home(kind).open({ concurrency: 1 })
    await backlog(outbox, 'abc')
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const attempt = await peer.next()
    const alarm = send(outbox, 'alarm', { priority: 'high' })
    await quiet()
    expect(peer.seen).toEqual(['a'])
    attempt.answer(DELIVERED)
    peer.always(DELIVERED)
    expect((await alarm).state).toBe('delivered')
    await outbox.idle()
    expect(peer.seen).toEqual(['a', 'alarm', 'b', 'c'])
  })

  it('is given up with ordered: false, for concurrency', async () => {
    await using outbox = await new Home(kind).open({ ordered: false, concurrency: 3 })
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sends = Array.from('abcd', (text) => send(outbox, text))
    await quiet()
    expect(peer.seen).toEqual(['a', 'b', 'c'])
    const [a, b, c] = peer.pending.splice(0)
    c?.answer(DELIVERED)
    expect(await peer.answer()).toBe('d')
    a?.answer(DELIVERED)
    b?.answer(DELIVERED)
    expect((await Promise.all(sends)).map(({ state }) => state)).toEqual(Array(4).fill('delivered'))
  })
})

describe('concurrency', () => {
  it('holds for all destinations together', async () => {
    await using outbox = await new Home('memory').open({ concurrency: 2 })
    const peer = new Peer()
    for (const to of ['demo:1', 'demo:2', 'demo:3']) outbox.attach(to, peer.deliver)
    const sends = ['demo:1', 'demo:2', 'demo:3'].map((to) => send(outbox, to, { to }))
    await quiet()
    expect(peer.seen).toEqual(['demo:1', 'demo:2'])
    await peer.answer()
    await quiet()
    expect(peer.seen).toEqual(['demo:1', 'demo:2', 'demo:3'])
    await peer.answer()
    await peer.answer()
    await Promise.all(sends)
  })

  it('is 4', async () => {
    await using outbox = await new Home('memory').open({ ordered: false })
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sends = Array.from('abcdef', (text) => send(outbox, text))
    await quiet()
    expect(peer.seen).toHaveLength(4)
    for (const _ of sends) await peer.answer()
    await Promise.all(sends)
  })

  it('is shared fairly: destinations take turns, however long the backlog of one', async () => {
    await using outbox = await new Home('memory').open({ concurrency: 1, ordered: false })
    await backlog(outbox, 'abcdefgh', 'demo:long')
    await backlog(outbox, 'xyz', 'demo:short')
    const peer = new Peer().always(DELIVERED)
    outbox.attach('demo:long', peer.deliver)
    outbox.attach('demo:short', peer.deliver)
    await outbox.idle()
    expect(peer.seen.join('')).toBe('axbyczdefgh')
  })
})

describe('drainRate', () => {
  it('lets so many messages a second leave a backlog', async () => {
    const home = new Home('memory')
    await using outbox = await home.open({ drainRate: 2 })
    await backlog(outbox, 'abcdef')
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    await quiet()
    expect(peer.seen.join('')).toBe('a')
    await home.clock.advance(499)
    expect(peer.seen.join('')).toBe('a')
    await home.clock.advance(1)
    expect(peer.seen.join('')).toBe('ab')
    await home.clock.advance(2_000)
    expect(peer.seen.join('')).toBe('abcdef')
    await outbox.idle()
  })

  it('does not slow what is sent on an empty outbox, nor saves turns up while nothing waits', async () => {
    const home = new Home('memory')
    await using outbox = await home.open({ drainRate: 1 })
    const peer = new Peer().always(DELIVERED)
    const link = outbox.attach(DEMO, peer.deliver)
    const sends = Array.from('abc', (text) => send(outbox, text))
    expect((await Promise.all(sends)).map(({ state }) => state)).toEqual(Array(3).fill('delivered'))
    await home.clock.advance(60_000)
    link.hold()
    await backlog(outbox, 'def')
    link.release()
    await quiet()
    expect(peer.seen.join('')).toBe('abcd')
    await home.clock.advance(2_000)
    await outbox.idle()
  })

  it('may be less than one a second', async () => {
    const home = new Home('memory')
    await using outbox = await home.open({ drainRate: 0.1 })
    await backlog(outbox, 'ab')
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    await home.clock.advance(9_999)
    expect(peer.seen.join('')).toBe('a')
    await home.clock.advance(1)
    expect(peer.seen.join('')).toBe('ab')
    await outbox.idle()
  })
})

describe('the backoff', () => {
  /** Milliseconds from failure to next try, for each of the first n failures. */
  async function waits(random: () => number, count: number): Promise<number[]> {
    const home = new Home('memory')
    const outbox = await home.open({}, { random })
    const tries: number[] = []
    outbox.attach(DEMO, () => {
      tries.push(home.clock.monotonic())
      return Promise.resolve(tries.length > count ? DELIVERED : again('cut'))
    })
    await send(outbox, 'a')
    while (outbox.depth > 0) await home.clock.advanceToNextTimer()
    await outbox.close()
    return tries.slice(1).map((at, index) => at - (tries[index] ?? 0))
  }

  it('doubles from 1 s to 60 s, with full jitter', async () => {
    expect(await waits(() => 0.5, 9)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    const values = [0.1, 0.9, 0.25]
    expect(await waits(() => values.shift() ?? 0, 3)).toEqual([100, 1_800, 1_000])
  })

  it('is of one destination and begins anew after a success', async () => {
    const home = new Home('memory')
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    outbox.attach('demo:other', new Peer().always(DELIVERED).deliver)
    void send(outbox, 'a')
    await peer.answer(again('cut'))
    await home.clock.advance(500)
    await peer.answer(again('cut'))
    expect((await send(outbox, 'x', { to: 'demo:other' })).state).toBe('delivered')
    await home.clock.advance(1_000)
    await peer.answer(DELIVERED)
    void send(outbox, 'b')
    await peer.answer(again('cut'))
    await home.clock.advance(500)
    await peer.answer(DELIVERED)
    await outbox.idle()
    expect(peer.seen).toEqual(['a', 'a', 'a', 'b', 'b'])
  })

  it('is forgotten by release()', async () => {
    const home = new Home('memory')
    await using outbox = await home.open()
    const peer = new Peer()
    const link = outbox.attach(DEMO, peer.deliver)
    void send(outbox, 'a')
    for (let round = 0; round < 5; round++) {
      await peer.answer(again('cut'))
      await quiet()
      link.release()
    }
    await peer.answer(again('cut'))
    await home.clock.advance(500)
    await peer.answer()
    await outbox.idle()
  })

  it('grows once for deliveries that fail together', async () => {
    const home = new Home('memory')
    await using outbox = await home.open({ ordered: false })
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    for (const text of 'abcd') void send(outbox, text)
    for (let count = 0; count < 4; count++) await peer.answer(again('cut'))
    peer.always(DELIVERED)
    await home.clock.advance(499)
    expect(peer.seen).toHaveLength(4)
    await home.clock.advance(1)
    await outbox.idle()
  })

  it('queues at once what is sent meanwhile, and what waits behind', async () => {
    const home = new Home('memory')
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sends = [send(outbox, 'a'), send(outbox, 'b')]
    await peer.answer(again('no route'))
    const [a, b] = await Promise.all(sends)
    expect(a).toMatchObject({ state: 'queued', reason: 'no route', attempts: 1 })
    expect(b).toMatchObject({ state: 'queued', attempts: 0 })
    expect(b?.reason).toBeUndefined()
    expect((await send(outbox, 'c')).state).toBe('queued')
    expect((await send(outbox, 'd', { priority: 'high' })).state).toBe('queued')
    peer.always(DELIVERED)
    await home.clock.advance(500)
    await outbox.idle()
    expect(peer.seen).toEqual(['a', 'd', 'a', 'b', 'c'])
  })
})
