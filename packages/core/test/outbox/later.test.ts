/** Deliverers that say `later` and answer by `answer`: for a hundred thousand a second, without a promise for each. */
import { loseUnsynced } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import type { DeliverOptions, Delivery, Outbox, OutboxMessage } from '@halyard/core'
import { forgetOwner } from '../../../../proofs/outbox/stage.ts'
import { DELIVERED, DEMO, Home, KINDS, again, quiet, refused, send, stateOf, textOf, until } from './support.ts'

interface Handed {
  readonly message: OutboxMessage
  readonly options: DeliverOptions
}

/** Says `later` to all that comes; the test answers. */
function postpone(outbox: Outbox, pipeline?: number): { handed: Handed[]; link: ReturnType<Outbox['attach']> } {
  const handed: Handed[] = []
  const link = outbox.attach(
    DEMO,
    (message, options) => {
      handed.push({ message, options })
      return 'later'
    },
    pipeline === undefined ? {} : { pipeline },
  )
  return { handed, link }
}

const textsOf = (handed: readonly Handed[]): string => handed.map(({ message }) => textOf(message.body)).join('')

describe.each(KINDS)('later, of an outbox in %s', (kind) => {
  it('each answer has its fate: delivered, refused with its reason, back with its reason', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const { handed } = postpone(outbox, 3)
    const sends = Array.from('abc', (id) => send(outbox, id, { id }))
    await until(() => handed.length === 3, 'three')
    expect(await stateOf(Promise.race(sends))).toBe('pending')
    handed[0]?.options.answer(DELIVERED)
    handed[1]?.options.answer(refused('ERR_QUOTA'))
    handed[2]?.options.answer(again('cut'))
    expect(await sends[0]).toMatchObject({ state: 'delivered', attempts: 1 })
    expect(await sends[1]).toMatchObject({ state: 'dropped', reason: 'ERR_QUOTA' })
    expect(await sends[2]).toMatchObject({ state: 'queued', reason: 'cut', attempts: 1 })
    await home.clock.advance(60_000)
    await until(() => handed.length === 4, 'the second attempt')
    expect(handed[3]?.message).toMatchObject({ id: 'c', attempts: 1 })
    handed[3]?.options.answer(DELIVERED)
    expect(await outbox.settled('c')).toMatchObject({ state: 'delivered', attempts: 2 })
  })

  it('without a pipeline the next one waits for the answer', async () => {
    await using outbox = await new Home(kind).open()
    const { handed } = postpone(outbox)
    const sends = Array.from('abc', (id) => send(outbox, id))
    for (let count = 1; count <= 3; count++) {
      await quiet()
      expect(textsOf(handed)).toBe('abc'.slice(0, count))
      handed[count - 1]?.options.answer(DELIVERED)
    }
    await Promise.all(sends)
  })

  it('the answer may come before `later` is said; another message of the deliverer may have a promise', async () => {
    await using outbox = await new Home(kind).open()
    outbox.attach(
      DEMO,
      ({ id }, options) => {
        if (id === 'a') return Promise.resolve(DELIVERED)
        options.answer(refused('no'))
        return 'later'
      },
      { pipeline: 2 },
    )
    const sends = [send(outbox, 'a', { id: 'a' }), send(outbox, 'b', { id: 'b' })]
    expect((await Promise.all(sends)).map(({ state }) => state)).toEqual(['delivered', 'dropped'])
  })

  it('the first answer counts, and none of an attempt that is over', async () => {
    await using outbox = await new Home(kind).open()
    const { handed, link } = postpone(outbox, 2)
    const sends = Array.from('ab', (id) => send(outbox, id, { id }))
    await until(() => handed.length === 2, 'two')
    const [a, b] = handed.splice(0) as [Handed, Handed]
    a.options.answer(DELIVERED)
    a.options.answer(refused('too late'))
    link.hold()
    b.options.answer(again('cut'))
    // Of the connection that is gone.
    b.options.answer(DELIVERED)
    expect(await sends[0]).toMatchObject({ state: 'delivered' })
    expect(await sends[1]).toMatchObject({ state: 'queued', reason: 'cut' })
    link.release()
    await until(() => handed.length === 1, 'the second attempt')
    b.options.answer(DELIVERED)
    await quiet()
    expect(outbox.why('b')).toMatchObject({ state: 'queued', attempts: 2 })
    handed[0]?.options.answer(DELIVERED)
    await outbox.idle()
    expect(outbox.why('a')).toMatchObject({ state: 'delivered', attempts: 1 })
    expect(outbox.why('b')).toMatchObject({ state: 'delivered', attempts: 2 })
  })

  it('in whatever order a pipeline is answered, what comes back goes first again, in its order', async () => {
    await using outbox = await new Home(kind).open()
    const { handed, link } = postpone(outbox, 4)
    for (const id of 'abcdef') void send(outbox, id, { id })
    await until(() => handed.length === 4, 'four')
    const [a, b, c, d] = handed.splice(0) as [Handed, Handed, Handed, Handed]
    link.hold()
    d.options.answer(again('cut'))
    b.options.answer(DELIVERED)
    a.options.answer(again('cut'))
    link.release()
    await quiet()
    // c may come back too.
    expect(handed).toEqual([])
    c.options.answer(again('cut'))
    await quiet()
    link.release()
    await until(() => handed.length === 4, 'four again')
    expect(textsOf(handed)).toBe('acde')
    expect(handed.map(({ message }) => message.order)).toEqual([1, 3, 4, 5])
    for (let at = 0; outbox.depth > 0; at++) {
      await until(() => handed.length > at || outbox.depth === 0, 'the next')
      handed[at]?.options.answer(DELIVERED)
      await quiet()
    }
    expect(textsOf(handed)).toBe('acdef')
  })

  it('an answer that is none is a fault of the deliverer: told in the log, tried again', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const { handed } = postpone(outbox)
    void send(outbox, 'a', { id: 'a' })
    await until(() => handed.length === 1, 'an attempt')
    handed[0]?.options.answer({ outcome: 'done' } as unknown as Delivery)
    expect(home.logged('warn')).toEqual([
      'a delivery to demo:me failed: the deliverer must answer with an outcome: delivered, refused or retry, not {"outcome":"done"}',
    ])
    await home.clock.advance(60_000)
    await until(() => handed.length === 2, 'another')
    handed[1]?.options.answer(DELIVERED)
    await outbox.idle()
  })

  it('a deliverer that throws after it has answered has answered', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    outbox.attach(DEMO, (_message, options) => {
      options.answer(DELIVERED)
      throw new Error('and then it stumbled')
    })
    expect(await send(outbox, 'a')).toMatchObject({ state: 'delivered', attempts: 1 })
    expect(home.logged('debug')).toEqual(['a delivery to demo:me failed: and then it stumbled'])
    expect((await send(outbox, 'b')).state).toBe('delivered')
  })

  it.each([
    ['nothing', () => Promise.resolve()],
    ['another answer', () => Promise.resolve(again('too late'))],
    ['an error', () => Promise.reject(new Error('and then it stumbled'))],
  ] as const)('a deliverer that has answered and then gives a promise of %s has answered once', async (_, promise) => {
    const home = new Home(kind)
    const outbox = await home.open()
    let deliveries = 0
    outbox.attach(DEMO, (_message, options) => {
      deliveries++
      options.answer(DELIVERED)
      return promise() as Promise<Delivery>
    })
    expect(await send(outbox, 'a', { id: 'a' })).toMatchObject({ state: 'delivered', attempts: 1 })
    await quiet()
    await home.clock.advance(60_000)
    await outbox.idle()
    expect([deliveries, outbox.depth, outbox.bytes]).toEqual([1, 0, 0])
    expect(outbox.why('a')).toMatchObject({ state: 'delivered', attempts: 1 })
    expect((await send(outbox, 'b')).state).toBe('delivered')
    // Nothing is on the wire: no timer is waited for.
    await outbox.close()
  })

  it('drop() asks by the signal, and the answer decides', async () => {
    await using outbox = await new Home(kind).open()
    const { handed } = postpone(outbox)
    for (const [delivery, gone] of [[again('let go'), true] as const, [DELIVERED, false] as const]) {
      const sent = send(outbox, 'a', { id: String(gone) })
      await until(() => handed.length === 1, 'an attempt')
      const [{ options }] = handed.splice(0) as [Handed]
      const dropped = outbox.drop(String(gone))
      // Asked for only now, and fired already.
      expect(options.signal?.aborted).toBe(true)
      options.answer(delivery)
      expect(await dropped).toBe(gone)
      expect((await sent).state).toBe(gone ? 'dropped' : 'delivered')
    }
  })

  it('close() waits for the answer 10 s, asks for 1 s more, and then hears none', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    const { handed } = postpone(outbox)
    const sent = send(outbox, 'a', { id: 'a' })
    await until(() => handed.length === 1, 'an attempt')
    const closed = outbox.close()
    await home.clock.advance(9_999)
    expect(handed[0]?.options.signal?.aborted).toBe(false)
    await home.clock.advance(1)
    expect(handed[0]?.options.signal?.aborted).toBe(true)
    await home.clock.advance(1_000)
    await closed
    handed[0]?.options.answer(DELIVERED)
    expect(await sent).toMatchObject({ state: 'queued', reason: 'closed' })
  })
})

describe('later, and the power goes', () => {
  /** The next process on this machine. */
  function afterPowerCut(home: Home): Home {
    const next = new Home('path', home.disk.powerCut(loseUnsynced))
    forgetOwner(next.disk)
    return next
  }

  it('before the answer: all of the pipeline goes out again, in its order and with its stages', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    for (const id of 'abcd') await send(outbox, id, { id })
    const { handed } = postpone(outbox, 3)
    await until(() => handed.length === 3, 'three')
    await handed[1]?.options.advance(1)
    handed[0]?.options.answer(DELIVERED)
    await until(() => outbox.why('a')?.state === 'delivered', 'the first')
    await quiet()
    const next = afterPowerCut(home)
    await using reopened = await next.open()
    expect(reopened.why('a')).toMatchObject({ state: 'delivered' })
    const again = postpone(reopened, 3)
    await until(() => again.handed.length === 3, 'three')
    const seen = again.handed.map(({ message: { id, order, stage, earlier } }) => `${id}${order} ${stage} ${earlier}`)
    expect(seen).toEqual(['b2 1 true', 'c3 0 true', 'd4 0 true'])
    for (const { options } of again.handed) options.answer(DELIVERED)
    await reopened.idle()
  })

  it('between the answer and its record: it goes out again, and is told to be of an earlier process', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    await send(outbox, 'a', { id: 'a' })
    const { handed } = postpone(outbox)
    await until(() => handed.length === 1, 'an attempt')
    home.disk.stop()
    handed[0]?.options.answer(DELIVERED)
    await quiet()
    const next = afterPowerCut(home)
    await using reopened = await next.open()
    expect(reopened.why('a')).toMatchObject({ state: 'queued' })
    const again = postpone(reopened)
    await until(() => again.handed.length === 1, 'an attempt')
    expect(again.handed[0]?.message).toMatchObject({ id: 'a', earlier: true, attempts: 0 })
    again.handed[0]?.options.answer(DELIVERED)
    await reopened.idle()
  })

  it('before the answer to what may go out once: it is dropped, `interrupted`', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    const { handed } = postpone(outbox)
    void send(outbox, 'a', { id: 'a', atMostOnce: true })
    await until(() => handed.length === 1, 'an attempt')
    const next = afterPowerCut(home)
    await using reopened = await next.open()
    expect(await reopened.settled('a')).toMatchObject({ state: 'dropped', reason: 'interrupted' })
    const again = postpone(reopened)
    await quiet()
    expect(again.handed).toEqual([])
  })
})
