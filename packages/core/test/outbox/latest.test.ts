/** `latest`: a newer message takes the place of an older one that still waits. */
import { describe, expect, it } from 'vitest'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, quiet, record, send } from './support.ts'

describe.each(KINDS)('latest, in %s', (kind) => {
  it('replaces what waits, within its destination and word', async () => {
    await using outbox = await new Home(kind).open()
    const lines = record(outbox)
    await send(outbox, 'a', { id: 'a', latest: 'level' })
    await send(outbox, 'b', { id: 'b', latest: 'state' })
    await send(outbox, 'c', { id: 'c', latest: 'level', to: 'demo:other' })
    await send(outbox, 'd', { id: 'd', latest: 'level' })
    await quiet()
    expect(lines).toEqual(['queued a', 'queued b', 'queued c', 'queued d', 'dropped a superseded'])
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    outbox.attach('demo:other', peer.deliver)
    await outbox.idle()
    expect(peer.seen.sort()).toEqual(['b', 'c', 'd'])
  })

  it('does not mix words and destinations up, whatever is in their names', async () => {
    await using outbox = await new Home(kind).open()
    await send(outbox, 'a', { to: 'demo:a', latest: 'b\nc' })
    await send(outbox, 'b', { to: 'demo:a\nb', latest: 'c' })
    expect(outbox.depth).toBe(2)
  })

  it('leaves what is on the wire, but does not try it again', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const first = send(outbox, 'a', { id: 'a', latest: 'level' })
    const attempt = await peer.next()
    const second = send(outbox, 'b', { id: 'b', latest: 'level' })
    await quiet()
    expect(attempt.signal.aborted).toBe(false)
    attempt.answer(again('cut'))
    expect(await first).toMatchObject({ state: 'dropped', reason: 'superseded' })
    expect((await second).state).toBe('queued')
  })

  it('counts a failure of what is on the wire as one of the link: nobody goes into it at once', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    void send(outbox, 'a', { latest: 'level' })
    const attempt = await peer.next()
    void send(outbox, 'b', { latest: 'level' })
    await quiet()
    attempt.answer(again('cut'))
    await quiet()
    expect(peer.seen).toEqual(['a'])
    await home.clock.advance(500)
    await peer.answer()
    expect(peer.seen).toEqual(['a', 'b'])
    await outbox.idle()
  })

  it('counts what is on the wire as delivered if it was', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const first = send(outbox, 'a', { latest: 'level' })
    const attempt = await peer.next()
    const second = send(outbox, 'b', { latest: 'level' })
    await quiet()
    attempt.answer(DELIVERED)
    await peer.answer()
    expect((await first).state).toBe('delivered')
    expect((await second).state).toBe('delivered')
  })

  it('in one turn keeps the last', async () => {
    await using outbox = await new Home(kind).open()
    const entries = await Promise.all(['a', 'b', 'c'].map((text) => send(outbox, text, { id: text, latest: 'level' })))
    expect(entries.map(({ state }) => state)).toEqual(['queued', 'queued', 'queued'])
    await quiet()
    expect(outbox.depth).toBe(1)
    expect(outbox.why('c')?.state).toBe('queued')
  })

  it('does not bring back what was delivered', async () => {
    await using outbox = await new Home(kind).open()
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await send(outbox, 'a', { id: 'a', latest: 'level' })
    await send(outbox, 'b', { id: 'b', latest: 'level' })
    await outbox.idle()
    expect(outbox.why('a')?.state).toBe('delivered')
  })
})

describe('latest after a restart', () => {
  it('replaces what an earlier process queued', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    await send(outbox, 'a', { id: 'a', latest: 'level' })
    await outbox.close()
    await using reopened = await home.open()
    await send(reopened, 'b', { id: 'b', latest: 'level' })
    await quiet()
    expect(reopened.why('a')).toMatchObject({ state: 'dropped', reason: 'superseded' })
    expect(reopened.depth).toBe(1)
  })

  it('drops the older one if the process ended before that was written down', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const first = send(outbox, 'a', { id: 'a', latest: 'level' })
    await peer.next()
    const second = send(outbox, 'b', { id: 'b', latest: 'level' })
    await quiet()
    // As a kill leaves it: both on disk, no word of what became of the first.
    const after = new Home('path')
    for (const file of home.disk.files()) {
      if (file.endsWith('.log')) after.disk.writeFile(file, home.disk.readFile(file))
    }
    await using reopened = await after.open()
    await quiet()
    expect(reopened.why('a')).toMatchObject({ state: 'dropped', reason: 'superseded' })
    expect(reopened.why('b')?.state).toBe('queued')
    const closed = outbox.close()
    await home.clock.advance(11_000)
    await closed
    await first
    await second
  })
})
