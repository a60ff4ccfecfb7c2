/** Deliverers that do not keep to their contract: nothing is lost, nothing hangs, nothing becomes an unhandled rejection. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Deliver, Delivery } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, quiet, send, until } from './support.ts'

const unhandled: unknown[] = []
const onUnhandled = (error: unknown): void => void unhandled.push(error)
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', onUnhandled)
})
afterEach(async () => {
  await quiet()
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

/** Misbehaves once, then delivers. */
function once(misbehave: Deliver): Deliver {
  let calls = 0
  return (message, options) => (calls++ === 0 ? misbehave(message, options) : Promise.resolve(DELIVERED))
}

const answers = (value: unknown): Deliver => once(() => Promise.resolve(value as Delivery))
const rejects = (value: unknown): Deliver => once(() => Promise.reject(value))

const MISBEHAVIOUR: readonly (readonly [what: string, make: () => Deliver, reason: string])[] = [
  ['rejects', () => rejects(new Error('no route to host')), 'no route to host'],
  [
    'throws synchronously',
    () =>
      once(() => {
        throw new Error('not ready')
      }),
    'not ready',
  ],
  ['rejects with undefined', () => rejects(undefined), 'undefined'],
  ['rejects with null', () => rejects(null), 'null'],
  ['rejects with an object without a prototype', () => rejects(Object.create(null)), '{}'],
  ['answers undefined', () => answers(undefined), 'not undefined'],
  ['answers null', () => answers(null), 'not null'],
  ['answers a text', () => answers('ok'), 'not "ok"'],
  ['answers an unknown outcome', () => answers({ outcome: 'sent' }), 'not {"outcome":"sent"}'],
  ['answers what is no promise', () => once((() => 42) as unknown as Deliver), 'not 42'],
]

describe.each(KINDS)('a deliverer of an outbox in %s', (kind) => {
  it.each(MISBEHAVIOUR)(
    'that %s has failed: the message is queued with the reason and goes again',
    async (_, make, why) => {
      const home = new Home(kind)
      await using outbox = await home.open()
      outbox.attach(DEMO, make())
      const entry = await send(outbox, 'a', { id: 'a' })
      expect(entry.state).toBe('queued')
      expect(entry.reason).toContain(why)
      expect(outbox.depth).toBe(1)
      await home.clock.advance(60_000)
      await outbox.idle()
      expect(outbox.why('a')).toMatchObject({ state: 'delivered', attempts: 2 })
    },
  )

  it('that answers rubbish is named in a warning', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    outbox.attach(DEMO, answers({ outcome: 'sent' }))
    await send(outbox, 'a')
    expect(home.logged('warn')).toEqual([
      'a delivery to demo:me failed: the deliverer must answer with an outcome: delivered, refused or retry, ' +
        'not {"outcome":"sent"}',
    ])
    await home.clock.advance(60_000)
    await outbox.idle()
  })

  it('that refuses without a reason is believed', async () => {
    await using outbox = await new Home(kind).open()
    outbox.attach(DEMO, answers({ outcome: 'refused' }))
    const { state, reason } = await send(outbox, 'a')
    expect({ state, reason }).toEqual({ state: 'dropped', reason: undefined })
  })

  it('that gives a reason of a megabyte has it shortened, in the ledger of the next process too', async () => {
    const home = new Home(kind)
    const outbox = await home.open()
    const reason = 'é'.repeat(1_000_000)
    outbox.attach(DEMO, ({ id }) => Promise.resolve({ outcome: id === 'a' ? 'refused' : 'retry', reason }))
    expect((await send(outbox, 'a', { id: 'a' })).reason).toBe(`${'é'.repeat(1023)}…`)
    expect((await send(outbox, 'b', { id: 'b' })).reason).toHaveLength(1024)
    await until(() => outbox.why('a')?.state === 'dropped', 'the ledger')
    await outbox.close()
    if (kind === 'memory') return
    await using reopened = await home.open()
    expect(reopened.why('a')).toEqual(outbox.why('a'))
    expect(reopened.why('b')?.state).toBe('queued')
  })

  it('is not asked again for what may go out only once after an attempt that ended in the dark', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'sms', { id: 'sms', atMostOnce: true })
    const attempt = await peer.next()
    attempt.fail(new Error('connection reset'))
    expect(await sent).toMatchObject({ state: 'dropped', reason: 'interrupted', attempts: 1 })
    expect(home.logged('debug')).toEqual(['a delivery to demo:me failed: connection reset'])
  })

  it('is asked again for one of which it says that it did not go', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'sms', { id: 'sms', atMostOnce: true })
    await peer.answer(again('no connection'))
    expect(await sent).toMatchObject({ state: 'queued', reason: 'no connection' })
    await home.clock.advance(60_000)
    await peer.answer()
    await outbox.idle()
    expect(outbox.why('sms')).toMatchObject({ state: 'delivered', attempts: 2 })
  })
})

describe('a deliverer that is called back', () => {
  /** An outbox whose one message is being read from the disk, for the deliverer given. */
  async function reading(peer: Peer) {
    const home = new Home('path')
    const outbox = await home.open()
    await send(outbox, 'a', { id: 'a' })
    let goOn: () => void = () => {}
    const held = new Promise<void>((resolve) => (goOn = resolve))
    home.disk.delay((operation) => (operation.kind === 'read' ? held : undefined))
    const attachment = outbox.attach(DEMO, peer.deliver)
    await quiet()
    return { home, outbox, attachment, goOn }
  }

  it('is not called for a message that was dropped while its call was read', async () => {
    const peer = new Peer()
    const { outbox, goOn } = await reading(peer)
    const dropped = outbox.drop('a')
    goOn()
    expect(await dropped).toBe(true)
    expect(peer.seen).toEqual([])
    await outbox.close()
  })

  it('is not called when its client has let go, and the next one is', async () => {
    const gone = new Peer()
    const { outbox, attachment, goOn } = await reading(gone)
    attachment[Symbol.dispose]()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    goOn()
    expect(await peer.answer()).toBe('a')
    expect(gone.seen).toEqual([])
    await outbox.idle()
    await outbox.close()
  })

  it('is not called when the outbox closes meanwhile: the message stays', async () => {
    const peer = new Peer()
    const { home, outbox, goOn } = await reading(peer)
    const closed = outbox.close()
    goOn()
    await closed
    expect(peer.seen).toEqual([])
    await using reopened = await home.open()
    expect(reopened.depth).toBe(1)
  })
})
