/** The log stays short: what is of the past goes, what is owed and remembered is carried on. */
import { describe, expect, it } from 'vitest'
import type { Outbox, OutboxPorts } from '@halyard/core'
import { DELIVERED, DEMO, Home, Peer, bytes, collect, quiet, send, until } from './support.ts'

const SEGMENT = 16 * 1024
const ports: OutboxPorts = { segmentBytes: SEGMENT }
const STUCK = 'demo:stuck'

const logBytes = (home: Home): number =>
  home.disk
    .files()
    .filter((name) => name.endsWith('.log'))
    .reduce((sum, name) => sum + home.disk.readFile(name).length, 0)

/** Sends and settles so many messages of a hundred bytes. */
async function flow(outbox: Outbox, count: number): Promise<void> {
  const body = bytes('x'.repeat(100))
  for (let sent = 0; sent < count; sent += 100) {
    await Promise.all(Array.from({ length: 100 }, () => outbox.submit({ destination: DEMO, kind: 'text', body })))
  }
}

describe('the log', () => {
  it('stays short while one destination is stuck and another flows, and loses nothing', async () => {
    const home = new Home('path')
    const outbox = await home.open({ maxMessages: 1_000 }, ports)
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    for (let index = 0; index < 50; index++) {
      const submission = { destination: STUCK, kind: 'text', body: bytes(`stuck ${index}`), options: { index } }
      await outbox.submit(submission, { id: `s${index}`, latest: index % 10 === 0 ? `w${index}` : undefined })
    }
    let most = 0
    for (let round = 0; round < 40; round++) {
      await flow(outbox, 1_000)
      await quiet()
      most = Math.max(most, logBytes(home))
    }
    // 40,000 messages were 12 MB; the ledger of 10,000 is 1 MB.
    expect(most).toBeLessThan(4 * 1024 * 1024)
    expect(outbox.depth).toBe(50)
    // The depth tells what still has to go out; the ledger has the rest when it is written.
    while ((await collect(outbox.entries({ state: 'queued' }))).length > 50) await quiet()
    const ledger = (await collect(outbox.entries())).map(({ id }) => id)
    await outbox.close()

    const reopened = await home.open({}, ports)
    expect(reopened.depth).toBe(50)
    const remembered = (await collect(reopened.entries())).map(({ id }) => id)
    expect(remembered.length).toBe(10_050)
    expect(remembered.join() === ledger.join()).toBe(true)
    const peer = new Peer().always(DELIVERED)
    reopened.attach(STUCK, peer.deliver)
    await reopened.idle()
    expect(peer.seen).toEqual(Array.from({ length: 50 }, (_, index) => `stuck ${index}`))
    await reopened.close()
  })

  it('comes to rest when all that is in it is needed, however large the options are beside the bodies', async () => {
    const home = new Home('path')
    await using outbox = await home.open({}, ports)
    const options = { topics: 'x'.repeat(2_000) }
    for (let index = 0; index < 200; index++) {
      await outbox.submit({ destination: STUCK, kind: 'text', body: bytes('a'), options })
    }
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await send(outbox, 'a')
    await until(() => outbox.depth === 200, 'the settlement')
    await quiet()
    const before = home.disk.operations
    await quiet()
    expect(home.disk.operations).toBe(before)
  })

  it('is left as it is while it holds records of a later version, and says so once', async () => {
    const home = new Home('path')
    const outbox = await home.open({}, ports)
    await send(outbox, 'a', { to: STUCK })
    await outbox.close()
    const { SegmentLog } = await import('@halyard/core/node')
    const log = await SegmentLog.open({ path: '/outbox', kind: 'OUTB', disk: home.disk })
    for (let count = 0; count < 3; count++) await log.whenCommitted(log.append(Uint8Array.of(99, 1, 2, 3)))
    await log.close()
    const reopened = await home.open({}, ports)
    expect(home.logged('warn')).toEqual([
      'the outbox holds records that a later version wrote; they stay, and so does all of the log',
    ])
    reopened.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await flow(reopened, 1_000)
    await quiet()
    expect(home.disk.files()).toContain('/outbox/0000000001.log')
    await reopened.close()
  })

  it('can be read while it is made shorter: a message that is copied is still handed over', async () => {
    const home = new Home('path')
    await using outbox = await home.open({}, ports)
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver)
    for (let index = 0; index < 20; index++) await send(outbox, `s${index}`, { to: STUCK })
    // Reads of the disk are slow, so that segments go while they are under way.
    home.disk.delay(({ kind, path }) => (kind === 'open' && path.endsWith('1.log') ? quiet() : undefined))
    const reading = collect(outbox.messages())
    await flow(outbox, 3_000)
    const texts = (await reading).filter(({ destination }) => destination === STUCK)
    expect(texts).toHaveLength(20)
  })
})

describe('50,000 messages on disk', () => {
  it('are told queued when the link breaks, and are all there again', async () => {
    const home = new Home('path')
    const outbox = await home.open({ maxMessages: 60_000 })
    const body = new Uint8Array(200)
    const submit = (): Promise<unknown> => outbox.submit({ destination: STUCK, kind: 'text', body })
    // On a link that is up when they come, and breaks with the first.
    const peer = new Peer()
    outbox.attach(STUCK, peer.deliver)
    const sends = Array.from({ length: 50_000 }, submit)
    const attempt = await peer.next()
    attempt.answer({ outcome: 'retry', reason: 'cut' })
    await Promise.all(sends)
    expect(outbox).toMatchObject({ depth: 50_000, bytes: 10_000_000 })
    await outbox.close()
    const reopened = await home.open({ maxMessages: 60_000 })
    expect(reopened.depth).toBe(50_000)
    await reopened.close()
  })
})
