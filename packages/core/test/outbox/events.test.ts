/** Stages of a message as events, in the order in which they happen, and listeners that misbehave. */
import { describe, expect, it } from 'vitest'
import type { OutboxEntry } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, quiet, record, refused, send, until } from './support.ts'

describe.each(KINDS)('the stages of a message in %s', (kind) => {
  it('are queued, then delivered, in the order of the messages', async () => {
    await using outbox = await new Home(kind).open()
    const lines = record(outbox)
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await Promise.all(['a', 'b'].map((id) => send(outbox, id, { id })))
    await outbox.idle()
    expect(lines.filter((line) => line.startsWith('queued'))).toEqual(['queued a', 'queued b'])
    expect(lines.filter((line) => line.startsWith('delivered'))).toEqual(['delivered a', 'delivered b'])
    for (const id of ['a', 'b']) expect(lines.indexOf(`queued ${id}`)).toBeLessThan(lines.indexOf(`delivered ${id}`))
  })

  it('are queued, then dropped with its reason when the service refuses', async () => {
    await using outbox = await new Home(kind).open()
    const lines = record(outbox)
    outbox.attach(DEMO, new Peer().always(refused('ERR_AUTH')).deliver)
    expect(await send(outbox, 'a', { id: 'a' })).toMatchObject({ state: 'dropped', reason: 'ERR_AUTH' })
    await outbox.idle()
    expect(lines).toEqual(['queued a', 'dropped a ERR_AUTH'])
  })

  it('tell queued once, however often it is tried', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const lines = record(outbox)
    let tries = 0
    outbox.attach(DEMO, new Peer().always(() => (++tries < 4 ? again('no link') : DELIVERED)).deliver)
    await send(outbox, 'a', { id: 'a' })
    for (let round = 0; round < 4; round++) await home.clock.advance(60_000)
    await outbox.idle()
    expect(lines).toEqual(['queued a', 'delivered a'])
  })

  it('tell what is known then: times, size, attempts', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    const told: OutboxEntry[] = []
    outbox.on('queued', (entry) => told.push(entry)).on('delivered', (entry) => told.push(entry))
    await send(outbox, 'hello', { id: 'a' })
    await home.clock.advance(5_000)
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await outbox.idle()
    const queuedAt = new Date('2024-06-01T00:00:00Z')
    const settledAt = new Date('2024-06-01T00:00:05Z')
    const common = { id: 'a', destination: DEMO, queuedAt, size: 5 }
    expect(told).toEqual([
      { ...common, state: 'queued', attempts: 0 },
      { ...common, state: 'delivered', settledAt, attempts: 1 },
    ])
    expect(outbox.why('a')).toEqual(told[1])
  })

  it('are no longer told after off()', async () => {
    await using outbox = await new Home(kind).open()
    const told: string[] = []
    const listen = ({ id }: OutboxEntry): number => told.push(id)
    outbox.on('queued', listen).on('queued', listen)
    await send(outbox, 'a', { id: 'a' })
    expect(outbox.off('queued', listen)).toBe(outbox)
    await send(outbox, 'b', { id: 'b' })
    expect(told).toEqual(['a'])
  })
})

describe.each(KINDS)('a listener of an outbox in %s', (kind) => {
  it('that throws is logged and disturbs neither the others nor the message', async () => {
    const home = new Home(kind)
    await using outbox = await home.open()
    for (const event of ['queued', 'delivered'] as const) {
      outbox.on(event, () => {
        throw new Error('a defect of the caller')
      })
    }
    const lines = record(outbox)
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    expect((await send(outbox, 'a', { id: 'a' })).state).toBe('delivered')
    await outbox.idle()
    expect(lines).toEqual(['queued a', 'delivered a'])
    expect(home.logged('error')).toEqual(["a listener of 'queued' threw", "a listener of 'delivered' threw"])
  })

  it('may drop the message that it is told of: later ones are not held up by it', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    let dropped: Promise<boolean> | undefined
    outbox.on('queued', ({ id }) => {
      if (id === 'a') dropped = outbox.drop(id)
    })
    expect(await send(outbox, 'a', { id: 'a' })).toMatchObject({ state: 'dropped', reason: 'dropped' })
    expect(await dropped).toBe(true)
    const later = send(outbox, 'b')
    await peer.answer()
    // Behind a message that was told queued it would be queued at once: a must not count as one.
    expect((await later).state).toBe('delivered')
    expect(peer.seen).toEqual(['b'])
    expect(outbox.depth).toBe(0)
  })

  it('may drop the newest of a word: the next one does not take its place', async () => {
    await using outbox = await new Home(kind).open()
    const lines = record(outbox)
    outbox.on('queued', ({ id }) => void (id === 'a' && outbox.drop(id)))
    await send(outbox, 'a', { id: 'a', latest: 'level' })
    await send(outbox, 'b', { id: 'b', latest: 'level' })
    await quiet()
    expect(lines).toEqual(['queued a', 'dropped a dropped', 'queued b'])
  })

  it('may send', async () => {
    await using outbox = await new Home(kind).open()
    const peer = new Peer().always(DELIVERED)
    outbox.attach(DEMO, peer.deliver)
    let again: Promise<OutboxEntry> | undefined
    outbox.on('delivered', ({ id }) => {
      if (id === 'a') again = send(outbox, 'b')
    })
    await send(outbox, 'a', { id: 'a' })
    await until(() => again !== undefined, 'the event')
    expect((await again)?.state).toBe('delivered')
  })
})

describe('an outbox with a path', () => {
  it('tells queued when the message lasts, and delivered when that lasts; the send resolves at the answer', async () => {
    const home = new Home('path')
    await using outbox = await home.open()
    const lines = record(outbox)
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    let sync: () => void = () => {}
    const holdDisk = (): (() => void) => {
      const held = new Promise<void>((resolve) => (sync = resolve))
      return home.disk.delay((operation) => (operation.kind === 'sync' ? held : undefined))
    }

    let end = holdDisk()
    const sent = send(outbox, 'a', { id: 'a' }).then(({ state }) => lines.push(`resolved ${state}`))
    await quiet()
    expect({ lines, seen: peer.seen, depth: outbox.depth }).toEqual({ lines: [], seen: [], depth: 1 })
    end()
    sync()
    const attempt = await peer.next()
    expect(lines).toEqual(['queued a'])

    end = holdDisk()
    attempt.answer(DELIVERED)
    await sent
    await quiet()
    expect(lines).toEqual(['queued a', 'resolved delivered'])
    expect(outbox.why('a')?.state).toBe('queued')
    expect(outbox.depth).toBe(0)
    end()
    sync()
    await outbox.idle()
    expect(lines).toEqual(['queued a', 'resolved delivered', 'delivered a'])
    expect(outbox.why('a')?.state).toBe('delivered')
  })

  it('writes a fate that the disk does not take again, until it does', async () => {
    const home = new Home('path')
    await using outbox = await home.open()
    const lines = record(outbox)
    const peer = new Peer()
    outbox.attach(DEMO, peer.deliver)
    const sent = send(outbox, 'a', { id: 'a' })
    const attempt = await peer.next()
    const heal = home.disk.fail(({ kind }) => (kind === 'write' ? 'ENOSPC' : undefined))
    attempt.answer(DELIVERED)
    expect((await sent).state).toBe('delivered')
    await home.clock.advance(5_000)
    expect(lines).toEqual(['queued a'])
    heal()
    await home.clock.advance(1_000)
    await outbox.idle()
    expect(lines).toEqual(['queued a', 'delivered a'])
    expect(
      home.logged('warn').every((line) => line === 'the fate of a message could not be written; trying again'),
    ).toBe(true)
  })
})
