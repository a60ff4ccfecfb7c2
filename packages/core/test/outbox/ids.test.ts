/** Ids: a second send with one that is still known sends nothing and gives the first one's result. */
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
  refused,
  send,
  stateOf,
} from './support.ts'

describe.each(KINDS)('an id, in %s', (kind) => {
  it('is made if none is given, another for every message and outbox', async () => {
    const home = new Home('memory')
    await using one = await home.open()
    await using two = await home.open()
    const ids = await Promise.all([one, one, two, two].map(async (outbox) => (await send(outbox, 'a')).id))
    expect(new Set(ids).size).toBe(4)
    for (const id of ids) expect(id).toMatch(/^[0-9a-z_]{12}-[0-9a-z]+$/)
  })

  it('used again while the message waits gives queued', async () => {
    await using outbox = await new Home(kind).open()
    const first = await send(outbox, 'a', { id: 'x' })
    expect(await send(outbox, 'b', { id: 'x' })).toEqual(first)
    expect(outbox.depth).toBe(1)
  })

  it('used again while it is stored or on the wire waits for the same answer', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const first = send(outbox, 'a', { id: 'x' })
    const second = send(outbox, 'b', { id: 'x' })
    const attempt = await peer.next()
    const third = send(outbox, 'c', { id: 'x' })
    expect(await stateOf(third)).toBe('pending')
    attempt.answer(refused('ERR_AUTH'))
    const entries = await Promise.all([first, second, third])
    expect(entries.map(({ state, reason }) => `${state} ${reason}`)).toEqual(Array(3).fill('dropped ERR_AUTH'))
    expect(peer.seen).toEqual(['a'])
  })

  it('used again when the answer is there and not yet written down gives that answer', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const first = send(outbox, 'a', { id: 'x' })
    await peer.answer()
    const entry = await first
    expect(await send(outbox, 'b', { id: 'x' })).toEqual(entry)
    expect(peer.seen).toEqual(['a'])
  })

  it.each(['delivered', 'dropped'] as const)('used again when the message was %s gives that', async (state) => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer().always(state === 'delivered' ? DELIVERED : refused('ERR_AUTH'))
    outbox.attach(DEMO, peer.deliver)
    await send(outbox, 'a', { id: 'x' })
    await outbox.idle()
    expect(await send(outbox, 'b', { id: 'x' })).toEqual(outbox.why('x'))
    expect((await send(outbox, 'b', { id: 'x' })).state).toBe(state)
    expect(peer.seen).toEqual(['a'])
  })

  it('of a wait that was aborted still names the message', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const controller = new AbortController()
    const first = send(outbox, 'a', { id: 'x', signal: controller.signal })
    const attempt = await peer.next()
    controller.abort(new Error('enough'))
    expect(await errorOf(first)).toMatchObject({ name: 'AbortError', code: 'ERR_ABORTED' })
    const second = send(outbox, 'a', { id: 'x' })
    attempt.answer(DELIVERED)
    expect((await second).state).toBe('delivered')
  })

  it('that looks like the next ones that are made is of one message all the same', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    const made = (await send(outbox, 'a')).id
    const taken = made.replace(/1$/, '3')
    expect((await send(outbox, 'b', { id: taken })).id).toBe(taken)
    const ids = [made, taken, (await send(outbox, 'c')).id, (await send(outbox, 'd')).id]
    expect(new Set(ids).size).toBe(4)
    expect((await collect(outbox.entries())).map(({ id }) => id)).toEqual(ids)
    await outbox.close()
    if (kind === 'memory') return
    // What has the id of another one would be taken for its copy.
    await using reopened = await home.open()
    const peer = new Peer().always(DELIVERED)
    reopened.attach(DEMO, peer.deliver)
    await reopened.idle()
    expect(peer.seen).toEqual(['a', 'b', 'c', 'd'])
  })

  it('is forgotten behind 10,000 younger fates, and may be used again then', async () => {
    await using outbox = await new Home(kind).open({ maxMessages: 20_000 })
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    await send(outbox, 'first', { id: 'x' })
    await Promise.all(Array.from({ length: 9_999 }, () => send(outbox, '.')))
    await outbox.idle()
    expect(outbox.why('x')?.state).toBe('delivered')
    await send(outbox, '.')
    await outbox.idle()
    expect(outbox.why('x')).toBeUndefined()
    expect((await errorOf(outbox.settled('x'))).message).toBe('the outbox knows no message x')
    await send(outbox, 'second', { id: 'x' })
    await outbox.idle()
    expect(peer.seen.filter((text) => text !== '.')).toEqual(['first', 'second'])
  })
})

describe('an id after a restart', () => {
  it('gives what became of it, or queued', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    const link = outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await send(outbox, 'a', { id: 'ä-delivered' })
    await outbox.idle()
    link[Symbol.dispose]()
    await send(outbox, 'b', { id: 'ä-queued' })
    await outbox.close()
    const reopened = await home.open()
    expect((await send(reopened, 'x', { id: 'ä-delivered' })).state).toBe('delivered')
    expect((await send(reopened, 'x', { id: 'ä-queued' })).state).toBe('queued')
    const peer = new Peer()
    reopened.attach(DEMO, peer.deliver)
    await peer.answer(again('cut'))
    await home.clock.advance(60_000)
    expect(await peer.answer()).toBe('b')
    await reopened.idle()
    await quiet()
    expect(peer.seen).toEqual(['b', 'b'])
    await reopened.close()
  })
})
