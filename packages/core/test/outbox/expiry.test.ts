/** How long a message may wait: `expires` and `maxAge`, on clocks that stand still, jump, and begin in 1970. */
import { describe, expect, it } from 'vitest'
import { Outbox } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, bytes, quiet, record, send, until } from './support.ts'

const DAY = 86_400_000

describe.each(KINDS)('a message in %s', (kind) => {
  it('that is not delivered within its life is dropped with reason expired, not a millisecond earlier', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const lines = record(outbox)
    await send(outbox, 'a', { id: 'a', expires: 1.5 })
    await send(outbox, 'b', { id: 'b', expires: 20 })
    await send(outbox, 'c', { id: 'c' })
    await home.clock.advance(1_499)
    expect(outbox.depth).toBe(3)
    await home.clock.advance(1)
    await until(() => outbox.why('a')?.state === 'dropped', 'the ledger')
    expect(outbox.why('a')).toMatchObject({ state: 'dropped', reason: 'expired', attempts: 0 })
    await home.clock.advance(DAY)
    await quiet()
    expect(lines).toEqual(['queued a', 'queued b', 'queued c', 'dropped a expired', 'dropped b expired'])
    expect(outbox.depth).toBe(1)
  })

  it('lives the shorter of its own life and the maxAge of the outbox', async () => {
    const home = new Home(kind)
    await using outbox = await home.open({ maxAge: 10 })
    await send(outbox, 'a', { id: 'a', expires: 5 })
    await send(outbox, 'b', { id: 'b', expires: 50 })
    await send(outbox, 'c', { id: 'c' })
    await home.clock.advance(5_000)
    expect(outbox.depth).toBe(2)
    await home.clock.advance(5_010)
    expect(outbox.depth).toBe(0)
    await outbox.idle()
  })

  it('that is on the wire when its time comes is delivered if the peer says so', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a', { expires: 1 })
    const attempt = await peer.next()
    await home.clock.advance(5_000)
    expect(attempt.signal.aborted).toBe(false)
    attempt.answer(DELIVERED)
    expect((await sent).state).toBe('delivered')
  })

  it('that comes back from the wire after its time is dropped', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a', { expires: 1 })
    const attempt = await peer.next()
    await home.clock.advance(5_000)
    attempt.answer(again('cut'))
    expect(await sent).toMatchObject({ state: 'dropped', reason: 'expired', attempts: 1 })
  })

  it('whose time has come does not go out, though its timer is late', async () => {
    const home = new Home(kind)
    // A clock whose timers never fire: a machine that was asleep.
    const clock = {
      now: () => home.clock.now(),
      monotonic: () => home.clock.monotonic(),
      bootId: home.clock.bootId,
      setTimer: () => ({ cancel() {} }),
    }
    await using outbox = await home.open({}, { clock })
    await send(outbox, 'a', { id: 'a', expires: 1 })
    await send(outbox, 'b', { id: 'b' })
    await home.clock.advance(1_000)
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    await outbox.idle()
    expect(peer.seen).toEqual(['b'])
    expect(outbox.why('a')).toMatchObject({ state: 'dropped', reason: 'expired' })
  })

  it('ages by the monotonic clock: a wall clock that jumps changes nothing', async () => {
    const home = new Home(kind)
    home.clock.setWall(0)
    await using outbox = await home.open()
    await send(outbox, 'a', { id: 'a', expires: 60 })
    await home.clock.advance(10_000)
    home.clock.setWall(Date.UTC(2026, 0, 1))
    await home.clock.advance(49_999)
    expect(outbox.depth).toBe(1)
    home.clock.setWall(Date.UTC(2020, 0, 1))
    await home.clock.advance(1)
    expect(outbox.depth).toBe(0)
  })
})

describe('a message with a deadline', () => {
  it('that the disk takes too late is dropped when it is there', async () => {
    const home = new Home('path')
    await using outbox = await home.open()
    let goOn: () => void = () => {}
    const held = new Promise<void>((resolve) => (goOn = resolve))
    const end = home.disk.delay((operation) => (operation.kind === 'sync' ? held : undefined))
    const sent = send(outbox, 'a', { expires: 1 })
    await home.clock.advance(5_000)
    end()
    goOn()
    expect(await sent).toMatchObject({ state: 'dropped', reason: 'expired' })
    expect(outbox.depth).toBe(0)
  })

  it('may live as long as a timer cannot count', async () => {
    const home = new Home('path')
    await using outbox = await home.open({ maxAge: Infinity })
    await send(outbox, 'a', { expires: 100 * 86_400 })
    await send(outbox, 'b', { expires: Infinity })
    await home.clock.advance(99 * DAY)
    expect(outbox.depth).toBe(2)
    await home.clock.advance(1 * DAY)
    expect(outbox.depth).toBe(1)
  })
})

describe('after a restart', () => {
  /** Queues one message with a life of an hour, half an hour before its process ends. */
  async function queued(home: Home): Promise<void> {
    const outbox = await home.open()
    await send(outbox, 'a', { id: 'a', expires: 3_600 })
    await home.clock.advance(1_800_000)
    await outbox.close()
  }

  /** Milliseconds that the message has still to live. */
  async function remaining(home: Home): Promise<number> {
    const outbox = await home.open()
    const began = home.clock.monotonic()
    await quiet()
    while (outbox.depth > 0 && (await home.clock.advanceToNextTimer())) await quiet()
    const lived = home.clock.monotonic() - began
    await outbox.close()
    return lived
  }

  it('within a boot the time in between counts, whatever the wall clock says', async () => {
    const home = new Home('path')
    await queued(home)
    await home.clock.advance(600_000)
    home.clock.setWall(0)
    expect(await remaining(home)).toBe(1_200_000)
  })

  it('across a reboot the wall clocks decide', async () => {
    const home = new Home('path')
    await queued(home)
    home.clock.reboot({ wall: home.clock.now() + 600_000 })
    expect(await remaining(home)).toBe(1_200_000)
  })

  it('what expired while the machine was off never goes out, though a client is there at once', async () => {
    const home = new Home('path')
    await queued(home)
    home.clock.reboot({ wall: home.clock.now() + DAY })
    const outbox = await home.open()
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    await outbox.idle()
    expect(peer.seen).toEqual([])
    expect(outbox.why('a')).toMatchObject({ state: 'dropped', reason: 'expired' })
    await outbox.close()
  })

  it.each([
    ['that begins in 1970', 0],
    ['that shows a time before the message', Date.UTC(2024, 0, 2)],
    ['that shows a time twenty years later', Date.UTC(2045, 0, 1)],
  ])('with a clock %s the time before the boot counts as none', async (_, wall) => {
    const home = new Home('path')
    await queued(home)
    home.clock.reboot({ wall })
    await home.clock.advance(60_000)
    expect(await remaining(home)).toBe(3_540_000)
  })

  it('what was queued in 1970 is not old when the clock is right at last', async () => {
    const home = new Home('path')
    home.clock.setWall(0)
    await queued(home)
    home.clock.reboot({ wall: Date.UTC(2026, 0, 1) })
    expect(await remaining(home)).toBe(3_600_000)
  })

  it('maxAge of the new process counts for what an earlier one queued', async () => {
    const home = new Home('path')
    await queued(home)
    const outbox = await home.open({ maxAge: 1_900 })
    await home.clock.advance(99_999)
    expect(outbox.depth).toBe(1)
    await home.clock.advance(1)
    expect(outbox.depth).toBe(0)
    await outbox.close()
  })
})

describe('expires', () => {
  it('keeps thousands of messages on one timer', async () => {
    const home = new Home('memory')
    await using outbox = await Outbox.open({}, home.ports)
    const submission = { destination: DEMO, kind: 'text', body: bytes('a') }
    await Promise.all(
      Array.from({ length: 5_000 }, (_, index) => outbox.submit(submission, { expires: 1 + index / 1000 })),
    )
    expect(home.clock.pendingTimers).toHaveLength(1)
    await home.clock.advance(6_010)
    expect(outbox.depth).toBe(0)
  })
})
