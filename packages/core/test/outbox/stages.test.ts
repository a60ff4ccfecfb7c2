/** What a message keeps from attempt to attempt and from process to process: its place, and how far it got. */
import { describe, expect, it } from 'vitest'
import type { DeliverOptions, Delivery, Outbox, OutboxMessage } from '@halyard/core'
import { DELIVERED, DEMO, Home, KINDS, Peer, again, bytes, quiet, send, until } from './support.ts'

interface Handed {
  readonly message: OutboxMessage
  readonly options: DeliverOptions
  answer(this: void, delivery: Delivery): void
}

/** Hands what comes to the test, which answers. */
function listen(outbox: Outbox, pipeline = 10, to = DEMO): { handed: Handed[]; link: ReturnType<Outbox['attach']> } {
  const handed: Handed[] = []
  const link = outbox.attach(
    to,
    (message, options) => new Promise<Delivery>((answer) => handed.push({ message, options, answer })),
    { pipeline },
  )
  return { handed, link }
}

const placesOf = (handed: readonly Handed[]): string[] =>
  handed.map(({ message: { id, order, stage, earlier } }) => `${id}${order} ${stage} ${earlier}`)

describe.each(KINDS)('a message of an outbox in %s', (kind) => {
  it('has a place from 1 upwards and a stage, at every attempt', async () => {
    await using outbox = await new Home(kind).open()
    const { handed, link } = listen(outbox)
    for (const id of 'abc') void send(outbox, id, { id })
    await until(() => handed.length === 3, 'three')
    expect(placesOf(handed)).toEqual(['a1 0 false', 'b2 0 false', 'c3 0 false'])
    await handed[1]?.options.advance(1)
    await handed[2]?.options.advance(1)
    await handed[2]?.options.advance(255)
    link.hold()
    for (const { answer } of handed.splice(0)) answer(again('cut'))
    await quiet()
    link.release()
    await until(() => handed.length === 3, 'three again')
    expect(placesOf(handed)).toEqual(['a1 0 false', 'b2 1 false', 'c3 255 false'])
    // A session that the peer has lost begins anew.
    await handed[2]?.options.advance(0)
    for (const { answer } of handed.splice(0)) answer(again('cut'))
    await quiet()
    link.release()
    await until(() => handed.length === 3, 'three once more')
    expect(handed[2]?.message.stage).toBe(0)
    for (const { answer } of handed.splice(0)) answer(DELIVERED)
    await outbox.idle()
  })

  it('has no stage but a number from 0 to 255, and none after its attempt', async () => {
    await using outbox = await new Home(kind).open()
    const { handed, link } = listen(outbox)
    void send(outbox, 'a', { id: 'a' })
    await until(() => handed.length === 1, 'an attempt')
    const [{ options, answer }] = handed.splice(0) as [Handed]
    for (const stage of [-1, 256, 0.5, Number.NaN]) {
      const what = `a stage is a whole number from 0 to 255, not ${stage}`
      await expect(options.advance(stage)).rejects.toMatchObject({ code: 'ERR_OUTBOX_STAGE', message: what })
    }
    answer(again('cut'))
    await quiet()
    const over = 'the attempt is over, message a is no longer on the wire; leave its stage as it is'
    await expect(options.advance(1)).rejects.toMatchObject({ code: 'ERR_OUTBOX_STAGE', message: over })
    link.release()
    await until(() => handed.length === 1, 'the next')
    expect(handed[0]?.message.stage).toBe(0)
    await expect(options.advance(1)).rejects.toThrow(over)
    handed[0]?.answer(DELIVERED)
    await outbox.idle()
  })
})

describe('a message on disk', () => {
  it('has its place and stage in the next process, and after its segment was given up', async () => {
    const home = new Home('path')
    const segmentBytes = 4 * 1024
    const ports = { segmentBytes }
    let outbox = await home.open({}, ports)
    for (const id of 'abc') await send(outbox, id, { id })
    let { handed } = listen(outbox)
    await until(() => handed.length === 3, 'three')
    await Promise.all([handed[0]?.options.advance(1), handed[2]?.options.advance(7)])
    for (const { answer } of handed) answer(again('cut'))
    await quiet()
    /** Until all that is in the log now is there as copies only. */
    const flow = async (): Promise<void> => {
      outbox.attach('demo:flow', new Peer().always(DELIVERED).deliver, { pipeline: 500 })
      const logs = (): string[] => home.disk.files().filter((name) => name.endsWith('.log'))
      const before = new Set(logs())
      for (let round = 0; logs().some((name) => before.has(name)); round++) {
        expect(round).toBeLessThan(100)
        const one = { destination: 'demo:flow', kind: 'text', body: bytes('x'.repeat(200)) }
        await Promise.all(Array.from({ length: 100 }, () => outbox.submit(one)))
      }
    }
    await flow()
    await outbox.close()
    for (let time = 0; time < 2; time++) {
      outbox = await home.open({}, ports)
      ;({ handed } = listen(outbox))
      await until(() => handed.length === 3, 'three')
      expect(placesOf(handed)).toEqual(['a1 1 true', 'b2 0 true', 'c3 7 true'])
      for (const { answer } of handed) answer(again('cut'))
      if (time === 0) await flow()
      await outbox.close()
    }
    outbox = await home.open({}, ports)
    outbox.attach(DEMO, new Peer().always(DELIVERED).deliver, { pipeline: 3 })
    await outbox.idle()
    await outbox.close()
  })

  it('has a place that no other owed message has, whatever was settled before and behind it', async () => {
    const home = new Home('path')
    let outbox = await home.open()
    for (const id of 'abcd') await send(outbox, id, { id })
    // The newest and the oldest are settled: the place of neither may come back while b and c are owed.
    await Promise.all([outbox.drop('a'), outbox.drop('d')])
    await outbox.close()
    outbox = await home.open()
    for (const id of 'ef') await send(outbox, id, { id })
    const { handed } = listen(outbox)
    await until(() => handed.length === 4, 'four')
    expect(handed.map(({ message: { id } }) => id).join('')).toBe('bcef')
    const places = handed.map(({ message: { order } }) => order)
    expect(places.slice(0, 2)).toEqual([2, 3])
    expect(new Set(places).size).toBe(4)
    expect(places).toEqual(places.toSorted((one, other) => one - other))
    for (const { answer } of handed) answer(DELIVERED)
    await outbox.idle()
    await outbox.close()
  })

  it('keeps the stage that it had when the disk does not take another', async () => {
    const home = new Home('path')
    const outbox = await home.open()
    await send(outbox, 'a', { id: 'a' })
    const { handed } = listen(outbox)
    await until(() => handed.length === 1, 'an attempt')
    await handed[0]?.options.advance(1)
    const stopFailing = home.disk.fail(() => 'ENOSPC')
    await expect(handed[0]?.options.advance(2)).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    stopFailing()
    handed[0]?.answer(again('cut'))
    await outbox.close()
    await using reopened = await home.open()
    const next = listen(reopened)
    await until(() => next.handed.length === 1, 'an attempt')
    expect(placesOf(next.handed)).toEqual(['a1 1 true'])
    next.handed[0]?.answer(DELIVERED)
    await reopened.idle()
  })
})
