/** What a later process finds: everything of a message, in the order in which it was sent. */
import { describe, expect, it } from 'vitest'
import type { OutboxMessage } from '@halyard/core'
import { DELIVERED, DEMO, Home, Peer, again, bytes, collect, quiet, refused, send, textOf } from './support.ts'

describe('an outbox that is opened again', () => {
  it('has everything of a message: topics, kind, priority, word, life, order', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    const submission = {
      destination: DEMO,
      kind: 'hologram.message',
      body: bytes('22.5'),
      options: { topics: ['a', 'ü'] },
    }
    await outbox.submit(submission, { id: 'low', priority: 'low', expires: 3_600 })
    await outbox.submit(submission, { id: 'normal', latest: 'level' })
    await outbox.submit(submission, { id: 'high', priority: 'high' })
    const before = await collect(outbox.entries())
    const messages = await collect(outbox.messages())
    await outbox.close()

    const reopened = await home.open({ concurrency: 1 })
    expect(await collect(reopened.entries())).toEqual(before)
    expect(await collect(reopened.messages())).toEqual(messages.map((message) => ({ ...message, earlier: true })))
    expect(reopened).toMatchObject({ depth: 3, bytes: 12 })
    const got: OutboxMessage[] = []
    reopened.attach(DEMO, (message) => {
      got.push(message)
      return Promise.resolve(DELIVERED)
    })
    await reopened.idle()
    const { kind, options, body } = submission
    const same = { kind, options, body, attempts: 0, earlier: true, stage: 0 }
    expect(got).toEqual(['high', 'normal', 'low'].map((id, index) => ({ id, order: 3 - index, ...same })))
    await reopened.close()
  })

  it('queues what is sent behind what was there', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    for (const text of 'ab') await send(outbox, text)
    await outbox.close()
    await using reopened = await home.open()
    expect((await send(reopened, 'c')).state).toBe('queued')
    const peer = new Peer().always(DELIVERED)
    reopened.attach(DEMO, peer.deliver)
    await reopened.idle()
    expect(peer.seen.join('')).toBe('abc')
  })

  it('does not send what was delivered or refused, and knows it', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    for (const [id, delivery] of [
      ['a', DELIVERED],
      ['b', refused('ERR_AUTH')],
      ['c', again('cut')],
    ] as const) {
      const sent = send(outbox, id, { id })
      await peer.answer(delivery)
      await sent
    }
    await quiet()
    const before = await collect(outbox.entries())
    await outbox.close()
    await using reopened = await home.open()
    const after = await collect(reopened.entries())
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2))
    expect(after.map(({ id, state }) => `${id} ${state}`)).toEqual(['a delivered', 'b dropped', 'c queued'])
    const next = new Peer().always(DELIVERED)
    reopened.attach(DEMO, next.deliver)
    await reopened.idle()
    expect(next.seen).toEqual(['c'])
  })

  it('keeps one destination apart from another, also of another client', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    await send(outbox, 'a', { to: 'hologram:1d3g' })
    await send(outbox, 'b', { to: 'ttn:app' })
    await outbox.close()
    await using reopened = await home.open()
    const peer = new Peer().always(DELIVERED)
    reopened.attach('ttn:app', peer.deliver)
    await quiet()
    expect(peer.seen).toEqual(['b'])
    expect(reopened.depth).toBe(1)
  })

  it('does not try again what may go out only once if its process ended in the middle', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    void send(outbox, 'sms', { id: 'sms', atMostOnce: true })
    void send(outbox, 'behind', { id: 'behind', atMostOnce: true })
    await peer.next()
    const closed = outbox.close()
    await home.clock.advance(11_000)
    await closed
    await using reopened = await home.open()
    await quiet()
    expect(reopened.why('sms')).toMatchObject({ state: 'dropped', reason: 'interrupted' })
    const next = new Peer().always(DELIVERED)
    reopened.attach(DEMO, next.deliver)
    await reopened.idle()
    expect(next.seen).toEqual(['behind'])
  })

  it('tries it again if the deliverer said that it did not go', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    void send(outbox, 'sms', { id: 'sms', atMostOnce: true })
    await peer.answer(again('no link'))
    await quiet()
    await outbox.close()
    await using reopened = await home.open()
    const next = new Peer().always(DELIVERED)
    reopened.attach(DEMO, next.deliver)
    await reopened.idle()
    expect(next.seen).toEqual(['sms'])
  })

  it('drops what the disk gives back as something else, and goes on', async () => {
    const home = new Home('path')
    await using outbox = await home.open()
    await send(outbox, 'damaged body', { id: 'a' })
    await send(outbox, 'sound', { id: 'b' })
    const file = home.disk.files().find((name) => name.endsWith('.log')) ?? ''
    home.disk.corrupt(file, textOf(home.disk.readFile(file)).indexOf('damaged'))
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    await outbox.idle()
    expect(peer.seen).toEqual(['sound'])
    expect(outbox.why('a')).toMatchObject({ state: 'dropped', reason: 'damaged' })
  })
})

describe('a second owner', () => {
  it('is refused with what to do, and welcome when the first has closed', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    await expect(home.open()).rejects.toMatchObject({
      name: 'StorageError',
      code: 'ERR_STORE_LOCKED',
      message: '/outbox is in use: this process has it open already; stop that one first or use another directory',
    })
    await outbox.close()
    await (await home.open()).close()
  })
})
