/** What the proofs found, one test for each. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Outbox } from '@halyard/core'
import type { Delivery, OutboxEntry, OutboxOptions, OutboxPorts, SendControl } from '@halyard/core'
import { FaultDisk, VirtualClock } from '@halyard/testkit'

const path = '/outbox'
let disk: FaultDisk
let clock: VirtualClock
let uncaught: Error[]
const note = (error: Error): unknown => uncaught.push(error)

beforeEach(() => {
  disk = new FaultDisk()
  clock = new VirtualClock()
  uncaught = []
  process.on('uncaughtException', note)
})
afterEach(async () => {
  await turns()
  process.off('uncaughtException', note)
  expect(uncaught).toEqual([])
})

function open(options: OutboxOptions = {}, ports: OutboxPorts = {}): Promise<Outbox> {
  return Outbox.open({ path, ...options }, { disk, clock, random: () => 0.5, ...ports })
}

function send(outbox: Outbox, id: string, control: SendControl & { atMostOnce?: boolean } = {}): Promise<OutboxEntry> {
  const { atMostOnce, ...rest } = control
  const submission = { destination: 'demo', kind: 'text', body: Buffer.from(id), atMostOnce }
  return outbox.submit(submission, { id, ...rest })
}

async function turns(count = 20): Promise<void> {
  for (let index = 0; index < count; index++) await new Promise(setImmediate)
}

describe('closing an outbox', () => {
  it('takes back nothing that a message still being stored has superseded', async () => {
    const outbox = await open()
    await send(outbox, 'old', { latest: 'x' })
    const young = send(outbox, 'young', { latest: 'x' })
    await outbox.close()
    expect((await young).state).toBe('queued')
    const again = await open()
    await turns()
    expect(again.why('old')).toMatchObject({ state: 'dropped', reason: 'superseded' })
    expect(again.why('young')?.state).toBe('queued')
    await again.close()
  })

  it('survives a delivery that ends long after', async () => {
    const outbox = await open()
    let answer: (delivery: Delivery) => void = () => {}
    outbox.attach('demo', () => new Promise((resolve) => (answer = resolve)))
    const sent = send(outbox, 'slow')
    await turns()
    const closed = outbox.close()
    await clock.advance(20_000)
    await closed
    answer({ outcome: 'delivered' })
    expect((await sent).state).toBe('delivered')
  })

  it('gives up what the disk does not take, and sets no timer that fires into a closed store', async () => {
    const outbox = await open({ maxMessages: 1, overflow: 'drop-newest' })
    await send(outbox, 'first')
    disk.fail(({ kind }) => (kind === 'write' ? 'EIO' : undefined))
    const refused = send(outbox, 'second')
    await turns()
    const closed = outbox.close()
    await expect(refused).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    await closed.catch(() => {})
    await clock.advance(60_000)
  })
})

describe('a message that goes out at most once', () => {
  it('is not tried again when its delivery throws: nobody knows how far it came', async () => {
    const outbox = await open()
    let attempts = 0
    outbox.attach('demo', () => {
      attempts++
      return Promise.reject(new Error('the connection broke'))
    })
    expect(await send(outbox, 'sms', { atMostOnce: true })).toMatchObject({ state: 'dropped', reason: 'interrupted' })
    await clock.advance(120_000)
    expect(attempts).toBe(1)
    await outbox.close()
  })
})

describe('order', () => {
  it('holds what comes behind a message that was dropped until that is written down: a crash would bring it back', async () => {
    const outbox = await open()
    await send(outbox, 'first')
    await send(outbox, 'second')
    let done = (): void => {}
    const stopDelay = disk.delay(({ kind }) =>
      kind === 'sync' ? new Promise<void>((resolve) => (done = resolve)) : undefined,
    )
    const dropped = outbox.drop('first')
    const handed: string[] = []
    outbox.attach('demo', ({ id }) => {
      handed.push(id)
      return Promise.resolve({ outcome: 'delivered' })
    })
    await turns()
    expect(handed).toEqual([])
    stopDelay()
    done()
    expect(await dropped).toBe(true)
    await outbox.idle()
    expect(handed).toEqual(['second'])
    await outbox.close()
  })
})

describe('the name of a message', () => {
  it('is the same in the next process, whatever its letters', async () => {
    const ids = ['\ufeffwith a mark', 'with a mark', 'ünïcödé 🚀', '\u0000']
    const outbox = await open()
    for (const id of ids) await send(outbox, id)
    await outbox.close()
    const again = await open()
    for (const id of ids) expect(again.why(id)).toMatchObject({ id, state: 'queued' })
    await again.close()
  })

  it('is refused if it could not be written', async () => {
    const outbox = await open()
    await expect(send(outbox, 'half \ud83d')).rejects.toThrow(/^id must be a text of 1 to 128 characters/)
    await outbox.close()
  })
})

describe('a message that expires', () => {
  it('is not delivered by a process that opens the outbox too late', async () => {
    const outbox = await open()
    await send(outbox, 'late', { expires: 60 })
    await outbox.close()
    await clock.advance(61_000)
    const again = await open()
    const handed: string[] = []
    again.attach('demo', ({ id }) => {
      handed.push(id)
      return Promise.resolve({ outcome: 'delivered' })
    })
    expect(await again.settled('late')).toMatchObject({ state: 'dropped', reason: 'expired' })
    expect(handed).toEqual([])
    await again.close()
  })

  it('expires also when the disk takes longer than it has', async () => {
    const outbox = await open()
    let done = (): void => {}
    disk.delay(({ kind }) => (kind === 'sync' ? new Promise<void>((resolve) => (done = resolve)) : undefined))
    const sent = send(outbox, 'slow', { expires: 0.005 })
    await turns()
    await clock.advance(1000)
    done()
    expect((await sent).state).toBe('queued')
    await clock.advance(1000)
    done()
    await turns()
    expect(outbox.why('slow')).toMatchObject({ state: 'dropped', reason: 'expired' })
    await outbox.close()
  })
})
