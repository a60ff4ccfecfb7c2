import { describe, expect, it } from 'vitest'
import { LASTING, LedgerStage, publishOf, textsOf } from './ledger-stage.ts'

const LIVE = 'live'.repeat(40)

describe('queues and the journal', () => {
  it('of a session that ends because it is full hold nothing', async () => {
    const stage = await LedgerStage.open({ overflow: 'expire-session', queuedMessages: 2 })
    const away = await stage.connect('away', LASTING)
    await stage.subscribe(away, 'a', 1)
    away.drop()
    const publisher = await stage.connect('publisher')
    for (const id of [1, 2, 3, 4]) publisher.send(publishOf('a', 'text', 1, id))
    await stage.settle()
    expect(stage.server.broker.sessions.size).toBe(1)
    expect(stage.store.count).toBe(0)
    // Two that waited, and the one for which there was no room.
    expect(stage.server.broker.counters.dropped).toBe(3)
    expect((await stage.crash()).store.count).toBe(0)
  })

  it('lose nothing of their own for a message for which that makes no room', async () => {
    const stage = await LedgerStage.open({ totalQueuedBytes: 10_000 })
    const filters = { one: ['all', 'one'], two: ['all'] }
    for (const [name, wanted] of Object.entries(filters)) {
      const client = await stage.connect(name, LASTING)
      for (const filter of wanted) await stage.subscribe(client, filter, 1)
      client.drop()
    }
    const publisher = await stage.connect('publisher')
    const publish = async (topic: string, count: number): Promise<void> => {
      for (let id = 1; id <= count; id++) publisher.send(publishOf(topic, `${topic} ${id}`.padEnd(900, '.'), 1, id))
      await stage.settle()
    }
    const { counters } = stage.server.broker
    await publish('all', 8)
    await publish('one', 1)
    expect(counters.dropped).toBe(0)
    // What waits for both stays for the other, so what is new goes.
    await publish('one', 20)
    expect(counters.dropped).toBe(20)
    const texts = async (name: string): Promise<string[]> =>
      textsOf(await stage.connect(name, LASTING)).map((text) => text.replace(/[.]+$/, ''))
    const all = Array.from({ length: 8 }, (_, index) => `all ${index + 1}`)
    expect(await texts('one')).toEqual([...all, 'one 1'])
    expect(await texts('two')).toEqual(all)
  })

  it('lose nothing of their own for a message that is larger than a queue may be', async () => {
    const stage = await LedgerStage.open({ queuedBytes: 1000 })
    const away = await stage.connect('away', LASTING)
    await stage.subscribe(away, 'a', 1)
    away.drop()
    const publisher = await stage.connect('publisher')
    publisher.send(publishOf('a', 'small', 1, 1), publishOf('a', 'x'.repeat(2000), 1, 2))
    await stage.settle()
    expect(stage.server.broker.counters.dropped).toBe(1)
    expect(textsOf(await stage.connect('away', LASTING))).toEqual(['small'])
  })

  it('that are full everywhere do not keep a client from what it can have at once', async () => {
    const stage = await LedgerStage.open({ totalQueuedBytes: 1000 })
    const away = await stage.connect('away', LASTING)
    await stage.subscribe(away, 'a', 1)
    away.drop()
    const reader = await stage.connect('reader', LASTING)
    await stage.subscribe(reader, 'b', 1)
    const publisher = await stage.connect('publisher')
    for (let id = 1; id <= 20; id++) publisher.send(publishOf('a', 'x'.repeat(350), 1, id))
    publisher.send(publishOf('b', LIVE, 1, 21))
    await stage.settle()
    expect(textsOf(reader)).toEqual([LIVE])
  })

  it('have their limits also for what a client with No Local has published itself', async () => {
    const stage = await LedgerStage.open({ queuedMessages: 3 })
    const client = await stage.connect('client', {
      ...LASTING,
      properties: { sessionExpiryInterval: 60, receiveMaximum: 1 },
    })
    await stage.subscribe(client, 'a', 1)
    await stage.subscribe(client, '#', 1, { noLocal: true })
    const other = await stage.connect('other', LASTING)
    await stage.subscribe(other, 'a', 1)
    for (let id = 1; id <= 20; id++) client.send(publishOf('a', String(id), 1, id))
    await stage.settle()
    const sessions = [...stage.server.broker.sessions]
    expect(sessions.map(({ clientId, queue }) => [clientId, queue.length])).toEqual([
      ['client', 3],
      ['other', 0],
    ])
  })
})
