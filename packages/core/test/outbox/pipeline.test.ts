/** Several deliveries of one destination on the wire at once, in their order all the same. */
import { describe, expect, it } from 'vitest'
import type { Delivery, Outbox, OutboxEntry } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, quiet, refused, send, until } from './support.ts'

const LETTERS = Array.from('abcdefghij')

function sendAll(outbox: Outbox, texts: readonly string[]): Promise<OutboxEntry>[] {
  return texts.map((text) => send(outbox, text, { id: text }))
}

describe.each(KINDS)('a pipeline of an outbox in %s', (kind) => {
  it('has so many on the wire as it is wide, whatever the concurrency of the others', async () => {
    await using outbox = await new Home(kind).open({ concurrency: 1 })
    const peer = new Peer()
    const other = new Peer()
    outbox.attach(DEMO, peer.deliver, { pipeline: 3 })
    outbox.attach('demo:other', other.deliver)
    const sends = [...sendAll(outbox, LETTERS), send(outbox, 'x', { to: 'demo:other' })]
    await until(() => other.pending.length === 1, 'the other')
    expect(peer.seen).toEqual(['a', 'b', 'c'])
    expect(outbox.depthOf(DEMO)).toBe(10)
    const [first, second] = peer.pending.splice(0, 2)
    second?.answer(DELIVERED)
    await until(() => peer.seen.length === 4, 'the next')
    expect(peer.seen).toEqual(['a', 'b', 'c', 'd'])
    expect(outbox.depthOf(DEMO)).toBe(9)
    expect(outbox.depthOf('demo:nobody')).toBe(0)
    // The first takes its time: the others go on, two at a time.
    for (let count = 0; count < 8; count++) await peer.answer()
    await other.answer()
    await quiet()
    expect(peer.seen).toEqual(LETTERS)
    expect(outbox.depthOf(DEMO)).toBe(1)
    first?.answer(DELIVERED)
    await Promise.all(sends)
  })

  it('puts back what comes back, in whatever order, and goes on with it only when all of it is there', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    const link = outbox.attach(DEMO, peer.deliver, { pipeline: 4 })
    void Promise.allSettled(sendAll(outbox, LETTERS))
    await until(() => peer.pending.length === 4, 'four')
    const [a, b, c, d] = peer.pending.splice(0)
    link.hold()
    c?.answer(again('cut'))
    a?.answer(again('cut'))
    link.release()
    d?.answer(again('cut'))
    await quiet()
    // b may come back too.
    expect(peer.seen).toHaveLength(4)
    b?.answer(again('cut'))
    await quiet()
    link.release()
    peer.always(DELIVERED)
    await outbox.idle()
    expect(peer.seen).toEqual(['a', 'b', 'c', 'd', ...LETTERS].slice(0, peer.seen.length))
    expect(peer.seen).toHaveLength(14)
  })

  it('goes on when one is refused', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver, { pipeline: 3 })
    const sends = sendAll(outbox, LETTERS)
    await until(() => peer.pending.length === 3, 'three')
    const [a, b, c] = peer.pending.splice(0)
    b?.answer(refused('ERR_QUOTA'))
    expect(await sends[1]).toMatchObject({ state: 'dropped', reason: 'ERR_QUOTA' })
    peer.always(DELIVERED)
    a?.answer(DELIVERED)
    c?.answer(DELIVERED)
    const states = (await Promise.all(sends)).map(({ state }) => state)
    expect(states).toEqual(['delivered', 'dropped', ...Array<string>(8).fill('delivered')])
    expect(peer.seen).toEqual(LETTERS)
  })

  it('may be one wide, for one at a time over all priorities', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver, { pipeline: 1 })
    const sends = [send(outbox, 'a'), send(outbox, 'b'), send(outbox, 'now', { priority: 'high' })]
    const first = await peer.next()
    await quiet()
    expect(peer.seen).toHaveLength(1)
    first.answer(DELIVERED)
    peer.always(DELIVERED)
    await Promise.all(sends)
    expect(peer.seen.indexOf('b')).toBe(2)
  })

  it.each([0, -1, 1.5, '2'])('is a whole number above 0, not %s', async (pipeline) => {
    await using outbox = await new Home(kind).open()
    const attach = (): unknown => outbox.attach(DEMO, new Peer().deliver, { pipeline: pipeline as number })
    expect(attach).toThrow(`pipeline must be a whole number above 0, not ${String(pipeline)}`)
  })

  it('puts a thousand back before a hundred thousand without looking at all of them', async () => {
    const home = new Home(kind)
    await using outbox = await home.open({ maxMessages: 200_000, maxBytes: 2 ** 30 })
    const answers: ((delivery: Delivery) => void)[] = []
    const orders: number[] = []
    const link = outbox.attach(
      DEMO,
      ({ order }) => {
        orders.push(order)
        return new Promise((resolve) => answers.push(resolve))
      },
      { pipeline: 1_000 },
    )
    const body = new Uint8Array(8)
    const sends = Array.from({ length: 30_000 }, () => outbox.submit({ destination: DEMO, kind: 'text', body }))
    await until(() => answers.length === 1_000, 'a full pipeline')
    link.hold()
    await Promise.all(sends.slice(1_000))
    const began = process.cpuUsage()
    // The worst order: each has to find its place.
    for (const answer of answers.splice(0).toSorted(() => Math.random() - 0.5)) answer(again('cut'))
    await Promise.all(sends)
    const { user } = process.cpuUsage(began)
    expect(user / 1000).toBeLessThan(1_000)
    link.release()
    await until(() => answers.length === 1_000, 'the same thousand')
    expect(orders.slice(1_000)).toEqual(orders.slice(0, 1_000))
    link.hold()
    for (const answer of answers.splice(0)) answer(again('closed'))
  })
})

describe('a backlog on disk', () => {
  it('goes out in its order but for one that is damaged, which is dropped', async () => {
    const home = new Home('path')
    await using outbox = await home.open()
    const texts = Array.from({ length: 1_500 }, (_, index) => `message ${index}.`)
    await Promise.all(sendAll(outbox, texts))
    const [file = ''] = home.disk.files().filter((name) => name.endsWith('.log'))
    const bytes = Buffer.from(home.disk.readFile(file))
    home.disk.corrupt(file, bytes.lastIndexOf('message 700.'))
    const before = home.disk.operations
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver, { pipeline: 10 })
    await outbox.idle()
    expect(peer.seen).toEqual(texts.filter((text) => text !== 'message 700.'))
    expect(outbox.why('message 700.')).toMatchObject({ state: 'dropped', reason: 'damaged' })
    // Read in a few large pieces; the rest are the settlements.
    expect(home.disk.operations - before).toBeLessThan(1_000)
  })
})
