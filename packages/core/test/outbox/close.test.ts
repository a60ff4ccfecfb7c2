/** `close()` in every phase of a message: what is on the wire ends, what is queued stays, everybody who waits learns it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OutboxEntry } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, errorOf, quiet, record, send, stateOf } from './support.ts'

const uncaught: unknown[] = []
const onUncaught = (error: unknown): void => void uncaught.push(error)
beforeEach(() => {
  uncaught.length = 0
  process.on('unhandledRejection', onUncaught).on('uncaughtException', onUncaught)
})
afterEach(async () => {
  await quiet()
  process.off('unhandledRejection', onUncaught).off('uncaughtException', onUncaught)
  expect(uncaught).toEqual([])
})

describe.each(KINDS)('close() of an outbox in %s', (kind) => {
  it('is one promise, however often it is called', async () => {
    const outbox = await new Home(kind).open()
    expect(outbox.close()).toBe(outbox.close())
    await outbox.close()
    await outbox[Symbol.asyncDispose]()
  })

  it('waits for what is on the wire and counts its answer', async () => {
    const outbox = await new Home(kind).open()
    const lines = record(outbox)
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a', { id: 'a' })
    const attempt = await peer.next()
    const closed = outbox.close()
    expect(await stateOf(closed)).toBe('pending')
    expect(attempt.signal.aborted).toBe(false)
    attempt.answer(DELIVERED)
    await closed
    expect((await sent).state).toBe('delivered')
    expect(outbox.why('a')?.state).toBe('delivered')
    expect(lines).toEqual(['queued a', 'delivered a'])
  })

  it('sends nothing more: whoever waits behind learns that it is queued, or dropped', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const first = send(outbox, 'a')
    const second = send(outbox, 'b', { id: 'b' })
    const attempt = await peer.next()
    const closed = outbox.close()
    attempt.answer(DELIVERED)
    await closed
    expect((await first).state).toBe('delivered')
    expect((await second).state).toBe('queued')
    expect(peer.seen).toEqual(['a'])
    expect(outbox.why('b')).toMatchObject(
      kind === 'path' ? { state: 'queued' } : { state: 'dropped', reason: 'closed' },
    )
  })

  it('fires the signal after 10 seconds, and is done when the deliverer lets go', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a')
    const attempt = await peer.next()
    const closed = outbox.close()
    await home.clock.advance(9_999)
    expect(attempt.signal.aborted).toBe(false)
    await home.clock.advance(1)
    expect(attempt.signal.aborted).toBe(true)
    attempt.answer(again('let go'))
    await closed
    expect(await sent).toMatchObject({ state: 'queued', reason: 'let go' })
  })

  it('gives up a delivery that never ends after 11 seconds; an answer that comes later is not heard', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a', { id: 'a' })
    const attempt = await peer.next()
    const settled = outbox.settled('a')
    settled.catch(() => {})
    const closed = outbox.close()
    await home.clock.advance(11_000)
    await closed
    expect(await sent).toMatchObject({ state: 'queued', reason: 'closed' })
    attempt.answer(DELIVERED)
    await quiet()
    if (kind === 'memory') {
      expect(await settled).toMatchObject({ state: 'dropped', reason: 'closed' })
    } else {
      expect((await errorOf(settled)).code).toBe('ERR_OUTBOX_CLOSED')
      await using reopened = await home.open()
      expect(reopened.why('a')?.state).toBe('queued')
    }
  })

  it('gives up a message that was dropped while it was on the wire for good', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a', { id: 'a' })
    const attempt = await peer.next()
    const dropped = outbox.drop('a')
    expect(attempt.signal.aborted).toBe(true)
    const closed = outbox.close()
    await home.clock.advance(11_000)
    await closed
    expect(await dropped).toBe(true)
    expect(await sent).toMatchObject({ state: 'dropped', reason: 'dropped' })
    expect(outbox.depth).toBe(0)
  })

  it('in the same turn as a send keeps the message first', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    const sent = send(outbox, 'a')
    const closed = outbox.close()
    expect((await sent).state).toBe('queued')
    await closed
    if (kind === 'path') expect((await home.open()).depth).toBe(1)
  })

  it('in the same turn as a send and its drop keeps both', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    const sent = send(outbox, 'a', { id: 'a' })
    const dropped = outbox.drop('a')
    const closed = outbox.close()
    expect(await sent).toMatchObject({ state: 'dropped', reason: 'dropped' })
    expect(await dropped).toBe(true)
    await closed
    if (kind === 'path') expect((await home.open()).why('a')).toMatchObject({ state: 'dropped', reason: 'dropped' })
  })

  it('in the same turn as a send that supersedes lets the older one go', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    await send(outbox, 'a', { id: 'a', latest: 'level' })
    const sent = send(outbox, 'b', { id: 'b', latest: 'level' })
    await outbox.close()
    expect((await sent).state).toBe('queued')
    expect(outbox.why('a')).toMatchObject({ state: 'dropped', reason: 'superseded' })
    if (kind === 'path') expect((await home.open()).depth).toBe(1)
  })

  it('ends every other use with a clear error', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    await send(outbox, 'a', { id: 'a' })
    const idle = outbox.idle()
    idle.catch(() => {})
    await outbox.close()
    if (kind === 'path') expect((await errorOf(idle)).code).toBe('ERR_OUTBOX_CLOSED')
    const closed = { name: 'HalyardError', code: 'ERR_OUTBOX_CLOSED', message: 'the outbox is closed; open it again' }
    expect(await errorOf(send(outbox, 'b'))).toMatchObject(closed)
    expect(await errorOf(outbox.drop('a'))).toMatchObject(closed)
    expect(() => outbox.attach(DEMO, new Peer().deliver)).toThrow(closed.message)
    if (kind === 'memory') return
    expect(await errorOf(outbox.settled('a'))).toMatchObject(closed)
    expect(await errorOf(outbox.idle())).toMatchObject(closed)
    expect(outbox.depth).toBe(1)
  })

  it('called by a deliverer does not lock itself out', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    let closed: Promise<void> | undefined
    outbox.attach(DEMO, async () => {
      closed = outbox.close()
      await quiet()
      return DELIVERED
    })
    expect((await send(outbox, 'a')).state).toBe('delivered')
    await closed
  })
})

describe('close() of an outbox in memory', () => {
  it('drops what is queued with reason closed, an event for each, and one warning', async () => {
    const home = new Home('memory')
    const outbox = await home.open()
    const dropped: OutboxEntry[] = []
    outbox.on('dropped', (entry) => dropped.push(entry))
    for (const id of ['a', 'b', 'c']) await send(outbox, id, { id })
    const settled = outbox.settled('b')
    const idle = outbox.idle()
    await outbox.close()
    expect(dropped.map(({ id, reason }) => `${id} ${reason}`)).toEqual(['a closed', 'b closed', 'c closed'])
    expect(await settled).toMatchObject({ id: 'b', state: 'dropped', reason: 'closed' })
    await idle
    expect(home.logged('warn', 'error')).toEqual([
      '3 messages were in memory only and dropped by close(); a path keeps them',
    ])
  })

  it('says nothing when nothing was queued', async () => {
    const home = new Home('memory')
    await (await home.open()).close()
    expect(home.log).toEqual([])
  })
})

describe('close() of an outbox with a path', () => {
  it('drops nothing and warns of nothing', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    await send(outbox, 'a')
    await outbox.close()
    expect(home.logged('warn', 'error')).toEqual([])
  })

  it('on a full disk lets the directory go', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    await send(outbox, 'a')
    home.disk.capacity = home.disk.used
    expect((await errorOf(send(outbox, 'b'.repeat(100)))).code).toBe('ERR_STORE_FULL')
    await outbox.close()
    home.disk.capacity = Infinity
    await using reopened = await home.open()
    expect(reopened.depth).toBe(1)
  })

  it('with a fate that the disk does not take says that the message may go out once more, and ends', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a', { id: 'a' })
    const settled = outbox.settled('a')
    settled.catch(() => {})
    const attempt = await peer.next()
    home.disk.fail(({ kind }) => (kind === 'write' ? 'ENOSPC' : undefined))
    attempt.answer(DELIVERED)
    expect((await sent).state).toBe('delivered')
    await quiet()
    await outbox.close()
    expect(home.logged('warn')).toEqual([
      'the fate of a message could not be written; trying again',
      'the fate of a message could not be written; a message may go out once more',
    ])
    expect((await errorOf(settled)).code).toBe('ERR_OUTBOX_CLOSED')
    await home.clock.advance(60_000)
    expect(home.clock.pendingTimers).toEqual([])
  })

  it('waits for nothing when the directory is gone', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    for (const file of home.disk.files()) await home.disk.unlink(file)
    await outbox.close()
  })
})
