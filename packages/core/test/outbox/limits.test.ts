/** What happens to one message too many. */
import { describe, expect, it } from 'vitest'
import type { Outbox } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, collect, errorOf, quiet, record, send } from './support.ts'

/** Ids of what waits, when all that was settled is written down. */
async function queued(outbox: Outbox): Promise<string> {
  await quiet()
  return (await collect(outbox.entries({ state: 'queued' }))).map(({ id }) => id).join(' ')
}

describe.each(KINDS)('a full outbox in %s', (kind) => {
  it('rejects, and takes again when something has gone', async () => {
    await using outbox = await new Home(kind).open({ maxMessages: 2 })
    await send(outbox, 'a')
    await send(outbox, 'b')
    expect(await errorOf(send(outbox, 'c'))).toMatchObject({
      name: 'HalyardError',
      code: 'ERR_OUTBOX_FULL',
      message: 'the outbox is full: 2 messages and 2 bytes of 2 and 67108864; wait until some are delivered',
    })
    expect(outbox).toMatchObject({ depth: 2, bytes: 2 })
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await outbox.idle()
    expect((await send(outbox, 'c')).state).toBe('delivered')
  })

  it('counts what is on the wire and what is being stored', async () => {
    await using outbox = await new Home(kind).open({ maxMessages: 2 })
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = [send(outbox, 'a'), send(outbox, 'b')]
    expect((await errorOf(send(outbox, 'c'))).code).toBe('ERR_OUTBOX_FULL')
    for (const _ of sent) await peer.answer()
    expect((await Promise.all(sent)).map(({ state }) => state)).toEqual(['delivered', 'delivered'])
  })

  it('counts bytes of bodies', async () => {
    await using outbox = await new Home(kind).open({ maxBytes: 10 })
    await send(outbox, '1234567')
    expect(outbox.bytes).toBe(7)
    expect((await errorOf(send(outbox, '1234'))).code).toBe('ERR_OUTBOX_FULL')
    await send(outbox, '123')
    expect(outbox).toMatchObject({ depth: 2, bytes: 10 })
  })

  it('drops the newest: the send resolves as dropped, and the ledger has it', async () => {
    await using outbox = await new Home(kind).open({ maxMessages: 1, overflow: 'drop-newest' })
    const lines = record(outbox)
    await send(outbox, 'a', { id: 'a' })
    expect(await send(outbox, 'b', { id: 'b' })).toMatchObject({
      id: 'b',
      state: 'dropped',
      reason: 'overflow',
      size: 1,
    })
    await quiet()
    expect(lines).toEqual(['queued a', 'dropped b overflow'])
    expect(outbox.why('b')).toMatchObject({ state: 'dropped', reason: 'overflow', attempts: 0 })
    expect(await queued(outbox)).toBe('a')
  })

  it('drops the oldest, as many as it takes', async () => {
    await using outbox = await new Home(kind).open({ maxBytes: 10, overflow: 'drop-oldest' })
    for (const id of ['a', 'b', 'c', 'd']) await send(outbox, id.repeat(2), { id })
    await send(outbox, 'eeeeee', { id: 'e' })
    expect(await queued(outbox)).toBe('c d e')
    expect(outbox).toMatchObject({ depth: 3, bytes: 10 })
    expect(outbox.why('b')).toMatchObject({ state: 'dropped', reason: 'overflow' })
  })

  it('drops the oldest of the least important, none that is more important than the new one', async () => {
    await using outbox = await new Home(kind).open({ maxMessages: 4, overflow: 'drop-oldest' })
    await send(outbox, 'a', { id: 'high', priority: 'high' })
    await send(outbox, 'b', { id: 'normal', to: 'demo:other' })
    await send(outbox, 'c', { id: 'low1', priority: 'low' })
    await send(outbox, 'd', { id: 'low2', priority: 'low', to: 'demo:other' })
    await send(outbox, 'e', { id: 'x' })
    expect(await queued(outbox)).toBe('high normal low2 x')
    await send(outbox, 'f', { id: 'y' })
    expect(await queued(outbox)).toBe('high normal x y')
    expect((await errorOf(send(outbox, 'g', { priority: 'low' }))).code).toBe('ERR_OUTBOX_FULL')
    expect(await queued(outbox)).toBe('high normal x y')
  })

  it('drops nothing in vain: what is on the wire cannot give way', async () => {
    await using outbox = await new Home(kind).open({ maxBytes: 10, overflow: 'drop-oldest' })
    const peer = new Peer()
    const link = outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, '12345', { id: 'wire' })
    await peer.next().then((attempt) => peer.pending.push(attempt))
    link.hold()
    await send(outbox, '12', { id: 'a' })
    expect((await errorOf(send(outbox, '123456'))).code).toBe('ERR_OUTBOX_FULL')
    expect(await queued(outbox)).toBe('wire a')
    await send(outbox, '12345', { id: 'b' })
    expect(await queued(outbox)).toBe('wire b')
    await peer.answer(again('cut'))
    expect((await sent).state).toBe('queued')
  })

  it.each(['reject', 'drop-oldest', 'drop-newest'] as const)(
    'gives a message the place of the one that it supersedes (%s)',
    async (overflow) => {
      await using outbox = await new Home(kind).open({ maxMessages: 2, maxBytes: 10, overflow })
      await send(outbox, '1', { id: 'other' })
      await send(outbox, '123456789', { id: 'a', latest: 'level' })
      expect((await send(outbox, '987654321', { id: 'b', latest: 'level' })).state).toBe('queued')
      expect(await queued(outbox)).toBe('other b')
      expect(outbox.why('a')).toMatchObject({ state: 'dropped', reason: 'superseded' })
      expect(outbox).toMatchObject({ depth: 2, bytes: 10 })
    },
  )

  it('gives one place away once', async () => {
    await using outbox = await new Home(kind).open({ maxMessages: 1 })
    await send(outbox, 'a', { latest: 'level' })
    const sends = ['b', 'c', 'd'].map((text) =>
      send(outbox, text, { latest: 'level' }).catch((error: unknown) => error),
    )
    expect(await Promise.all(sends)).toMatchObject([
      { state: 'queued' },
      { code: 'ERR_OUTBOX_FULL' },
      { code: 'ERR_OUTBOX_FULL' },
    ])
    expect(outbox.depth).toBe(1)
  })
})

describe('a full disk', () => {
  it('rejects the send with what to do, counts nothing, and takes it when there is space again', async () => {
    const home = new Home('path')
    await using outbox = await home.open()
    await send(outbox, 'a')
    home.disk.capacity = home.disk.used
    const error = await errorOf(send(outbox, 'b', { id: 'b', latest: 'level' }))
    expect(error).toMatchObject({
      name: 'StorageError',
      code: 'ERR_STORE_FULL',
      message: 'cannot write to /outbox: the disk is full; free some space',
    })
    expect(outbox).toMatchObject({ depth: 1, bytes: 1 })
    expect(outbox.why('b')).toBeUndefined()
    home.disk.capacity = Infinity
    expect((await send(outbox, 'b', { id: 'b', latest: 'level' })).state).toBe('queued')
  })

  it('ends the wait for the fate of a message that was never kept, and idle()', async () => {
    const home = new Home('path')
    await using outbox = await home.open()
    home.disk.capacity = home.disk.used
    const sent = errorOf(send(outbox, 'b'.repeat(100), { id: 'b' }))
    const settled = errorOf(outbox.settled('b'))
    const idle = outbox.idle()
    expect((await sent).code).toBe('ERR_STORE_FULL')
    expect((await settled).code).toBe('ERR_STORE_FULL')
    await idle
  })

  it('leaves the older message where it is when the newer of its word could not be kept', async () => {
    const home = new Home('path')
    await using outbox = await home.open({ maxMessages: 1 })
    await send(outbox, 'a', { id: 'a', latest: 'level' })
    home.disk.capacity = home.disk.used
    expect((await errorOf(send(outbox, 'b'.repeat(100), { latest: 'level' }))).code).toBe('ERR_STORE_FULL')
    expect(await queued(outbox)).toBe('a')
    home.disk.capacity = Infinity
    await send(outbox, 'c', { id: 'c', latest: 'level' })
    expect(await queued(outbox)).toBe('c')
  })
})
