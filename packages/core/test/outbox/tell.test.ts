/** `submit` with `tell`: a client makes its own receipt of the outcome, without an entry of the ledger for each message. */
import { describe, expect, it } from 'vitest'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, bytes, errorOf, quiet, refused, until } from './support.ts'
import type { Outbox, Outcome, SendControl } from '@halyard/core'

/** What is told, as a line. */
const line = ({ id, state, reason }: Outcome): string => [id, state, ...(reason ? [reason] : [])].join(' ')

function submit<T>(outbox: Outbox, text: string, control: SendControl, tell: (outcome: Outcome) => T): Promise<T> {
  return outbox.submit({ destination: DEMO, kind: 'text', body: bytes(text) }, control, tell)
}

describe.each(KINDS)('tell, of an outbox in %s', (kind) => {
  it('what it makes of the outcome is what the promise resolves with: delivered, refused, queued', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    const link = outbox.attach(DEMO, peer.deliver, { pipeline: 4 })
    const told = Array.from('abc', (id) => submit(outbox, id, { id }, line))
    await until(() => peer.pending.length === 3, 'three')
    peer.pending[0]?.answer(DELIVERED)
    peer.pending[1]?.answer(refused('ERR_QUOTA'))
    link.hold()
    peer.pending[2]?.answer(again('cut'))
    expect(await Promise.all(told)).toEqual(['a delivered', 'b dropped ERR_QUOTA', 'c queued cut'])
    expect(await submit(outbox, 'd', { id: 'd' }, line)).toBe('d queued')
  })

  it('is asked once, whatever becomes of the message later', async () => {
    await using outbox = await new Home(kind).open()
    const lines: string[] = []
    await submit(outbox, 'a', { id: 'a' }, (outcome) => lines.push(line(outcome)))
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await outbox.idle()
    await quiet()
    expect(lines).toEqual(['a queued'])
  })

  it('what it throws is what the promise rejects with; the message has its fate all the same', async () => {
    await using outbox = await new Home(kind).open()
    outbox.attach(DEMO, new Peer().always(refused('not authorized (0x87)')).deliver)
    const told = submit(outbox, 'a', { id: 'a' }, ({ reason }) => {
      throw new RangeError(`refused: ${reason}`)
    })
    expect(await errorOf(told)).toMatchObject({ name: 'RangeError', message: 'refused: not authorized (0x87)' })
    await outbox.idle()
    expect(outbox.why('a')).toMatchObject({ state: 'dropped', reason: 'not authorized (0x87)' })
    // Nothing of it is in the way of the next.
    expect(await submit(outbox, 'b', { id: 'b' }, ({ state }) => state)).toBe('dropped')
  })

  it('two that send the same are each told in their own way, also when it is over', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const first = submit(outbox, 'a', { id: 'a' }, line)
    const second = submit(outbox, 'a', { id: 'a' }, ({ state }) => ({ is: state }))
    await peer.answer()
    expect(await first).toBe('a delivered')
    expect(await second).toEqual({ is: 'delivered' })
    await outbox.idle()
    expect(await submit(outbox, 'a', { id: 'a' }, line)).toBe('a delivered')
    const thrown = submit(outbox, 'a', { id: 'a' }, () => {
      throw new RangeError('mine')
    })
    expect((await errorOf(thrown)).message).toBe('mine')
    expect(peer.seen).toEqual(['a'])
  })

  it('those whom a full outbox turns away are told too, and who pushed them out', async () => {
    await using newest = await new Home(kind).open({ maxMessages: 1, overflow: 'drop-newest' })
    expect(await submit(newest, 'a', { id: 'a' }, line)).toBe('a queued')
    expect(await submit(newest, 'b', { id: 'b' }, line)).toBe('b dropped overflow')
    await using strict = await new Home(kind).open({ maxMessages: 1 })
    await submit(strict, 'a', {}, line)
    let asked = false
    expect((await errorOf(submit(strict, 'b', {}, () => (asked = true)))).message).toContain('the outbox is full')
    expect(asked).toBe(false)
  })

  it('is not asked when the waiting was aborted, the message is kept', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const controller = new AbortController()
    const lines: string[] = []
    const told = submit(outbox, 'a', { id: 'a', signal: controller.signal }, (outcome) => lines.push(line(outcome)))
    const attempt = await peer.next()
    controller.abort()
    expect(await errorOf(told)).toMatchObject({ code: 'ERR_ABORTED' })
    attempt.answer(DELIVERED)
    await outbox.idle()
    expect(lines).toEqual([])
    expect(outbox.why('a')).toMatchObject({ state: 'delivered' })
  })
})

describe('tell, and the disk', () => {
  it('a later process tells what became of an id that is known: it waits, it is over', async () => {
    const home = new Home('path')
    const first = await home.open()
    const peer = new Peer()
    const link = first.attach(DEMO, peer.deliver, { pipeline: 3 })
    const told = Array.from('abc', (id) => submit(first, id, { id }, line))
    await until(() => peer.pending.length === 3, 'three')
    const [a, b, c] = peer.pending
    a?.answer(DELIVERED)
    b?.answer(refused('no'))
    await quiet()
    link.hold()
    c?.answer(again('cut'))
    await Promise.all(told)
    await first.close()
    await using second = await home.open()
    const next = new Peer()
    second.attach(DEMO, next.deliver)
    const known = await Promise.all(Array.from('abc', (id) => submit(second, 'another text', { id }, line)))
    expect(known).toEqual(['a delivered', 'b dropped no', 'c queued'])
    expect(await next.answer()).toBe('c')
    await second.idle()
    expect(next.seen).toEqual(['c'])
  })

  it('a disk that is full: the promise rejects, nobody is told, nothing goes out', async () => {
    const home = new Home('path')
    await using outbox = await home.open()
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    const stopFailing = home.disk.fail(() => 'ENOSPC')
    const lines: string[] = []
    const told = submit(outbox, 'a', { id: 'a' }, (outcome) => lines.push(line(outcome)))
    expect(await errorOf(told)).toMatchObject({ code: 'ERR_STORE_FULL' })
    expect(lines).toEqual([])
    expect(peer.seen).toEqual([])
    stopFailing()
    expect(await submit(outbox, 'a', { id: 'a' }, line)).toBe('a delivered')
  })
})
