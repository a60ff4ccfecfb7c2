/** Who delivers for a destination: attaching, holding, releasing, letting go. */
import { describe, expect, it } from 'vitest'
import { UsageError } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, quiet, send, stateOf } from './support.ts'

describe.each(KINDS)('a destination of an outbox in %s', (kind) => {
  it('has one deliverer at a time', async () => {
    await using outbox = await new Home(kind).open()
    const first = outbox.attach(DEMO, new Peer().deliver)
    expect(() => outbox.attach(DEMO, new Peer().deliver)).toThrow(
      'another client delivers for demo:me with this outbox; close that one first',
    )
    expect(() => outbox.attach(DEMO, new Peer().deliver)).toThrow(UsageError)
    first[Symbol.dispose]()
    outbox.attach(DEMO, new Peer().deliver)
  })

  it('keeps what is sent before anybody delivers, and gives it to whoever comes', async () => {
    await using outbox = await new Home(kind).open()
    expect((await send(outbox, 'a')).state).toBe('queued')
    expect((await send(outbox, 'b')).state).toBe('queued')
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    await outbox.idle()
    expect(peer.seen).toEqual(['a', 'b'])
  })

  it('whose deliverer lets go keeps what waits; who waited for an answer learns that it is queued', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    const attachment = outbox.attach(DEMO, peer.deliver)
    const first = send(outbox, 'a')
    const second = send(outbox, 'b')
    const attempt = await peer.next()
    attachment[Symbol.dispose]()
    expect((await second).state).toBe('queued')
    expect(attempt.signal.aborted).toBe(false)
    attempt.answer(DELIVERED)
    expect((await first).state).toBe('delivered')
    expect(outbox.depth).toBe(1)
    const next = new Peer().always(DELIVERED)
    outbox.attach(DEMO, next.deliver)
    await outbox.idle()
    expect(next.seen).toEqual(['b'])
    expect(peer.seen).toEqual(['a'])
  })

  it('does not give a message to the next deliverer while the last one still has it', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    const attachment = outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a')
    const attempt = await peer.next()
    attachment[Symbol.dispose]()
    const next = new Peer().always(DELIVERED)
    outbox.attach(DEMO, next.deliver)
    await quiet()
    expect(next.seen).toEqual([])
    attempt.answer(again('closed'))
    expect(await sent).toMatchObject({ state: 'queued', reason: 'closed' })
    await home.clock.advance(60_000)
    await outbox.idle()
    expect(next.seen).toEqual(['a'])
  })

  it('that is held queues at once, lets what is on the wire end, and goes on when released', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    const attachment = outbox.attach(DEMO, peer.deliver)
    const first = send(outbox, 'a')
    const second = send(outbox, 'b')
    const attempt = await peer.next()
    attachment.hold()
    expect((await second).state).toBe('queued')
    expect(await stateOf(first)).toBe('pending')
    attempt.answer(DELIVERED)
    expect((await first).state).toBe('delivered')
    expect((await send(outbox, 'c')).state).toBe('queued')
    expect(peer.seen).toEqual(['a'])
    peer.always(DELIVERED)
    attachment.release()
    await outbox.idle()
    expect(peer.seen).toEqual(['a', 'b', 'c'])
    expect((await send(outbox, 'd')).state).toBe('delivered')
  })

  it('that was held by one client is not held for the next', async () => {
    await using outbox = await new Home(kind).open()
    const attachment = outbox.attach(DEMO, new Peer().deliver)
    attachment.hold()
    attachment[Symbol.dispose]()
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    expect((await send(outbox, 'a')).state).toBe('delivered')
  })

  it('is not touched by an attachment that has ended', async () => {
    await using outbox = await new Home(kind).open()
    const { deliver } = new Peer().always(DELIVERED)
    const old = outbox.attach(DEMO, deliver)
    old[Symbol.dispose]()
    outbox.attach(DEMO, deliver)
    old.hold()
    old[Symbol.dispose]()
    expect((await send(outbox, 'a')).state).toBe('delivered')
  })

  it('does not stand in the way of another', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    outbox.attach(DEMO, new Peer().always(again('no link')).deliver)
    outbox.attach('demo:other', new Peer().always(DELIVERED).deliver)
    expect((await send(outbox, 'a')).state).toBe('queued')
    expect((await send(outbox, 'b', { to: 'demo:other' })).state).toBe('delivered')
  })

  it('must have a name', async () => {
    await using outbox = await new Home(kind).open()
    expect(() => outbox.attach('', new Peer().deliver)).toThrow('destination must be a text of 1 to 1024 characters')
  })
})
