/**
 * What the original SDK's buffer does wrong (wire/hologram.md §2.4), each as a test of what the outbox does instead. On a
 * real disk; the link goes up and down as its `network.connected` did.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConnectionError, Outbox } from '@halyard/core'
import type { Attachment, Delivery, OutboxEntry, OutboxMessage } from '@halyard/core'
import { VirtualClock } from '@halyard/testkit'

const DESTINATION = 'hologram:1d3g'

let path: string
let clock: VirtualClock
let outbox: Outbox
let link: Attachment
/** What came out at the far end. */
let replayed: OutboxMessage[]
let answers: (() => Delivery)[]

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'halyard-original-')), 'outbox')
  clock = new VirtualClock()
  replayed = []
  answers = []
  await start()
})
afterEach(async () => {
  await outbox.close()
  await rm(join(path, '..'), { recursive: true, force: true })
})

/** A process begins, its link still down. */
async function start(): Promise<void> {
  outbox = await Outbox.open({ path }, { clock, random: () => 0.5 })
  link = outbox.attach(DESTINATION, (message) => {
    replayed.push(message)
    return Promise.resolve(answers.shift()?.() ?? { outcome: 'delivered' })
  })
  link.hold()
}

async function restart(): Promise<void> {
  await outbox.close()
  await start()
}

function sendMessage(text: string, topics?: readonly string[]): Promise<OutboxEntry> {
  const options = topics === undefined ? undefined : { topics }
  return outbox.submit({ destination: DESTINATION, kind: 'hologram.message', body: Buffer.from(text), options })
}

function sendSms(text: string, number: string): Promise<OutboxEntry> {
  const submission = { destination: DESTINATION, kind: 'hologram.sms', body: Buffer.from(text), atMostOnce: true }
  return outbox.submit({ ...submission, options: { destination: number } })
}

const texts = (): string[] => replayed.map(({ body }) => Buffer.from(body).toString())

describe('where the original loses, repeats or garbles what it buffered', () => {
  it('keeps the topics of each message, and gives none to the next one', async () => {
    await sendMessage('with', ['TEMPERATURE', 'ROOF'])
    await sendMessage('without')
    await restart()
    link.release()
    await outbox.idle()
    expect(replayed.map(({ options }) => options)).toEqual([{ topics: ['TEMPERATURE', 'ROOF'] }, {}])
  })

  it('sends each once, however often the link comes back', async () => {
    for (const text of ['one', 'two', 'three']) expect(await sendMessage(text)).toMatchObject({ state: 'queued' })
    link.release()
    await outbox.idle()
    for (let again = 0; again < 3; again++) {
      link.hold()
      link.release()
    }
    await restart()
    link.release()
    await outbox.idle()
    expect(texts()).toEqual(['one', 'two', 'three'])
  })

  it('takes a message out after success and only then', async () => {
    const { id } = await sendMessage('stubborn')
    answers.push(() => ({ outcome: 'retry', reason: 'no answer in time' }))
    link.release()
    await vi.waitFor(() => expect(outbox.why(id)).toMatchObject({ state: 'queued', reason: 'no answer in time' }))
    await restart()
    expect(outbox.depth).toBe(1)
    link.release()
    expect(await outbox.settled(id)).toMatchObject({ state: 'delivered' })
    expect(outbox.depth).toBe(0)
  })

  it('replays an SMS as an SMS, to its number, with its text', async () => {
    await sendSms('Hello, Python!', '+11234567890')
    await restart()
    link.release()
    await outbox.idle()
    expect(replayed).toMatchObject([{ kind: 'hologram.sms', options: { destination: '+11234567890' } }])
    expect(texts()).toEqual(['Hello, Python!'])
  })

  it('loses nothing at a restart, and keeps the order across it', async () => {
    await sendMessage('before 1')
    await sendMessage('before 2')
    await restart()
    await sendMessage('after')
    link.release()
    await outbox.idle()
    expect(texts()).toEqual(['before 1', 'before 2', 'after'])
  })

  it('buffers a message whose connection fails, and tries the replay again after a connection error', async () => {
    const refused = (): never => {
      throw new ConnectionError('ERR_CONNECTION_REFUSED', 'nobody listens there')
    }
    answers.push(refused, refused)
    link.release()
    const { id, state } = await sendMessage('persistent')
    expect(state).toBe('queued')
    expect(outbox.why(id)?.reason).toBe('nobody listens there')
    await vi.waitFor(async () => {
      await clock.advance(60_000)
      expect(outbox.why(id)).toMatchObject({ state: 'delivered', attempts: 3 })
    })
    expect(texts()).toEqual(['persistent', 'persistent', 'persistent'])
  })

  it('gives up on a refusal, with a line in the ledger that a later process knows too', async () => {
    const { id } = await sendMessage('unwanted')
    await sendMessage('wanted')
    answers.push(() => ({ outcome: 'refused', reason: 'Topic was formatted incorrectly' }))
    link.release()
    await outbox.idle()
    expect(texts()).toEqual(['unwanted', 'wanted'])
    await restart()
    expect(outbox.why(id)).toMatchObject({ state: 'dropped', reason: 'Topic was formatted incorrectly', attempts: 1 })
    expect(outbox.depth).toBe(0)
  })
})
